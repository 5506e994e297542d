"""What has rounds and attempts of its own, as the fold knows it: a step, an item, a compensation."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from perdure.contract.error import ErrorInfo
from perdure.contract.identifier import UnitId
from perdure.contract.state import StepStatus
from perdure.projection.fold.failure import StepTerms
from perdure.projection.record import Decision, StepAttempt, WaitingFor

OPEN = frozenset({StepStatus.RUNNING, StepStatus.WAITING, StepStatus.DEAD_LETTERED})


@dataclass(slots=True)
class UnitFold:
    """A unit so far. `tried` counts this run's attempts by round; `carried_*` those of earlier runs."""

    unit: UnitId
    status: StepStatus = StepStatus.PENDING
    round: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    wake_at: datetime | None = None
    output: Any = None
    error: ErrorInfo | None = None
    attempts: list[StepAttempt] = field(default_factory=list)
    tried: dict[int, int] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    """Of `tried`, what the round's closed activities told in a ledger: the next one's numbers begin after it."""
    carried_attempts: int = 0
    carried_retries: int = 0
    waiting_for: WaitingFor | None = None
    decisions: list[Decision] = field(default_factory=list)
    compensation: "UnitFold | None" = None

    @property
    def id(self) -> str:
        """As notes and summaries name it."""
        return str(self.unit)

    @property
    def attempt_count(self) -> int:
        """Attempts of all rounds."""
        return self.carried_attempts + sum(self.tried.values())

    @property
    def retry_count(self) -> int:
        """Attempts beyond the first of each round."""
        return self.carried_retries + sum(max(0, tried - 1) for tried in self.tried.values())


@dataclass(slots=True)
class StepFold(UnitFold):
    """A step: itself, and the items of its fan-out. Counts of what belongs to it are kept as it changes."""

    position: int = 0
    terms: StepTerms = field(default_factory=StepTerms)
    undo_terms: StepTerms = field(default_factory=StepTerms)
    """Of its compensation."""
    awaits_child: bool = True
    """Whether, where it is a JOB step, it ends with its child."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Where it is a WAIT or an APPROVAL: what its spec says, unresolved."""
    total: int | None = None
    """How many items it has, once its fan-out has begun."""
    items: dict[int, UnitFold] = field(default_factory=dict)
    item_counts: Counter[StepStatus] = field(default_factory=Counter)
    running_items: dict[int, int] = field(default_factory=dict)
    """Items that run, with their rounds."""
    parked_items: dict[int, None] = field(default_factory=dict)
    parked_whole: bool = False
    """Whether it is parked itself, not by its items."""
    undo_counts: Counter[StepStatus] = field(default_factory=Counter)
    """Compensations of items."""
    undo_error: ErrorInfo | None = None
    """The newest error of a compensation of an item."""
    item_attempts: int = 0
    item_retries: int = 0
    undo_attempts: int = 0
    undo_retries: int = 0
    """Of all its compensations."""

    @property
    def only_waits(self) -> bool:
        """Whether it is a fan-out of which every item that is under way waits."""
        return self.total is not None and not self.running_items and self.item_counts[StepStatus.WAITING] > 0

    @property
    def all_attempts(self) -> int:
        """Attempts of the step, its items and their compensations."""
        return self.attempt_count + self.item_attempts + self.undo_attempts

    @property
    def all_retries(self) -> int:
        """Likewise."""
        return self.retry_count + self.item_retries + self.undo_retries

    @property
    def fans_out(self) -> bool:
        """Whether its items are what runs."""
        return self.total is not None

    @property
    def closes_canceled(self) -> bool:
        """Whether all items have ended, and some because they were stopped: then the workflow notes nothing more."""
        ended = sum(number for status, number in self.item_counts.items() if status.final)
        return self.item_counts[StepStatus.CANCELED] > 0 and ended == self.total

    @property
    def unbegun(self) -> int:
        """Items of which nothing was heard yet."""
        return max(0, (self.total or 0) - len(self.items))

    def of_unit(self, unit: UnitId) -> StepTerms:
        """The terms of its attempts, or of those of its compensation."""
        return self.undo_terms if unit.compensates else self.terms

    def collected(self) -> list[Any]:
        """The outputs of the items, in order; null where there is none."""
        outputs: list[Any] = [None] * (self.total or 0)
        for index, item in self.items.items():
            if index < len(outputs):
                outputs[index] = item.output
        return outputs

    def all_items(self) -> Iterator[UnitFold]:
        """The items of which something was heard, in order."""
        return (self.items[index] for index in sorted(self.items))
