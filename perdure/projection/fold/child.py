"""Child workflows: the job's dependents. They are jobs of their own; the parent tells that it started them."""

from perdure.contract.journal import JournalType
from perdure.projection.fold import reading
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent

_CLOSED = "CHILD_WORKFLOW_EXECUTION_"


def on_child_started(_: FoldState, event: HistoryEvent) -> list[Row]:
    """Temporal has started the child."""
    return [Row(JournalType.CHILD_STARTED, event.at, data=_child(event))]


def on_child_closed(_: FoldState, event: HistoryEvent) -> list[Row]:
    """The child ended while its parent was still there to hear of it."""
    outcome = event.type.removeprefix(_CLOSED)
    return [Row(JournalType.CHILD_CLOSED, event.at, data={**_child(event), "outcome": outcome})]


def _child(event: HistoryEvent) -> dict[str, str | None]:
    return {"child": reading.text(event.data, "child_id"), "child_run_id": reading.text(event.data, "child_run_id")}
