"""Job views as HTTP answers: entity tags, and nothing sent again that the client has."""

import hashlib

from fastapi import Request, Response

from api.jobs.schemas import JobView
from api.jobs.view import job_path

_NOT_MODIFIED = 304


def job_answer(request: Request, view: JobView) -> Response:
    """The view with its ETag; 304 without a body where If-None-Match names it."""
    tag = entity_tag(view)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _has(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(view.model_dump_json(), media_type="application/json", headers=headers)


def submission_answer(view: JobView, *, replayed: bool) -> Response:
    """202 with the path of a job that was started; 200 for one that the same submission started before."""
    headers = {"Location": job_path(view.id)}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(view.model_dump_json(), 200 if replayed else 202, headers, media_type="application/json")


def entity_tag(view: JobView) -> str:
    """Weak, because the lag varies from reading to reading and does not count."""
    said = view.model_dump_json(exclude={"projection": {"lag_ms"}})
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def _has(sent: list[str], tag: str) -> bool:
    tags = {part.strip().removeprefix("W/") for header in sent for part in header.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags
