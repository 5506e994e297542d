"""The job a path names: its id has the form of one and is of the principal's tenant, or there is no such job."""

from typing import Annotated

from fastapi import Depends, Path

from api.jobs.reading import not_found
from api.request_subject import is_job_id
from api.security import Viewer


async def job_of_path(
    job_id: Annotated[str, Path(description="The job id, `{tenant}:{key}`.", examples=["default:order-1042"])],
    principal: Viewer,
) -> str:
    """The job id.

    Raises:
        ApiError: API.NOT_FOUND, without having asked anybody.
    """
    if not is_job_id(job_id) or not principal.sees(job_id):
        raise not_found()
    return job_id


JobId = Annotated[str, Depends(job_of_path)]
