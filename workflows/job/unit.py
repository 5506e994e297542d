"""A unit while its job runs: a step, one item of its fan-out, or the compensation of either."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from perdure.contract.error import ErrorInfo
from perdure.contract.identifier import UnitId
from perdure.contract.spec import Operation, StepSpec
from perdure.contract.state import StepStatus


@dataclass(eq=False, slots=True)
class Unit:
    """What has rounds and attempts of its own. Most fields are those of `UnitState`."""

    id: UnitId
    operation: Operation
    step: StepSpec
    name: str = field(init=False)
    """The id as text: in activity ids, summaries, notes and decisions."""
    item: Any = None
    status: StepStatus = StepStatus.PENDING
    round: int = 1
    generation: int = 1
    output: Any = None
    error: ErrorInfo | None = None
    started_at: str | None = None
    completed_at: str | None = None
    attempts: int = 0
    wake_at: str | None = None
    patch: dict[str, Any] | None = None
    decisions: list[dict[str, Any]] = field(default_factory=list)
    waits_for: str | None = None
    behind: tuple[str, ...] = ()
    """Set while it is PENDING and was begun ahead of its turn: activity ids of those it follows in a local batch."""
    leader: "Unit | None" = None
    """Where it is an item ahead of its turn: whose place it takes when that one has completed."""
    follower: "Unit | None" = None
    """The reverse."""

    def __post_init__(self) -> None:
        self.name = str(self.id)

    def begin_again(self) -> None:
        """Back to PENDING, for another round."""
        self.status = StepStatus.PENDING
        self.round += 1
        self.started_at = self.completed_at = self.wake_at = self.waits_for = None
        self.decisions = []


@dataclass(eq=False, slots=True)
class FanOut:
    """The items of a step: which wait for a place, how many run, are parked, have not ended for good."""

    items: list[Unit]
    queue: deque[Unit] = field(default_factory=deque)
    running: int = 0
    parked: int = 0
    left: int = 0
    given_up: bool = False
    """Whether the job has no room for the list: the step failed as a whole, and items count only for being undone."""


@dataclass(eq=False, slots=True)
class StepRun(Unit):
    """A step of the spec. `fan_out` is set once its items are known; compensations once they are begun."""

    fan_out: FanOut | None = None
    begun_at: int | None = None
    """How long the history was when its round began: of the same length, it holds nothing of that yet."""
    compensations: dict[str, Unit] = field(default_factory=dict)

    @property
    def result(self) -> Any:
        """What `steps.<id>.output` gives: of a fan-out the items' outputs, in order."""
        return self.output if self.fan_out is None else [item.output for item in self.fan_out.items]

    @classmethod
    def of(cls, spec: StepSpec) -> "StepRun":
        """A step that has not begun."""
        return cls(UnitId(spec.id), spec, spec)

    def item_unit(self, index: int, value: Any) -> Unit:
        """An item that has not begun; its rounds and generation go on from the step's."""
        id_ = UnitId(self.step.id, index)
        return Unit(id_, self.step, self.step, item=value, round=self.round, generation=self.generation)

    def compensation(self, unit: Unit) -> Unit:
        """What undoes `unit`, which is this step or an item of it, and has a compensation."""
        id_ = unit.id._replace(compensates=True)
        operation = self.step.compensate
        assert operation is not None  # noqa: S101  asked for only where there is one
        undo = Unit(id_, operation, self.step, item=unit.item, generation=unit.generation)
        return self.compensations.setdefault(undo.name, undo)
