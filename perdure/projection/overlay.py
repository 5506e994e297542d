"""Lays live observations over the job as its history tells it; pure. Used by the writer and the job queries.

History has the attempts of an activity once that has closed: what was seen of it before then counts no more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from perdure.contract.identifier import UnitId, parse_unit_id
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.fold.phrase import one_unit
from perdure.projection.record import (
    ItemRecord,
    JobRecord,
    LiveObservation,
    StepAttempt,
    StepRecord,
    UnitRecord,
)

_J = TypeVar("_J", bound=JobRecord)
_U = TypeVar("_U", bound=UnitRecord)
_Owner = TypeVar("_Owner", StepRecord, ItemRecord)
_Seen = Mapping[tuple[str, int], LiveObservation]
_SHOWS_RETRYING = frozenset({JobStatus.RUNNING, JobStatus.WAITING})


def overlay(record: _J, observations: Sequence[LiveObservation]) -> _J:
    """`record` with the live attempts of its steps, and RETRYING where a step is between attempts.

    Args:
        record: as folded. Its attempts are never replaced.
        observations: in the order they were made; those of other runs are ignored.
    """
    newest = _newest(observations, record.run_id)
    if not newest:
        return record
    steps = [_step(step, newest) for step in record.steps]
    retried = sum(_retried(seen) for step in record.steps for seen in _of_items(step, newest))
    changed = record.model_copy(
        update={
            "steps": steps,
            "attempts": record.attempts + sum(map(_tries, steps)) - sum(map(_tries, record.steps)),
            "retry_count": record.retry_count + sum(map(_retries, steps)) - sum(map(_retries, record.steps)) + retried,
        }
    )
    return _retrying(changed, newest)


def overlay_items(
    items: Iterable[ItemRecord], run_id: str, observations: Sequence[LiveObservation]
) -> list[ItemRecord]:
    """The same for the items of a step."""
    newest = _newest(observations, run_id)
    return [_seen(item, f"{item.step_id}.{item.index}", newest) for item in items]


def _newest(observations: Sequence[LiveObservation], run_id: str) -> _Seen:
    return {(seen.step_id, seen.round): seen for seen in observations if seen.run_id == run_id}


def _step(step: StepRecord, newest: _Seen) -> StepRecord:
    step = _seen(step, step.id, newest)
    of_items = list(_of_items(step, newest))
    if not of_items:
        return step
    failed = next(filter(_failed_once, of_items), None)
    more = sum(max(0, _made(seen) - seen.before) for seen in of_items)
    update: dict[str, Any] = {
        "attempt_count": step.attempt_count + more,
        "paused": step.paused or any(seen.paused for seen in of_items),
    }
    if failed is not None and step.status is StepStatus.RUNNING:
        update |= {"status": StepStatus.RETRYING, "error": failed.error or step.error}
    return step.model_copy(update=update)


def _of_items(step: StepRecord, newest: _Seen) -> Iterator[LiveObservation]:
    for index, round_ in step.running_items.items():
        seen = newest.get((f"{step.id}.{index}", round_))
        if seen is not None:
            yield seen


def _seen(owner: _Owner, id_: str, newest: _Seen) -> _Owner:
    """A step or an item, and its compensation."""
    found = _unit(owner, id_, newest)
    if found.compensation is None:
        return found
    return found.model_copy(update={"compensation": _unit(found.compensation, f"{id_}.compensate", newest)})


def _unit(unit: _U, id_: str, newest: _Seen) -> _U:
    for observation in [seen for key, seen in newest.items() if key[0] == id_]:
        unit = _with_attempts(unit, observation)
        if unit.status is StepStatus.RUNNING and observation.round == unit.round:
            update: dict[str, Any] = {"paused": observation.paused}
            if _failed_once(observation):
                update |= {"status": StepStatus.RETRYING, "error": observation.error or unit.error}
            unit = unit.model_copy(update=update)
    return unit


def _failed_once(observation: LiveObservation) -> bool:
    return observation.attempt > 1 or observation.error is not None


def _made(observation: LiveObservation) -> int:
    return max((attempt.attempt for attempt in observation.attempts), default=0)


def _with_attempts(unit: _U, observation: LiveObservation) -> _U:
    known = {attempt.attempt for attempt in unit.attempts if attempt.round == observation.round}
    live = [
        StepAttempt(**dict(attempt), round=observation.round, live=True)
        for attempt in observation.attempts
        if attempt.attempt not in known
    ]
    if not live or (1 in known and max(known) > observation.before):  # it has closed, and its ledger told all
        return unit
    live = [_stopped(attempt, unit) if unit.status.final else attempt for attempt in live]
    newest = max(attempt.attempt for attempt in live)
    return unit.model_copy(
        update={
            "attempts": sorted([*unit.attempts, *live], key=lambda attempt: (attempt.round, attempt.attempt)),
            "attempt_count": unit.attempt_count + max(0, newest - max(known, default=0)),
        }
    )


def _stopped(attempt: StepAttempt, unit: UnitRecord) -> StepAttempt:
    """An attempt that was seen running and of which nothing more was heard: the job was ended meanwhile."""
    if attempt.outcome is not None:
        return attempt
    return attempt.model_copy(update={"outcome": AttemptOutcome.CANCELED, "ended_at": unit.completed_at})


def _tries(step: StepRecord) -> int:
    return step.attempt_count + (step.compensation.attempt_count if step.compensation else 0)


def _retries(step: StepRecord) -> int:
    """Of the attempts that are kept of the step itself and of its compensation; items are counted by `_retried`."""
    newest: dict[tuple[bool, int], int] = {}
    undo = step.compensation.attempts if step.compensation else []
    for compensates, attempts in ((False, step.attempts), (True, undo)):
        for attempt in attempts:
            key = compensates, attempt.round
            newest[key] = max(newest.get(key, 0), attempt.attempt)
    return sum(number - 1 for number in newest.values())


def _retried(item: LiveObservation) -> int:
    return max(0, _made(item) - 1) - max(0, item.before - 1)


def _retrying(record: _J, newest: _Seen) -> _J:
    if record.status not in _SHOWS_RETRYING:
        return record
    found = [(step, seen) for step in record.steps for seen in _open(step, newest)]
    failed = [(step, seen) for step, seen in found if _failed_once(seen)]
    if not failed:
        return _paused(record, next((seen for _, seen in found if seen.paused), None))
    step, first = failed[0]
    more = f" (and {len(failed) - 1} more are retried)" if len(failed) > 1 else ""
    error = first.error or step.error
    return record.model_copy(
        update={
            "status": JobStatus.RETRYING,
            "status_reason": f"{_reason(first)}{more}",
            "error": error,
            "error_step": step.id if error else None,
        }
    )


def _paused(record: _J, seen: LiveObservation | None) -> _J:
    if seen is None:
        return record
    return record.model_copy(update={"status_reason": f"{_unit_name(seen)} is paused in Temporal"})


def _open(step: StepRecord, newest: _Seen) -> Iterator[LiveObservation]:
    """What was seen of the step itself, its compensation and its items, as far as they run."""
    own: list[tuple[str, UnitRecord]] = [(step.id, step)]
    if step.compensation is not None and step.items is None:
        own.append((str(UnitId(step.id, compensates=True)), step.compensation))
    for id_, unit in own:
        seen = newest.get((id_, unit.round))
        if seen is not None and unit.status in (StepStatus.RUNNING, StepStatus.RETRYING):
            yield seen
    yield from _of_items(step, newest)


def _unit_name(seen: LiveObservation) -> str:
    unit = parse_unit_id(seen.step_id) or UnitId(seen.step_id)
    return f"the compensation of {one_unit(unit)}" if unit.compensates else one_unit(unit)


def _reason(seen: LiveObservation) -> str:
    failed = seen.attempt - 1
    times = "once" if failed == 1 else f"{failed} times"
    if seen.paused:
        return f"{_unit_name(seen)} failed {times} and is paused in Temporal"
    if seen.next_retry_at is None:
        return f"{_unit_name(seen)} failed {times}, attempt {seen.attempt} is running"
    due = seen.next_retry_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{_unit_name(seen)} failed {times}, next attempt at {due}"
