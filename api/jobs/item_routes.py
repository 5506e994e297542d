"""The items of fan-outs: a list of their own, for a step may have thousands (contract 1, `for_each`)."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from api.jobs import operation
from api.jobs.listing import journal_position
from api.jobs.payload import Onlooker, shown_items
from api.jobs.query_schemas import ItemQuery
from api.jobs.reading import read_job
from api.jobs.schemas import ItemPage, PageView
from api.jobs.target import JobId
from api.problem import ApiError, invalid
from api.query import only
from api.security import Viewer, authenticate
from api.state import Services, UseServices
from perdure.contract.state import StepStatus
from perdure.contract.wording import listed, meant, quoted
from perdure.security.principal import Principal
from perdure.store import item as store

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Depends(authenticate)])
_KNOWN = [status for status in StepStatus if status is not StepStatus.RETRYING]
"""RETRYING is live: it is laid over items that run."""


@router.get(
    "/{job_id}/steps/{step_id}/items",
    dependencies=[Depends(only(ItemQuery))],
    operation_id="listItems",
    **operation.ITEMS,
)
async def list_step_items(
    request: Request,
    *,
    found: UseServices,
    principal: Viewer,
    job_id: JobId,
    step_id: Annotated[str, Path(description="The id of a step with `for_each`.", max_length=63)],
    query: Annotated[ItemQuery, Query()],
) -> ItemPage:
    """The items of a step, in order, those that have not begun among them. A step without a fan-out has none."""
    statuses = _statuses(query.status)
    after = journal_position(query.cursor) - 1
    async with found.store.transaction() as connection:
        page = await store.list_items(connection, job_id, step_id, statuses=statuses, after=after, limit=query.limit)
    if page is None:
        await _check_step(found, principal, job_id, step_id)
        page = store.ItemPage([], has_more=False)
    cursor = str(page.items[-1].index + 1) if page.has_more else None
    return ItemPage(
        data=await shown_items(job_id, page.items, Onlooker.of(request, found, principal)),
        page=PageView(cursor=cursor, has_more=page.has_more),
    )


async def _check_step(found: Services, principal: Principal, job_id: str, step_id: str) -> None:
    """Raise API.NOT_FOUND unless the job, which may have no row yet, has that step."""
    job = (await read_job(found, principal, job_id)).job
    if all(step.id != step_id for step in job.steps):
        message = f"job {job_id} has no step {quoted(step_id)}. Its steps are {listed([step.id for step in job.steps])}"
        raise ApiError("API.NOT_FOUND", message)


def _statuses(given: Iterable[str]) -> list[StepStatus]:
    names = [name for part in given for name in part.split(",")]
    for name in names:
        if name not in _KNOWN:
            message = f"{quoted(name)} is no state of an item{meant(name, _KNOWN)}. The states are {listed(_KNOWN)}"
            raise invalid("query.status", "API.PARAMETER.VALUE", message)
    return [StepStatus(name) for name in dict.fromkeys(names)]
