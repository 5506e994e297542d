"""Starts the job's dependents: child workflows that outlive their parent, with ids known beforehand."""

import asyncio
from collections.abc import Callable

from temporalio.exceptions import WorkflowAlreadyStartedError

from perdure.contract.identifier import dependent_id
from perdure.contract.journal import JournalType
from perdure.contract.spec import DependentSpec, DependentWhen
from perdure.expressions import ExpressionError, resolve
from workflows.job.child_start import inherit, start_child
from workflows.job.ending import Ending, EndingKind
from workflows.job.outcome import told
from workflows.job.state import JobRun

_AFTER_END = {
    EndingKind.COMPLETED: DependentWhen.SUCCESS,
    EndingKind.COMPLETED_WITH_ERRORS: DependentWhen.SUCCESS,
    EndingKind.FAILED: DependentWhen.FAILURE,
    EndingKind.DISCARDED: DependentWhen.FAILURE,
    EndingKind.EXPIRED: DependentWhen.FAILURE,
    EndingKind.TIMED_OUT: DependentWhen.FAILURE,
}


class Dependents:
    """The starts under way. A start is never cut off: once decided, the dependent runs."""

    def __init__(self, job: JobRun, on_moved: Callable[[], None]) -> None:
        self._job = job
        self._on_moved = on_moved
        self._starting: dict[str, asyncio.Task[None]] = {}
        self.crash: BaseException | None = None

    @property
    def idle(self) -> bool:
        """Whether every start is confirmed."""
        return not self._starting

    def after_end(self, ending: Ending) -> None:
        """Start what waits for the job's end."""
        wanted = {DependentWhen.ALWAYS, _AFTER_END.get(ending.kind)}
        self._begin([each for each in self._job.spec.dependents if each.when in wanted], park=1)

    def after_park(self, park: int) -> None:
        """Start what waits for a dead letter; `park` counts them."""
        wanted = [each for each in self._job.spec.dependents if each.when is DependentWhen.DEAD_LETTER]
        self._begin(wanted, park)

    def _begin(self, dependents: list[DependentSpec], park: int) -> None:
        for dependent in dependents:
            id_ = dependent_id(self._job.id, dependent.name, park)
            self._starting[id_] = asyncio.create_task(self._start(id_, dependent))

    async def _start(self, id_: str, dependent: DependentSpec) -> None:
        try:
            input_ = resolve(dependent.job.input, self._job.scope()).value
            await start_child(self._job, id_, inherit(self._job.spec, dependent.job, input_), bound=False)
        except ExpressionError as problem:
            reason = f"its input: {told(problem)}"
            self._job.notes.add(JournalType.CHILD_NOT_STARTED, reason=reason, child=id_, name=dependent.name)
        except WorkflowAlreadyStartedError:
            pass  # an earlier run of this job started it, before a reset
        except Exception as crash:  # noqa: BLE001  raised again by the main coroutine: the task must not vanish
            self.crash = crash
        del self._starting[id_]
        self._on_moved()
