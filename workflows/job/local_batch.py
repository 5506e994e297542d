"""Makes local tries in batches: one local activity a batch, one try after the other (decision 0025).

At most one batch of a job runs at a time, and it ends as a whole. While it runs nothing else reaches the job, so who
is begun ahead of its turn, behind another in the same batch, sees the job as it would have seen it at its turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from perdure.contract.json_size import json_bytes
from perdure.contract.local_first import (
    BATCH_TRIES,
    LOCAL_BATCH_SECONDS,
    LOCAL_CALL_BYTES,
    LOCAL_INPUT_BYTES,
    LOCAL_SECONDS,
    LocalBatch,
    LocalCall,
    LocalResult,
    LocalTry,
)
from perdure.contract.name import ACTIVITY_LOCAL, INTERNAL_SUMMARY_PREFIX
from perdure.contract.step_call import StepInput
from workflows.job.budget import TaskBudget

FAILURE_BYTES = 1024
"""What the marker of a failed batch takes."""
OVERHEAD_MS = 4
"""What a batch takes beside its tries, roughly; counted, for signals wait for that too."""
FEW, MANY = 40, 400
"""Tries that are begun together ahead of their turn: at first, and at most."""
SUMMARY_LENGTH = 150
"""Characters of names in a summary; Temporal's Web UI shows it."""


@dataclass(eq=False, slots=True)
class _Turn:
    call: LocalCall
    size: int
    """Bytes that the try may take up in the result."""
    ended: asyncio.Future[LocalTry | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    taken: bool = False

    def end(self, made: LocalTry | None) -> None:
        if not self.ended.done():
            self.ended.set_result(made)


class LocalBatches:
    """The local tries of a job: those that are being made, and those that wait for the next batch.

    `on_hold` says whether nothing may be begun ahead of its turn: the job is paused, or is ending. Payloads of
    `external_bytes` and more go to external storage.
    """

    def __init__(self, budget: TaskBudget, on_hold: Callable[[], bool], external_bytes: int | None = None) -> None:
        self._budget = budget
        # No history needs the input, so it is not to go to external storage, where nobody would remove it.
        self._most_input = min(LOCAL_INPUT_BYTES, external_bytes or LOCAL_INPUT_BYTES)
        self._on_hold = on_hold
        self._line: deque[_Turn] = deque()
        self._driver: asyncio.Task[None] | None = None
        self._handle: workflow.ActivityHandle[RawValue] | None = None
        self._stopped = False
        """Whether the running batch was asked to stop."""
        self.capacity = FEW
        """How many tries a batch is likely to have room and time for: more are not begun ahead."""
        self._full = False
        """Whether not all that were in line found room in the running batch."""
        self._count = 0
        self._history_length = -1
        self._tries = 0
        self._took_ms = 0

    async def make(self, id_: str, call: StepInput, size: int, after: tuple[str, ...]) -> LocalTry | None:
        """How the try went; None where it was not made.

        Args:
            id_: the unit and its round, as an activity id.
            call: what the step's activity gets.
            size: bytes that the try may take up in the result.
            after: ids of tries that are in line, where this one is ahead of its turn, behind them. It is then made
                in the same batch, or not at all.
        """
        turn = _Turn(LocalCall(id=id_, call=call, after=list(after)), size)
        self._line.append(turn)
        if self._driver is None or self._driver.done():
            # It begins once all that are on their way to the line are in it.
            self._driver = asyncio.create_task(self._drive())
        try:
            return await turn.ended
        except asyncio.CancelledError:
            if turn.taken and self._handle is not None and not self._stopped:
                self._stopped = True
                self._handle.cancel()
            raise

    async def _drive(self) -> None:
        while self._line:
            batch = self._next_batch()
            if batch:
                await self._make(batch)
                await _lull()
            elif self._line:
                await self._budget.next_task()

    # --- putting a batch together ---

    def _next_batch(self) -> list[_Turn]:
        batch: list[_Turn] = []
        ids: set[str] = set()
        bytes_in = 0
        while self._line:
            turn = self._line[0]
            if turn.call.after and (self._on_hold() or not ids.issuperset(turn.call.after)):
                turn.end(None)
            if not turn.ended.done():
                bytes_in += LOCAL_CALL_BYTES + json_bytes(turn.call.call.params)
                if (batch and bytes_in > self._most_input) or not self._has_room(len(batch), turn.size):
                    break
                batch.append(turn)
                ids.add(turn.call.id)
            self._line.popleft()
        self._full = bool(self._line)
        self._send_back()
        return batch

    def _has_room(self, others: int, size: int) -> bool:
        length = workflow.info().get_current_history_length()
        if length != self._history_length:
            self._history_length = length
            self._tries = self._took_ms = 0
        in_time = self._tries + others < BATCH_TRIES and self._took_ms < LOCAL_SECONDS * 1_000
        return in_time and self._budget.borrow(size)

    def _send_back(self) -> None:
        """Who is ahead of its turn and found no room beside those it is behind waits for its turn after all."""
        for turn in self._line:  # those that are left
            if turn.call.after:
                turn.end(None)
        self._line = deque(turn for turn in self._line if not turn.ended.done())

    # --- making it ---

    async def _make(self, batch: list[_Turn]) -> None:
        for turn in batch:
            turn.taken = True
        self._tries += len(batch)
        self._stopped = False
        self._handle = self._start([turn.call for turn in batch])
        await workflow.wait([self._handle])
        result = _read(self._handle)
        used = len(self._handle.result().payload.data) if result else FAILURE_BYTES
        self._budget.give_back(sum(turn.size for turn in batch), used)
        self._took_ms += OVERHEAD_MS + (result.took_ms if result else 0)
        self._adapt(batch, result)
        self._tell(batch, result)

    def _adapt(self, batch: list[_Turn], result: LocalResult | None) -> None:
        if result is None or result.cut_short:
            self.capacity = max(1, len(result.tries) if result else 0)
        elif self._full:
            self.capacity = len(batch)
        elif len(batch) >= self.capacity:
            self.capacity = min(2 * len(batch), MANY)

    def _start(self, calls: list[LocalCall]) -> workflow.ActivityHandle[RawValue]:
        self._count += 1
        return workflow.start_local_activity(
            ACTIVITY_LOCAL,
            LocalBatch(tries=calls),
            activity_id=f"{INTERNAL_SUMMARY_PREFIX}local.{self._count}",
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=LOCAL_BATCH_SECONDS),
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=_names(calls),
        )

    def _tell(self, batch: list[_Turn], result: LocalResult | None) -> None:
        """What was not reached goes into the next batch; of a batch that failed everything is to be done elsewhere."""
        made = {each.id: each for each in result.tries} if result else {}
        failed = not made and not self._stopped
        left = []
        for turn in batch:
            turn.taken = False
            found = made.get(turn.call.id)
            if found is not None or failed or turn.call.after:
                turn.end(found)
            elif not turn.ended.done():
                left.append(turn)
        self._line.extendleft(reversed(left))


def _read(handle: workflow.ActivityHandle[RawValue]) -> LocalResult | None:
    if handle.cancelled() or handle.exception() is not None:
        return None
    try:
        return LocalResult.model_validate_json(handle.result().payload.data)
    except ValidationError:
        return None


async def _lull() -> None:
    """Wait until what the batch set free is in line: the main coroutine starts it, then it gets there."""
    for _ in range(2):
        await workflow.wait_condition(lambda: True)


def _names(calls: list[LocalCall]) -> str:
    shown = ", ".join(call.id for call in calls[:20])
    if len(calls) <= 20 and len(shown) <= SUMMARY_LENGTH:  # noqa: PLR2004  more would be cut anyway
        return shown
    whole = shown[:SUMMARY_LENGTH].rpartition(", ")[0]
    return f"{whole} and {len(calls) - whole.count(',') - 1} more"
