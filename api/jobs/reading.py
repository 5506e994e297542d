"""Reads one job: from the store, or from Temporal where the store lacks it, is away, or is not asked."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from temporalio.service import RPCError, RPCStatusCode

from api.jobs.children import Child, Started, in_prefix, replaced_runs, started, with_states
from api.jobs.queries import place, started_children, statuses
from api.problem import ApiError
from api.state import Services
from api.temporal_call import TemporalUnavailableError, temporal_call
from perdure.contract.name import JOB_WORKFLOW
from perdure.projection.backoff import backing_off
from perdure.projection.fold import fold_run, record
from perdure.projection.history import HistoryEvent
from perdure.projection.live import observe, overlay
from perdure.projection.reader import describe, read_new
from perdure.projection.record import JobRecord, JournalEvent, LiveObservation, StepRecord, UnitRecord
from perdure.security.principal import Principal
from perdure.store.job import get_job
from perdure.store.json_row import dumps
from perdure.store.live import newest_observations
from perdure.store.session import StoreUnavailableError

_U = TypeVar("_U", bound=UnitRecord)
_Fact = tuple[str, Mapping[str, Any]]
"""Type and data of a journal row."""
_SECONDS = 20.0
"""A history may be long."""
_CATCH_UP_SECONDS, _LOOK_SECONDS = 2.0, 0.05
_RUNS_FOLLOWED = 100
"""Runs of a job, back from the current one, whose attempts a reading of Temporal shows."""


ABSENT = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT)
"""How Temporal says that it holds no such workflow."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A job, how late its last event was known (0 when read from Temporal), and the jobs it started."""

    job: JobRecord
    lag_ms: int | None = 0
    children: Mapping[str, Child] = field(default_factory=dict)


def not_found() -> ApiError:
    """The refusal of a job that is not there, or not for this principal."""
    return ApiError("API.NOT_FOUND", "there is no such job")


async def read_job(found: Services, principal: Principal, job_id: str) -> Reading:
    """The job as the store has it; as Temporal has it where the store has less than was told, or is away.

    Raises:
        ApiError: API.NOT_FOUND, also for a job of another tenant.
        TemporalUnavailableError: Temporal had to be asked and is away.
    """
    stored = await _stored(found, principal, job_id)
    if stored is not None and _is_behind(found, stored.job):
        await catch_up(found, job_id)
        stored = await _stored(found, principal, job_id)
    if stored is not None and not _is_behind(found, stored.job):
        return stored
    try:
        return await read_from_temporal(found, principal, job_id)
    except (ApiError, TemporalUnavailableError):
        if stored is None:
            raise
        return stored


async def catch_up(found: Services, job_id: str) -> None:
    """Wait, shortly, until the store has what was told of the job from Temporal. Harmless where it does not come."""
    deadline = time.monotonic() + _CATCH_UP_SECONDS
    with suppress(StoreUnavailableError):
        while found.told.more_than(job_id, None) and time.monotonic() < deadline:
            async with found.store.transaction() as connection:
                stored = await place(connection, job_id)
            if not found.told.more_than(job_id, stored):
                return
            await asyncio.sleep(_LOOK_SECONDS)


def _is_behind(found: Services, row: JobRecord) -> bool:
    # One without any event says what was submitted, and nothing of what became of it.
    return not row.last_event_id or found.told.more_than(row.id, (row.run_started_at, row.last_event_id))


async def _stored(found: Services, principal: Principal, job_id: str) -> Reading | None:
    try:
        async with found.store.transaction() as connection:
            job = await get_job(connection, job_id, principal.scope)
            if job is None:
                return None
            children = await started_children(connection, job_id)
            states = await statuses(connection, list(children))
            return Reading(job, job.lag_ms, with_states(children, states))
    except StoreUnavailableError:
        return None


async def read_from_temporal(found: Services, principal: Principal, job_id: str) -> Reading:
    """The job as its history tells it now, with what is live.

    Raises:
        ApiError: API.NOT_FOUND.
        TemporalUnavailableError: Temporal is away.
    """
    try:
        async with temporal_call(_SECONDS):
            job, children = await _folded(found, job_id, await current_run(found, principal, job_id))
    except RPCError as error:
        if error.status in ABSENT:
            raise not_found() from error
        raise
    found.told.note(job)
    return Reading(_storable(job), children=await _with_states(found, children))


async def current_run(found: Services, principal: Principal, job_id: str) -> str:
    """The id of the run that a job is in, or ended with.

    Raises:
        ApiError: API.NOT_FOUND, also for a job of another tenant, and for a workflow that is no job.
        RPCError: Temporal's own answer; one of `ABSENT` where it holds no such workflow.
    """
    if not principal.sees(job_id):
        raise not_found()
    info = (await describe(found.temporal, job_id)).workflow_execution_info
    if info.type.name != JOB_WORKFLOW:
        raise not_found()
    return info.execution.run_id


async def _folded(found: Services, job_id: str, run_id: str) -> tuple[JobRecord, Started]:
    """The job, and the jobs it started."""
    events = await read_new(found.temporal, job_id, run_id)
    state, journal = fold_run(job_id, run_id, events)
    job, earlier, waiting = record(state), state.continued_from, backing_off(state, datetime.now(UTC))
    told = [*await _of_replaced(found, job_id, events), *in_prefix(events), *_facts(journal)]
    for _ in range(_RUNS_FOLLOWED):
        if earlier is None or not (events := await _events(found, job_id, earlier)):
            break
        before, journal = fold_run(job_id, earlier, events)
        job, earlier = _with_attempts(job, record(before).steps), before.continued_from
        told = [*_facts(journal), *told]
    live = await observe(found.temporal, job_id, run_id, datetime.now(UTC))
    return overlay(job, [*await _seen_before(found, job), *waiting, *live]), started(told)


async def _of_replaced(found: Services, job_id: str, events: Sequence[HistoryEvent]) -> list[_Fact]:
    """What runs did in whose place resets have put this one: the jobs they started are the job's all the same."""
    told: list[_Fact] = []
    for base in replaced_runs(events)[-_RUNS_FOLLOWED:]:
        _, journal = fold_run(job_id, base, await _events(found, job_id, base))
        told += _facts(journal)
    return told


async def _events(found: Services, job_id: str, run_id: str) -> list[HistoryEvent]:
    """Of an earlier run; none where Temporal holds it no more."""
    try:
        return await read_new(found.temporal, job_id, run_id)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return []
        raise


def _facts(journal: Sequence[JournalEvent]) -> list[_Fact]:
    return [(row.type, row.data) for row in journal]


async def _seen_before(found: Services, job: JobRecord) -> list[LiveObservation]:
    """What was seen live and Temporal may not tell any more: the attempts of a step canceled between two of them."""
    try:
        async with found.store.transaction() as connection:
            return (await newest_observations(connection, [job.id], job.observable)).get(job.id, [])
    except StoreUnavailableError:
        return []


async def _with_states(found: Services, children: Started) -> dict[str, Child]:
    if not children:
        return {}
    try:
        async with found.store.transaction() as connection:
            return with_states(children, await statuses(connection, list(children)))
    except StoreUnavailableError:
        return with_states(children, {})


def _with_attempts(job: JobRecord, before: Sequence[StepRecord]) -> JobRecord:
    """The job with the attempts of an earlier run put before its own."""
    earlier = {step.id: step for step in before}
    steps = []
    for step in job.steps:
        was = earlier.get(step.id)
        undo, undone = step.compensation, was and was.compensation
        whole = _after(undone, undo) if undo and undone else undo
        steps.append((_after(was, step) if was else step).model_copy(update={"compensation": whole}))
    return job.model_copy(update={"steps": steps})


def _after(before: UnitRecord, unit: _U) -> _U:
    known = {(attempt.round, attempt.attempt) for attempt in unit.attempts}
    more = [tried for tried in before.attempts if (tried.round, tried.attempt) not in known]
    return unit.model_copy(update={"attempts": [*more, *unit.attempts]})


def _storable(job: JobRecord) -> JobRecord:
    """As the store would give it back: a step's output may hold what JSON cannot."""
    return JobRecord.model_validate_json(dumps(job.model_dump(mode="json", by_alias=True)))
