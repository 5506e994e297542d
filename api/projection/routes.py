"""`/v1/projection` (contract 9): asked for here, done by the leading worker; the API is never kept from its work."""

from datetime import UTC, datetime

import uuid_utils
from fastapi import APIRouter, Depends

from api.body import OptionalJsonBody
from api.jobs.reading import not_found
from api.problem import ApiError
from api.projection import operation
from api.projection.schemas import OperationView, ProjectionRequest, ProjectionState
from api.projection.view import operation_view, reconciliation_view, set_aside_view
from api.query import NoQuery, only
from api.security import Admin, authenticate
from api.state import Services, UseServices
from perdure.security.principal import Principal
from perdure.store.operation import Operation, OperationKind, list_operations, request
from perdure.store.reconciliation import newest_reconciliation
from perdure.store.set_aside import list_set_aside
from perdure.store.sweep import get_watermark

router = APIRouter(
    prefix="/v1/projection", tags=["projection"], dependencies=[Depends(authenticate), Depends(only(NoQuery))]
)
_SHOWN_OPERATIONS = 20
_SHOWN_JOBS = 100


@router.get("", operation_id="getProjection", **operation.STATE)
async def get_projection(found: UseServices, principal: Admin) -> ProjectionState:
    """How far the projection is complete, which jobs cannot be projected, and what checks and rebuilds found."""
    async with found.store.transaction() as connection:
        watermark = await get_watermark(connection)
        operations = await list_operations(connection, principal.scope, _SHOWN_OPERATIONS)
        jobs = await list_set_aside(connection, principal.scope, _SHOWN_JOBS)
        compared = await newest_reconciliation(connection) if principal.scope is None else None
    return ProjectionState(
        complete_until=watermark,
        set_aside=[set_aside_view(job) for job in jobs],
        operations=[operation_view(each) for each in operations],
        reconciliation=compared and reconciliation_view(compared),
    )


@router.post("/check", operation_id="checkProjection", **operation.CHECK)
async def check(found: UseServices, principal: Admin, body: OptionalJsonBody) -> OperationView:
    """Fold the histories from scratch and name every row that is not as they have it; change nothing."""
    return await _ask(found, principal, OperationKind.CHECK, await body.read(ProjectionRequest))


@router.post("/rebuild", operation_id="rebuildProjection", **operation.REBUILD)
async def rebuild(found: UseServices, principal: Admin, body: OptionalJsonBody) -> OperationView:
    """The same, and make anew what is wrong or missing. Ledger, audit, keys and live observations stay as they are."""
    return await _ask(found, principal, OperationKind.REBUILD, await body.read(ProjectionRequest))


async def _ask(found: Services, principal: Principal, kind: OperationKind, wanted: ProjectionRequest) -> OperationView:
    if not all(principal.sees(job_id) for job_id in wanted.job_ids or ()):
        raise not_found()
    asked = Operation(
        id=str(uuid_utils.uuid7()),
        kind=kind,
        requested_by=principal.actor,
        requested_at=datetime.now(UTC),
        tenant=principal.scope,
        job_ids=wanted.job_ids,
        reason=wanted.reason,
    )
    async with found.store.transaction() as connection:
        taken = await request(connection, asked)
    if not taken:
        message = f"a {kind.value.lower()} is waiting or under way already: see GET /v1/projection, or ask again later"
        raise ApiError("API.CONFLICT", message)
    return operation_view(asked)
