"""The routes that submit and read jobs (contract 9); `decision_routes` has those that decide."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import BatchBody, JsonBody
from api.idempotency_key import IdempotencyKey
from api.jobs import operation
from api.jobs.answer import job_answer, submission_answer
from api.jobs.batch import Batch, BatchView, specs_of
from api.jobs.listing import job_filter, journal_position
from api.jobs.payload import Onlooker, shown_job, shown_journal
from api.jobs.queries import position
from api.jobs.query_schemas import JobListQuery, JobQuery, JournalQuery, SubmitQuery
from api.jobs.reading import catch_up, read_from_temporal, read_job
from api.jobs.schemas import (
    DryRunView,
    JobPage,
    JobView,
    JournalPage,
    PageView,
    ProjectionView,
)
from api.jobs.sent_before import sent_before
from api.jobs.submission import client_key, submit
from api.jobs.target import JobId
from api.jobs.view import Linker, summary
from api.problem import invalid
from api.query import NoQuery, only
from api.security import Operator, Viewer, authenticate
from api.state import UseServices
from perdure.admission.admission import admit
from perdure.admission.problem import AdmissionError
from perdure.store.job_search import list_jobs
from perdure.store.journal import list_journal

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Depends(authenticate)])


@router.post("", dependencies=[Depends(only(SubmitQuery))], operation_id="submitJob", **operation.SUBMIT)
async def submit_job(
    request: Request,
    *,
    found: UseServices,
    principal: Operator,
    body: JsonBody,
    header: IdempotencyKey,
    query: Annotated[SubmitQuery, Query()],
) -> Response:
    """Submit a job. `202` once Temporal has durably accepted it; `200` for a key and spec that were sent before."""
    by = Onlooker.of(request, found, principal)
    try:
        admitted = await body.through(lambda document: admit(document, found.settings.limits, datetime.now(UTC)))
    except AdmissionError:
        before = None if query.dry_run else await sent_before(found, principal, body.document, header)
        if before is None:
            raise
        view = await shown_job(before.reading, by)
        return submission_answer(view, replayed=True)
    key = client_key(admitted, header)
    if query.dry_run:
        spec = admitted.spec.model_dump(mode="json", by_alias=True)
        preview = DryRunView(fingerprint=admitted.fingerprint, spec=spec)
        return Response(preview.model_dump_json(), media_type="application/json")
    done = await submit(found, principal, by.context, admitted, key)
    view = await shown_job(done.reading, by, fresh=not done.replayed)
    return submission_answer(view, replayed=done.replayed)


@router.post("/batch", dependencies=[Depends(only(NoQuery))], operation_id="submitJobs", **operation.BATCH)
async def submit_jobs(
    request: Request, found: UseServices, principal: Operator, body: BatchBody, header: IdempotencyKey
) -> BatchView:
    """Submit up to 1,000 jobs, each as if sent alone; what is wrong with one does not hold up the others."""
    if header is not None:
        message = "a batch has no key of its own: give each spec its key as `id`"
        raise invalid("header.Idempotency-Key", "API.PARAMETER.VALUE", message)
    return await Batch(request, found, principal).submit(specs_of(body.document))


@router.get("", dependencies=[Depends(only(JobListQuery))], operation_id="listJobs", **operation.LIST)
async def list_all_jobs(found: UseServices, principal: Viewer, query: Annotated[JobListQuery, Query()]) -> JobPage:
    """Jobs, newest first or as `sort` says. No exact counts: `page.cursor` leads on while `page.has_more`."""
    wanted = job_filter(query, principal)
    async with found.store.transaction() as connection:
        jobs, cursor = await list_jobs(connection, wanted, query.cursor, query.limit, query.sort)
    linker = Linker.of(found.settings)
    return JobPage(
        data=[summary(job, job.lag_ms, linker) for job in jobs],
        page=PageView(cursor=cursor, has_more=cursor is not None),
    )


@router.get(
    "/{job_id}",
    dependencies=[Depends(only(JobQuery))],
    operation_id="getJob",
    response_model=JobView,
    **operation.GET,
)
async def get_one_job(
    request: Request,
    found: UseServices,
    principal: Viewer,
    job_id: JobId,
    query: Annotated[JobQuery, Query()],
) -> Response:
    """One job, whole. A job that the projection lacks yet is read from Temporal."""
    read = read_from_temporal if query.consistency == "strong" else read_job
    reading = await read(found, principal, job_id)
    return job_answer(request, await shown_job(reading, Onlooker.of(request, found, principal)))


@router.get(
    "/{job_id}/journal",
    dependencies=[Depends(only(JournalQuery))],
    operation_id="getJobJournal",
    **operation.JOURNAL,
)
async def get_journal(
    request: Request,
    found: UseServices,
    principal: Viewer,
    job_id: JobId,
    query: Annotated[JournalQuery, Query()],
) -> JournalPage:
    """What happened to a job, oldest first; every row cites the Temporal event it was read from."""
    after = journal_position(query.cursor)
    await catch_up(found, job_id)
    async with found.store.transaction() as connection:
        rows = await list_journal(connection, job_id, after, query.limit + 1)
        known = await position(connection, job_id)
    if not rows:
        await read_job(found, principal, job_id)  # there may be no such job
    page, more = rows[: query.limit], len(rows) > query.limit
    return JournalPage(
        data=await shown_journal(job_id, page, Onlooker.of(request, found, principal)),
        projection=known and ProjectionView(event_id=known[0], lag_ms=known[1]),
        page=PageView(cursor=str(page[-1].seq) if more else None, has_more=more),
    )
