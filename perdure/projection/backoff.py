"""What is live of units whose next attempt the workflow makes, told as `live` tells it of those Temporal repeats.

Called by the projector and by readings of one job.
"""

from datetime import datetime

from perdure.contract.ledger import AttemptRecord
from perdure.projection.fold import FoldState
from perdure.projection.fold.backoff import held_back, open_backoffs
from perdure.projection.fold.unit import UnitFold
from perdure.projection.record import LiveObservation


def backing_off(state: FoldState, now: datetime) -> list[LiveObservation]:
    """An observation of each such unit: which attempt is due next, when, and how the last one failed."""
    on_timers = [_observation(state, unit, due, now) for unit, due in open_backoffs(state)]
    return on_timers + [_observation(state, unit, None, now) for unit in held_back(state)]


def _observation(state: FoldState, unit: UnitFold, due: datetime | None, now: datetime) -> LiveObservation:
    """`due` is none where only the job's pause holds it back."""
    made = unit.tried.get(unit.round, 0)
    last = [attempt for attempt in unit.attempts if attempt.round == unit.round][-1:]
    return LiveObservation(
        job_id=state.job_id,
        run_id=state.run_id,
        step_id=unit.id,
        round=unit.round,
        observed_at=now,
        attempt=made + 1,
        attempts=[AttemptRecord(**{name: getattr(one, name) for name in AttemptRecord.model_fields}) for one in last],
        error=unit.error,
        next_retry_at=due,
        before=made,
        paused=due is None,
    )
