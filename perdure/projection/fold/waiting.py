"""`WAIT` and `APPROVAL`: what an open one waits for, and what was delivered or decided."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from perdure.contract.command import ApprovalDecision
from perdure.contract.note import Note
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.change import begin, complete
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold, UnitFold
from perdure.projection.record import Decision, WaitingFor

WAIT = "WAIT"
APPROVAL = "APPROVAL"
WAITING_TYPES = frozenset({WAIT, APPROVAL})
_APPROVED = ApprovalDecision.APPROVE.value


def on_waiting(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    """A unit began to wait for somebody."""
    begin(state, unit, StepStatus.WAITING, at)
    unit.decisions = []
    unit.waiting_for = _waiting_for(note.data, reading.moment(note.data.get("expires_at")), ())
    unit.wake_at = unit.waiting_for.expires_at


def on_delivered(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    """A payload came, which ends a WAIT; or a person decided, which may end an APPROVAL."""
    unit.started_at = unit.started_at or at
    said = reading.text(note.data, "decision")
    if said is None:
        complete(state, unit, note.data.get("payload"), at)
        return
    decision = Decision(actor=note.actor, decision=said, reason=note.reason, at=at)
    unit.decisions = [*unit.decisions, decision]
    if unit.waiting_for is not None:
        unit.waiting_for = unit.waiting_for.model_copy(update={"approvals": _approvals(unit.decisions)})
    if note.data.get("complete") is True and said == _APPROVED:
        complete(state, unit, note.data.get("output"), at)


def take_over_wait(
    step: StepFold, unit: UnitFold, decisions: Sequence[Mapping[str, Any]] | None, name: str | None
) -> None:
    """What an earlier run of the job noted of a wait that goes on: the name, and what else the spec tells."""
    read = (reading.model(Decision, decision) for decision in decisions or ())
    unit.decisions = [decision for decision in read if decision is not None]
    if unit.status is StepStatus.WAITING and step.terms.type in WAITING_TYPES:
        literal = {name: value for name, value in step.params.items() if "${" not in str(value)}
        known = {"kind": step.terms.type, "required_approvals": 1 if step.terms.type == APPROVAL else None, **literal}
        unit.waiting_for = _waiting_for({**known, "name": name or known.get("name")}, unit.wake_at, unit.decisions)


def _waiting_for(data: Mapping[str, Any], expires_at: datetime | None, decisions: Sequence[Decision]) -> WaitingFor:
    required = reading.number(data, "required_approvals")
    return WaitingFor(
        kind=reading.text(data, "kind") or WAIT,
        name=reading.text(data, "name"),
        expires_at=expires_at,
        message=reading.text(data, "message"),
        required_approvals=required,
        approvals=None if required is None else _approvals(decisions),
        roles=[role for role in reading.items(data, "roles") if isinstance(role, str)],
    )


def _approvals(decisions: Sequence[Decision]) -> int:
    return len({decision.actor for decision in decisions if decision.decision == _APPROVED})
