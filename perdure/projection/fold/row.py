"""A journal row as the handlers of the fold make it, and its final form with the run and the place in it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from perdure.contract.identifier import UnitId
from perdure.contract.journal import JournalType
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.fold.unit import UnitFold


@dataclass(frozen=True, slots=True)
class Row:
    """What happened. `status` is that of the step, or of the job where no step is named, after it.

    Where it is null it is the job's once the whole event has been applied.
    """

    type: JournalType
    at: datetime
    actor: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    status: StepStatus | JobStatus | None = None
    outcome: AttemptOutcome | None = None
    data: dict[str, Any] = field(default_factory=dict)
    event_id: int | None = None
    """The event the row cites, where it is not the one being applied."""


def unit_row(
    type_: JournalType,
    at: datetime,
    unit: UnitFold,
    *,
    status: StepStatus | None = None,
    attempt: int | None = None,
    outcome: AttemptOutcome | None = None,
    actor: str | None = None,
    data: dict[str, Any] | None = None,
    event_id: int | None = None,
) -> Row:
    """A row about a unit, with the status it has now where none is given."""
    return Row(
        type_,
        at,
        actor=actor,
        step_id=unit.unit.step,
        attempt=attempt,
        status=status or unit.status,
        outcome=outcome,
        data={**place(unit.unit), **(data or {})},
        event_id=event_id,
    )


def place(unit: UnitId) -> dict[str, Any]:
    """Which unit of its step a row is about: `item` and `compensation`, where it is one."""
    item = {} if unit.index is None else {"item": unit.index}
    return {**item, "compensation": True} if unit.compensates else item
