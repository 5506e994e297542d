"""Making, showing and stopping bulk actions: jobs are frozen in Postgres first, then the workflow is started."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import rfc8785
import uuid_utils
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.bulk_actions.entry import aborted, started
from api.bulk_actions.schemas import AbortRequest, BulkActionRequest, BulkDryRunView, BulkFilter
from api.dead_letters.age import NEVER
from api.problem import ApiError
from api.security import forbidden
from api.state import Services
from api.temporal_call import TemporalUnavailableError, temporal_call
from perdure.admission.problem import Problem
from perdure.contract.bulk import (
    BULK_TASK_QUEUE,
    BULK_WORKFLOW,
    SIGNAL_ABORT,
    AbortCommand,
    BulkItemStatus,
    BulkStart,
    BulkStatus,
    bulk_workflow_id,
)
from perdure.contract.duration import parse_duration
from perdure.security.audit import AuditEntry, tell
from perdure.security.principal import Principal
from perdure.security.role import Role
from perdure.store import bulk_action as store
from perdure.store.audit import add_entries
from perdure.store.bulk_action import BulkActionRow
from perdure.store.dead_letter import DeadLetterFilter, count_chosen
from perdure.store.job_filter import search_words

FREE = 1_000
"""Jobs that an operator may decide about at once; more are for admins (contract 10)."""
_MOST = 100_000
_SAMPLE = 20
_ID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


async def preview(request: Request, found: Services, principal: Principal, wanted: BulkActionRequest) -> BulkDryRunView:
    """How many jobs it would be about, and the first of them; raises as `create`."""
    action = _row(principal, wanted, None)
    async with found.store.transaction() as connection:
        if wanted.filter is not None and await count_chosen(connection, _filter(wanted.filter, principal)) == 0:
            return BulkDryRunView(action=wanted.action, total=0, not_parked=0, sample=[])
        # Made and taken back, so that what is told is what would be done.
        nested = await connection.begin_nested()
        await store.add(connection, action)
        total = await _freeze(request, principal, connection, action, wanted)
        sample = [item.job_id for item in await store.list_items(connection, action.id, limit=_SAMPLE)]
        idle = 0 if wanted.ids is None else total - len(await store.parked_jobs(connection, wanted.ids))
        await nested.rollback()
    return BulkDryRunView(action=wanted.action, total=total, not_parked=idle, sample=sample)


async def create(
    request: Request, found: Services, principal: Principal, wanted: BulkActionRequest, key: str | None
) -> tuple[BulkActionRow, bool]:
    """Freeze the jobs and start the action; the action, and whether this key had made it before.

    Raises:
        ApiError: API.VALIDATION for ids that are no jobs or a filter that means none, API.FORBIDDEN for too many,
            API.IDEMPOTENCY_KEY_REUSED.
        TemporalUnavailableError: it could not be started; sent again under the same key it will be, without a key it
            has been withdrawn.
    """
    action = _row(principal, wanted, key)
    async with found.store.transaction() as connection:
        new = await store.add(connection, action)
        if new:
            total = await _freeze(request, principal, connection, action, wanted)
            await store.set_total(connection, action.id, total)
            entry = started(request, principal, action, total)
            await add_entries(connection, [entry])
        before = None if new or key is None else await store.action_of_key(connection, principal.tenant, key)
    if before is not None:
        if before.fingerprint != action.fingerprint:
            message = f"the key was used for another bulk action ({before.id})"
            raise ApiError("API.IDEMPOTENCY_KEY_REUSED", message)
        if before.status is BulkStatus.QUEUED:
            await _start(found, before)
        return before, True
    tell(entry)
    try:
        await _start(found, action)
    except TemporalUnavailableError:
        if key is None:
            await _withdraw(request, found, principal, action)
        raise
    return await one(found, principal, action.id), False


async def one(found: Services, principal: Principal, action_id: str) -> BulkActionRow:
    """An action of a tenant of this principal; raises API.NOT_FOUND."""
    if _ID_FORM.fullmatch(action_id) is None:
        raise _not_found()
    async with found.store.transaction() as connection:
        action = await store.get_action(connection, action_id)
    if action is None or principal.scope not in (None, action.tenant):
        raise _not_found()
    return action


async def abort(
    request: Request, found: Services, principal: Principal, action_id: str, wanted: AbortRequest
) -> BulkActionRow:
    """Have it send no more; what was sent stays. One that is not sending yet ends at once.

    Raises:
        ApiError: API.NOT_FOUND, or API.CONFLICT where it has ended.
    """
    action = await one(found, principal, action_id)
    if action.status.final:
        raise ApiError("API.CONFLICT", f"bulk action {action.id} is {action.status}: there is nothing to stop")
    command = AbortCommand(actor=principal.actor, reason=wanted.reason)
    entry = aborted(request, principal, action, wanted.reason)
    try:
        async with temporal_call():
            await found.temporal.get_workflow_handle(bulk_workflow_id(action.id)).signal(SIGNAL_ABORT, command)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await _finish(found, action, f"aborted by {principal.actor}: {wanted.reason}", entry)
    else:
        await _abort_asked(found, entry)
    return await one(found, principal, action_id)


async def counted(
    found: Services, actions: Sequence[BulkActionRow]
) -> list[tuple[BulkActionRow, dict[BulkItemStatus, int]]]:
    """The actions, each with its jobs by what became of them."""
    async with found.store.transaction() as connection:
        counts = await store.counts(connection, [action.id for action in actions])
    return [(action, counts.get(action.id, {})) for action in actions]


async def _freeze(
    request: Request,
    principal: Principal,
    connection: AsyncConnection,
    action: BulkActionRow,
    wanted: BulkActionRequest,
) -> int:
    if wanted.ids is not None:
        _check_once(wanted.ids)
        _check_known(wanted.ids, await store.known_jobs(connection, wanted.ids, principal.scope))
        await store.add_ids(connection, action.id, wanted.ids)
        total = len(wanted.ids)
    else:
        assert wanted.filter is not None  # noqa: S101 - the request has one of the two
        total = await store.add_chosen(connection, action.id, _filter(wanted.filter, principal), _MOST)
    if total == 0:
        raise _invalid("$.filter", "nothing is parked that meets it: see GET /v1/dead-letters")
    if total > _MOST:
        raise _invalid("$.filter", f"it means more than {_MOST} jobs: narrow it")
    if total > FREE and not principal.role.allows(Role.ADMIN):
        message = f"this is about {total} jobs; more than {FREE} at once need the role admin"
        raise forbidden(request, principal, message)
    if wanted.canary is not None and wanted.canary > total:
        raise _invalid("$.canary", f"it means {total} jobs: a canary of {wanted.canary} would leave none to protect")
    return total


def _check_once(ids: Sequence[str]) -> None:
    first = {id_: number for number, id_ in reversed(list(enumerate(ids)))}
    places = [
        Problem(f"$.ids[{number}]", "API.FIELD.VALUE", f"the same as $.ids[{first[id_]}]: name each job once")
        for number, id_ in enumerate(ids)
        if first[id_] != number
    ]
    if places:
        raise ApiError("API.VALIDATION", f"{places[0].path}: {places[0].message}", places[:100])


def _check_known(ids: Sequence[str], known: set[str]) -> None:
    places = [
        Problem(f"$.ids[{number}]", "API.FIELD.VALUE", "there is no such job")
        for number, id_ in enumerate(ids)
        if id_ not in known
    ]
    if places:
        more = f", and {len(places) - 1} more" if len(places) > 1 else ""
        raise ApiError("API.VALIDATION", f"{places[0].path}: {places[0].message}{more}", places[:100])


def _invalid(path: str, message: str) -> ApiError:
    return ApiError("API.VALIDATION", f"{path}: {message}", [Problem(path, "API.FIELD.VALUE", message)])


def _filter(wanted: BulkFilter, principal: Principal) -> DeadLetterFilter:
    words = search_words(wanted.q or "")
    if wanted.q is not None and not words:
        raise _invalid("$.filter.q", "it has no word to search for")
    if wanted.when.never is not None:
        raise _invalid(f"$.filter.{wanted.when.never}", NEVER[wanted.when.never])
    since, until = wanted.when.moments()
    given = {name: getattr(wanted, name) for name in ("error_code", "fingerprint", "http_status", "step", "type")}
    return DeadLetterFilter(
        tenant=principal.scope,
        **given,
        error_class=wanted.error_class and wanted.error_class.value,
        queue=wanted.queue,
        labels=wanted.labels or {},
        since=since,
        until=until,
        words=words,
    )


def _row(principal: Principal, wanted: BulkActionRequest, key: str | None) -> BulkActionRow:
    sent = wanted.model_dump(mode="json", exclude_none=True)
    return BulkActionRow(
        id=str(uuid_utils.uuid7()),
        tenant=principal.tenant,
        action=wanted.action,
        status=BulkStatus.QUEUED,
        reason=wanted.reason,
        requested_by=principal.actor,
        requested_at=datetime.now(UTC),
        filter=sent.get("filter"),
        step=wanted.step,
        output=wanted.output,
        force=wanted.force,
        rate_per_second=wanted.rate_per_second,
        canary=wanted.canary or 0,
        canary_seconds=parse_duration(wanted.canary_within).total_seconds(),
        total=0,
        idempotency_key=key,
        fingerprint=hashlib.sha256(rfc8785.dumps(sent)).hexdigest(),
    )


async def _start(found: Services, action: BulkActionRow) -> None:
    start = BulkStart(id=action.id, canary=action.canary, canary_seconds=action.canary_seconds)
    try:
        async with temporal_call():
            await found.temporal.start_workflow(
                BULK_WORKFLOW,
                start,
                id=bulk_workflow_id(action.id),
                task_queue=BULK_TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"{action.action} of parked jobs: {action.reason}"[:200],
            )
    except WorkflowAlreadyStartedError:
        return


async def _withdraw(request: Request, found: Services, principal: Principal, action: BulkActionRow) -> None:
    """End an action that nobody can ask for again; were it started all the same, it would find nothing to send."""
    problem = "it could not be started: Temporal did not answer"
    await _finish(found, action, problem, aborted(request, principal, action, problem))


async def _finish(found: Services, action: BulkActionRow, problem: str, entry: AuditEntry) -> None:
    """End it here, where no workflow does; what asked for that is entered with its end."""
    async with found.store.transaction() as connection:
        ended = await store.finish(connection, action.id, BulkStatus.ABORTED, problem, datetime.now(UTC))
        new = ended is not None and await store.abort_asked(connection, entry)
    for each in ((entry,) if new else ()) + ((ended,) if ended else ()):
        tell(each)


async def _abort_asked(found: Services, entry: AuditEntry) -> None:
    """Enter that Temporal has it: once, however many ask for it."""
    try:
        async with found.store.transaction() as connection:
            new = await store.abort_asked(connection, entry)
    except Exception:  # noqa: BLE001  it is done, whatever becomes of Postgres: the entry waits for that
        await found.audit.done(entry)
        return
    if new:
        tell(entry)


def _not_found() -> ApiError:
    return ApiError("API.NOT_FOUND", "there is no such bulk action")
