"""The job a path names: its id has the form of one and is of the principal's tenant, or there is no such job."""

import re
from typing import Annotated

from fastapi import Depends, Path

from api.jobs.reading import not_found
from api.security import Viewer
from perdure.contract.limit import MAX_WORKFLOW_ID

_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,39}:[A-Za-z0-9._:~-]+", re.ASCII)


async def job_of_path(
    job_id: Annotated[str, Path(description="The job id, `{tenant}:{key}`.", examples=["default:order-1042"])],
    principal: Viewer,
) -> str:
    """The job id.

    Raises:
        ApiError: API.NOT_FOUND, without having asked anybody.
    """
    if len(job_id) > MAX_WORKFLOW_ID or _FORM.fullmatch(job_id) is None or not principal.sees(job_id):
        raise not_found()
    return job_id


JobId = Annotated[str, Depends(job_of_path)]
