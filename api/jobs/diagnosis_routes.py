"""Why a job is as it is: its failures and all that surrounds them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.jobs import operation
from api.jobs.diagnosing import read_diagnosed
from api.jobs.diagnosis_schemas import DiagnosisQuery, JobDiagnosisView
from api.jobs.payload import Onlooker, shown_diagnosis
from api.jobs.target import JobId
from api.query import only
from api.security import Viewer, authenticate
from api.state import UseServices

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Depends(authenticate)])


@router.get(
    "/{job_id}/diagnosis",
    dependencies=[Depends(only(DiagnosisQuery))],
    operation_id="diagnoseJob",
    **operation.DIAGNOSIS,
)
async def diagnose_job(
    request: Request,
    found: UseServices,
    principal: Viewer,
    job_id: JobId,
    query: Annotated[DiagnosisQuery, Query()],
) -> JobDiagnosisView:
    """What failed, since when, how often that was seen, what was tried with what result, and what can be done.

    Answers for every job: of one that nothing fails of, `diagnosis.what` says how it does.
    """
    diagnosed = await read_diagnosed(found, principal, job_id, query.events)
    return await shown_diagnosis(diagnosed, Onlooker.of(request, found, principal))
