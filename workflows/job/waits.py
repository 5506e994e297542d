"""What a job waits for from outside: open `WAIT` and `APPROVAL` units, and deliveries that came early."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from perdure.contract.duration import parse_duration
from perdure.contract.execution import DeliveryState, JobState
from perdure.contract.json_size import json_bytes
from perdure.contract.name import TIMER_WAIT
from perdure.contract.state import StepStatus
from perdure.contract.waiting import ApprovalParams, WaitParams
from perdure.expressions import payload_problem
from workflows.job.deadline import Deadline
from workflows.job.outcome import Outcome
from workflows.job.state import JobRun
from workflows.job.status_attribute import Need
from workflows.job.unit import Unit

Answer = DeliveryState | Outcome | None
"""What ends a wait: a delivery, the outcome of an approval, or None when the time is up."""


@dataclass(eq=False, slots=True)
class OpenWait:
    """A unit that waits."""

    unit: Unit
    params: WaitParams | ApprovalParams
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def answered(self) -> bool:
        """Whether its end is known; its task has only not run since."""
        return self.answer.done()


class Waits:
    """The open waits of a job, in the order they began."""

    def __init__(self, job: JobRun, carried: JobState | None) -> None:
        self.early: list[DeliveryState] = list(carried.deliveries) if carried else []
        self._job = job
        for delivery in self.early:
            job.hold(json_bytes(delivery.payload))
        self._open: dict[str, OpenWait] = {}
        if any(_needs_person(unit) for step in job.steps.values() for unit in (step, *_items(step))):
            job.attribute.restore(Need.WAITING)

    @property
    def open(self) -> list[OpenWait]:
        """The waits that nothing has ended yet."""
        return [wait for wait in self._open.values() if not wait.answered]

    def keep_early(self, delivery: DeliveryState) -> None:
        """Keep a delivery for a step that will wait."""
        self.early.append(delivery)
        self._job.hold(json_bytes(delivery.payload))

    def knows(self, unit: Unit) -> bool:
        """Whether the unit waits, or was answered and has not gone on since."""
        return unit.name in self._open

    async def until_answered(self, unit: Unit, params: WaitParams | ApprovalParams) -> Answer:
        """Wait for whatever ends it. The unit is WAITING meanwhile, also over continue-as-new."""
        wait = OpenWait(unit, params)
        self._open[unit.name] = wait
        self._job.attribute.set(Need.WAITING, holds=True)
        deadline = Deadline(TIMER_WAIT, lambda: _time_out(wait))
        try:
            if isinstance(params, WaitParams):
                self._take_early(wait, params)
            if unit.wake_at is not None and not wait.answered:
                deadline.start(datetime.fromisoformat(unit.wake_at) - workflow.now())
            return await wait.answer
        finally:
            deadline.stop()
            del self._open[unit.name]
            # A canceled wait may only be handed to the next run, which goes on with the attribute.
            if not self._open and wait.answered and not wait.answer.cancelled():
                self._job.attribute.set(Need.WAITING, holds=False)

    def expiry(self, params: WaitParams | ApprovalParams) -> str | None:
        """When a wait that begins now gives up."""
        return (workflow.now() + parse_duration(params.timeout)).isoformat() if params.timeout else None

    def _take_early(self, wait: OpenWait, params: WaitParams) -> None:
        for delivery in self.early:
            if delivery.name == params.name and problem_of(params, delivery) is None:
                self.early.remove(delivery)
                self._job.hold(-json_bytes(delivery.payload))
                wait.answer.set_result(delivery)
                return


def problem_of(params: WaitParams, delivery: DeliveryState) -> str | None:
    """Why the delivery's payload does not meet the step's schema."""
    return None if params.payload_schema is None else payload_problem(params.payload_schema, delivery.payload)


def _time_out(wait: OpenWait) -> None:
    if not wait.answered:
        wait.answer.set_result(None)


def _needs_person(unit: Unit) -> bool:
    return unit.status is StepStatus.WAITING and unit.operation.type in ("WAIT", "APPROVAL")


def _items(step: object) -> list[Unit]:
    fan_out = getattr(step, "fan_out", None)
    return fan_out.items if fan_out else []
