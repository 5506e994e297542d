"""What all modules of the interpreter share about one job: its units, what it keeps, what expressions see."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from temporalio import workflow

from perdure.contract.execution import JobStart, PauseState
from perdure.contract.identifier import parse_unit_id
from perdure.contract.json_size import json_bytes
from perdure.contract.state import StepStatus
from perdure.expressions import ExpressionError, Scope
from workflows.job.backoff import Backoffs
from workflows.job.budget import TaskBudget
from workflows.job.cheap import several
from workflows.job.local_batch import LocalBatches
from workflows.job.local_lane import LocalLane
from workflows.job.note import NoteWriter
from workflows.job.status_attribute import StatusAttribute
from workflows.job.unit import StepRun, Unit

BATCH_PATCH = "local-batches"


class JobRun:
    """One run of one job."""

    def __init__(self, job_id: str, start: JobStart) -> None:
        self.id = job_id
        self.start = start
        self.spec = start.spec
        self.limits = start.limits
        self.steps = {step.id: StepRun.of(step) for step in start.spec.steps}
        self.position = {step_id: place for place, step_id in enumerate(self.steps)}
        self.budget = TaskBudget(start.limits.task_bytes)
        self.lane = LocalLane(self.budget)
        self.batches = LocalBatches(self.budget, lambda: self.paused or self.stopping, start.limits.external_bytes)
        self._in_batches: bool | None = None
        self.backoffs = Backoffs(lambda: self.paused)
        self.notes = NoteWriter(start.carried.notes if start.carried else 0)
        self.attribute = StatusAttribute()
        self.paused = False
        self.paused_by: PauseState | None = None
        self.stopping = False
        """Whether what runs was asked to stop."""
        self.completed: list[str] = []
        """Names of the units that have a compensation, in the order of their completion."""
        self._kept_bytes = len(start.spec.model_dump_json(by_alias=True).encode())

    @property
    def in_batches(self) -> bool:
        """Whether local tries are made in batches; jobs that began to do without go on so."""
        if self._in_batches is None:
            # A patch costs two events, so a start that knows of batches says so itself.
            self._in_batches = several(self.spec) and (self.start.local_batches or workflow.patched(BATCH_PATCH))
        return self._in_batches

    def unit(self, name: str) -> Unit | None:
        """The unit of that name; None where the job has none, or not yet."""
        id_ = parse_unit_id(name)
        step = self.steps.get(id_.step) if id_ else None
        if id_ is None or step is None:
            return None
        if id_.compensates:
            return step.compensations.get(name)
        if id_.index is None:
            return step
        items = step.fan_out.items if step.fan_out else []
        return items[id_.index] if id_.index < len(items) else None

    @property
    def item_count(self) -> int:
        """Items of all fan-outs so far."""
        return sum(len(step.fan_out.items) for step in self.steps.values() if step.fan_out)

    def order(self, unit: Unit) -> tuple[int, bool, int]:
        """Sorts units as their steps are listed."""
        return self.position[unit.id.step], unit.id.compensates, unit.id.index or 0

    def keep(self, unit: Unit, output: Any) -> bool:
        """Keep a unit's output if the job's state stays within its limit; whether it did."""
        size = json_bytes(output) - json_bytes(unit.output)
        if not self.room_for(size):
            return False
        self._kept_bytes += size
        unit.output = output
        return True

    def hold(self, size: int) -> None:
        """Count what the job keeps beside outputs: deliveries, patches, what people decided."""
        self._kept_bytes += size

    def room_for(self, size: int) -> bool:
        """Whether the job may hold that many bytes more."""
        return self._kept_bytes + size <= self.limits.state_bytes

    def held_by(self, units: Iterable[Unit]) -> int:
        """Bytes that forgetting the items of these units sets free."""
        steps = (unit for unit in units if isinstance(unit, StepRun) and unit.fan_out)
        return sum(json_bytes(item.output) for step in steps for item in (step.fan_out.items if step.fan_out else []))

    def forget(self, unit: Unit) -> None:
        """Drop a unit's output, and those of its items."""
        self.keep(unit, None)
        if isinstance(unit, StepRun):
            for item in unit.fan_out.items if unit.fan_out else []:
                self.keep(item, None)
            unit.fan_out = None

    def scope(self, unit: Unit | None = None) -> Scope:
        """What `${ }` may refer to now; `item` and `index` where the unit is of a fan-out."""
        spec = self.spec
        roots = {
            "input": spec.input,
            "job": {
                "id": self.id,
                "name": spec.name,
                "type": spec.type,
                "labels": spec.labels,
                "correlation_id": spec.correlation_id,
            },
        }
        if unit is not None and unit.id.index is not None:
            roots["item"] = unit.item
            roots["index"] = unit.id.index
        return Scope(roots, StepsView(self.steps, unit))


class StepsView(Mapping[str, Any]):
    """`steps` of the expressions: each step's output, status and error, made when asked for.

    For an item the error of its own step is its own.
    """

    def __init__(self, steps: dict[str, StepRun], own: Unit | None) -> None:
        self._steps = steps
        self._own = own

    def __getitem__(self, step_id: str) -> dict[str, Any]:
        step = self._steps[step_id]
        if self._own is not None and self._own.behind and not step.status.final:
            raise ExpressionError("it is not there yet: the step is begun ahead of its turn", step_id)
        failed = self._own.error if self._own and self._own.id.step == step_id else step.error
        error = failed.model_dump(mode="json", by_alias=True) if failed else None
        return {"output": step.result, "status": str(step.status), "error": error}

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)


def is_open(unit: Unit) -> bool:
    """Whether something of the unit runs or waits; a parked one does not."""
    return unit.status in (StepStatus.RUNNING, StepStatus.RETRYING, StepStatus.WAITING)
