"""Lays live observations over the job as its history tells it; pure. Used by the writer and the job queries."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.record import JobRecord, LiveObservation, StepAttempt, StepRecord

_J = TypeVar("_J", bound=JobRecord)
_SHOWS_RETRYING = frozenset({JobStatus.RUNNING, JobStatus.WAITING})


def overlay(record: _J, observations: Sequence[LiveObservation]) -> _J:
    """`record` with the live attempts of its steps, and RETRYING where a step is between attempts.

    Args:
        record: as folded. Its attempts are never replaced.
        observations: in the order they were made; those of other runs are ignored.
    """
    newest = {(seen.step_id, seen.round): seen for seen in observations if seen.run_id == record.run_id}
    if not newest:
        return record
    steps = [_step(step, [seen for key, seen in newest.items() if key[0] == step.id]) for step in record.steps]
    more = sum(step.attempt_count for step in steps) - sum(step.attempt_count for step in record.steps)
    retries = sum(map(_retries, steps)) - sum(map(_retries, record.steps))
    changed = record.model_copy(
        update={
            "steps": steps,
            "attempts": record.attempts + more,
            "retry_count": record.retry_count + retries,
        }
    )
    return _retrying(changed, newest)


def _step(step: StepRecord, seen: Iterable[LiveObservation]) -> StepRecord:
    for observation in seen:
        step = _with_attempts(step, observation)
        if step.status is StepStatus.RUNNING and observation.round == step.round and _failed_once(observation):
            step = step.model_copy(update={"status": StepStatus.RETRYING, "error": observation.error or step.error})
    return step


def _failed_once(observation: LiveObservation) -> bool:
    return observation.attempt > 1 or observation.error is not None


def _with_attempts(step: StepRecord, observation: LiveObservation) -> StepRecord:
    known = {attempt.attempt for attempt in step.attempts if attempt.round == observation.round}
    live = [
        StepAttempt(**dict(attempt), round=observation.round, live=True)
        for attempt in observation.attempts
        if attempt.attempt not in known
    ]
    if not live or 1 in known:  # where history has the first attempt, a ledger told it all that is kept
        return step
    live = [_stopped(attempt, step) if step.status.final else attempt for attempt in live]
    newest = max(attempt.attempt for attempt in live)
    return step.model_copy(
        update={
            "attempts": sorted([*step.attempts, *live], key=lambda attempt: (attempt.round, attempt.attempt)),
            "attempt_count": step.attempt_count + max(0, newest - max(known, default=0)),
        }
    )


def _stopped(attempt: StepAttempt, step: StepRecord) -> StepAttempt:
    """An attempt that was seen running and of which nothing more was heard: the job was ended meanwhile."""
    if attempt.outcome is not None:
        return attempt
    return attempt.model_copy(update={"outcome": AttemptOutcome.CANCELED, "ended_at": step.completed_at})


def _retries(step: StepRecord) -> int:
    newest: dict[int, int] = {}
    for attempt in step.attempts:
        newest[attempt.round] = max(newest.get(attempt.round, 0), attempt.attempt)
    return sum(number - 1 for number in newest.values())


def _retrying(record: _J, newest: dict[tuple[str, int], LiveObservation]) -> _J:
    retrying = [step for step in record.steps if step.status is StepStatus.RETRYING]
    if not retrying or record.status not in _SHOWS_RETRYING:
        return record
    first = retrying[0]
    seen = newest[first.id, first.round]
    return record.model_copy(
        update={
            "status": JobStatus.RETRYING,
            "status_reason": _reason(seen),
            "error": first.error,
            "error_step": first.id if first.error else None,
        }
    )


def _reason(seen: LiveObservation) -> str:
    failed = seen.attempt - 1
    times = "once" if failed == 1 else f"{failed} times"
    if seen.next_retry_at is None:
        return f"step {seen.step_id} failed {times}, attempt {seen.attempt} is running"
    due = seen.next_retry_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"step {seen.step_id} failed {times}, next attempt at {due}"
