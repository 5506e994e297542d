"""Many submissions in one request: each is admitted, started and answered by itself, as if sent alone."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from api.context import context_of
from api.errors import explained
from api.jobs.schemas import JobSummary, View
from api.jobs.sent_before import sent_before
from api.jobs.submission import Submitted, client_key, submit
from api.jobs.view import Linker, summary
from api.problem import ProblemBody, problem_body
from api.state import Services
from api.temporal_call import TemporalUnavailableError
from perdure.admission.admission import Admitted, admit
from perdure.admission.json_path import render
from perdure.admission.problem import AdmissionError, Problem
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import JobLimits
from perdure.contract.spec import JobSpec
from perdure.security.principal import Principal

MAX_SPECS = 1_000
_AT_ONCE = 20


class BatchRequest(BaseModel):
    """Job specs, each as it would be sent alone; a key goes into its `id`."""

    jobs: list[JobSpec] = Field(min_length=1, max_length=MAX_SPECS)


class BatchItem(View):
    """What became of one spec: the status that it would have been answered with alone, and the job or the problem."""

    index: int
    status: int = Field(description="202 started, 200 sent before, else refused.")
    job: JobSummary | None = None
    error: ProblemBody | None = None


class BatchView(View):
    """What became of each spec, in the order sent."""

    accepted: int = Field(description="Jobs that this request started.")
    replayed: int = Field(description="Jobs that were there before, under the same key and spec.")
    refused: int
    data: list[BatchItem]


def specs_of(document: Any) -> list[Any]:
    """The specs of a batch: `{"jobs": […]}`.

    Raises:
        AdmissionError: it is no such object, or has none or too many.
    """
    specs = document.get("jobs") if isinstance(document, dict) else None
    if not isinstance(specs, list) or len(document) > 1:
        raise _invalid("$", "TYPE", 'must be an object with the one field "jobs", a list of job specs')
    if not 0 < len(specs) <= MAX_SPECS:
        raise _invalid("$.jobs", "LIMIT", f"has {len(specs)} specs; 1 to {MAX_SPECS} are taken at once")
    return specs


def _invalid(path: str, kind: str, message: str) -> AdmissionError:
    return AdmissionError("API.VALIDATION", [Problem(path, f"API.FIELD.{kind}", message)])


class Batch:
    """One request's worth. Once Temporal was found to be away, what is left is not tried any more."""

    def __init__(self, request: Request, found: Services, principal: Principal) -> None:
        self._request = request
        self._found = found
        self._principal = principal
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._away: TemporalUnavailableError | None = None

    async def submit(self, specs: list[Any]) -> BatchView:
        """Submit each; what is wrong with one does not hold up the others."""
        items = await asyncio.gather(*(self._item(index, spec) for index, spec in enumerate(specs)))
        accepted, replayed = (sum(item.status == status for item in items) for status in (202, 200))
        refused = len(items) - accepted - replayed
        return BatchView(accepted=accepted, replayed=replayed, refused=refused, data=items)

    async def _item(self, index: int, spec: Any) -> BatchItem:
        async with self._turns:
            try:
                done = await self._submitted(spec)
            except Exception as error:  # noqa: BLE001  told in its place; the others go on
                return self._refused(index, error)
        job = summary(done.reading.job, done.reading.lag_ms, Linker.of(self._found.settings))
        return BatchItem(index=index, status=200 if done.replayed else 202, job=job)

    async def _submitted(self, spec: Any) -> Submitted:
        if self._away is not None:
            raise TemporalUnavailableError("not tried: Temporal could not be reached for the ones before")
        settings = self._found.settings
        try:
            admitted = await asyncio.to_thread(_admitted, spec, settings.body_limit_bytes, settings.limits)
        except AdmissionError:
            before = await sent_before(self._found, self._principal, spec, None)
            if before is None:
                raise
            return before
        key = client_key(admitted, None)
        try:
            return await submit(self._found, self._principal, context_of(self._request), admitted, key)
        except TemporalUnavailableError as error:
            self._away = error
            raise

    def _refused(self, index: int, error: Exception) -> BatchItem:
        status, code, message, items = explained(self._request, error)
        place = render(("jobs", index))
        moved = [Problem(place + item.path.removeprefix("$"), item.code, item.message) for item in items]
        body = problem_body(self._request, status, code, message, moved)
        return BatchItem(index=index, status=status, error=ProblemBody(**body))


def _admitted(spec: Any, limit: int, limits: JobLimits) -> Admitted:
    if json_bytes(spec) > limit:
        message = f"the spec is larger than {limit} bytes: send less, or keep large data elsewhere and pass a link"
        raise AdmissionError("API.BODY_TOO_LARGE", [Problem("$", "API.BODY_TOO_LARGE", message)])
    return admit(spec, limits, datetime.now(UTC))
