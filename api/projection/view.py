"""From stored operations to what the API shows; pure. Used by the projection routes."""

from collections.abc import Mapping

from api.projection.schemas import (
    CountsView,
    DifferenceView,
    FindingView,
    OperationView,
    ReconciliationView,
    SetAsideView,
)
from perdure.store.operation import Operation
from perdure.store.reconciliation import Reconciliation
from perdure.store.set_aside import SetAside

_ROWS = "rows."


def operation_view(operation: Operation) -> OperationView:
    """An operation."""
    same = ("id", "kind", "status", "tenant", "requested_by", "reason", "requested_at", "started_at", "finished_at")
    counts = operation.counts
    return OperationView(
        **{name: getattr(operation, name) for name in same},
        counts=CountsView(**{name: counts.get(name, 0) for name in CountsView.model_fields}),
        rows={name.removeprefix(_ROWS): rows for name, rows in counts.items() if name.startswith(_ROWS)},
        findings=[FindingView(**finding) for finding in operation.findings],
        digest=f"{operation.digest & 0xFFFF_FFFF_FFFF_FFFF:016x}" if operation.finished_at else None,
        problem=operation.problem,
    )


def reconciliation_view(found: Reconciliation) -> ReconciliationView:
    """An hour compared. Without a fault what differs was reset since, and is not told."""
    faulty = found.difference if found.missing or found.extra else {}
    return ReconciliationView(
        hour=found.hour,
        compared_at=found.compared_at,
        missing=found.missing,
        extra=found.extra,
        differences=_differences(faulty),
        miscounted=_differences(found.miscounted),
        vanished=found.vanished,
    )


def _differences(numbers: Mapping[tuple[str, str], int]) -> list[DifferenceView]:
    return [DifferenceView(type=type_, outcome=outcome, jobs=number) for (type_, outcome), number in numbers.items()]


def set_aside_view(job: SetAside) -> SetAsideView:
    """A job that was set aside."""
    return SetAsideView(**{name: getattr(job, name) for name in SetAsideView.model_fields})
