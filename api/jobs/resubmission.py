"""Resubmitting: a closed job done again as a new one, from its start, or from a step on with earlier outputs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import uuid_utils

from api.jobs.current import read_current
from api.jobs.decider import Decider
from api.jobs.original import read_original
from api.jobs.request import ResubmitRequest
from api.jobs.start import StartRequest
from api.jobs.submission import Submitted, client_key, start_once
from api.problem import ApiError
from perdure.admission.admission import Admitted, admit, check_ids
from perdure.admission.fingerprint import fingerprint
from perdure.admission.problem import AdmissionError, Problem
from perdure.contract.graph import dependencies, dependents
from perdure.contract.identifier import job_id as job_id_of
from perdure.contract.identifier import tenant_of
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import JobLimits
from perdure.contract.spec import JobSpec
from perdure.contract.state import StepStatus
from perdure.contract.wording import listed, meant, quoted
from perdure.projection.record import JobRecord

_DONE = (StepStatus.COMPLETED, StepStatus.SKIPPED)
_FROM_STEP = "$.from_step"


@dataclass(frozen=True, slots=True)
class _Original:
    job: JobRecord
    spec: JobSpec


async def resubmit(by: Decider, wanted: ResubmitRequest, header: str | None) -> Submitted:
    """Start the new job, in the tenant of the old one; or give the one that this key started before.

    Raises:
        AdmissionError: the changed spec, or `from_step`, cannot be accepted.
        ApiError: API.NOT_FOUND, API.JOB_OPEN, API.CONFLICT where the history is gone, and as `submit`.
        TemporalUnavailableError: nothing is acknowledged; the message says how to send it again.
    """
    original = await _closed(by)
    kept = _kept(original, wanted.from_step)
    limits = by.found.settings.limits
    admitted = await asyncio.to_thread(_admitted, original, wanted, kept, limits)
    key = client_key(admitted, header)
    tenant = tenant_of(by.job_id)
    new_id = job_id_of(tenant, key or str(uuid_utils.uuid7()))
    check_ids(admitted, new_id)
    request = StartRequest(
        new_id,
        tenant,
        by.principal.actor,
        admitted,
        by.context,
        limits,
        resubmit_of=by.job_id,
        kept=kept,
        reason=wanted.reason,
    )
    return await start_once(by.found, by.principal, request, key)


async def _closed(by: Decider) -> _Original:
    now, job_id = await read_current(by.found, by.principal, by.job_id), by.job_id
    if not now.job.status.final:
        message = (
            f"job {job_id} is {now.job.status}: only a job that has ended can be resubmitted; retry is for open ones"
        )
        raise ApiError("API.JOB_OPEN", message)
    if not now.held:
        message = f"Temporal does not keep the history of job {job_id} any more, and with it the spec: submit it anew"
        raise ApiError("API.CONFLICT", message)
    return _Original(now.job, (await read_original(by.found, job_id, now.job.run_id)).spec)


def _admitted(original: _Original, wanted: ResubmitRequest, kept: dict[str, Any], limits: JobLimits) -> Admitted:
    """The old spec with the new input, admitted again; its fingerprint is that of the resubmission."""
    document = original.spec.model_dump(mode="json", by_alias=True) | {"id": wanted.id}
    asked: dict[str, Any] = {"resubmit_of": original.job.id, "from_step": wanted.from_step}
    if wanted.changes_input:
        document["input"] = asked["input"] = wanted.input
    admitted = admit(document, limits, again=True)
    size, limit = json_bytes(document) + json_bytes(kept), limits.state_bytes
    if kept and size > limit:
        message = f"the spec and the outputs carried over have {size} bytes together; at most {limit} are allowed"
        raise AdmissionError("API.VALIDATION", [Problem(_FROM_STEP, "API.SPEC.LIMIT", message)])
    return replace(admitted, fingerprint=fingerprint(asked))


def _kept(original: _Original, from_step: str | None) -> dict[str, Any]:
    """Outputs of the steps that do not run again: those that were done, and are neither `from_step` nor after it."""
    if from_step is None:
        return {}
    waits_for = dependencies(original.spec.steps)
    if from_step not in waits_for:
        message = (
            f"there is no step {quoted(from_step)}{meant(from_step, waits_for)}. The steps are {listed(waits_for)}"
        )
        raise AdmissionError("API.VALIDATION", [Problem(_FROM_STEP, "API.SPEC.STEP_UNKNOWN", message)])
    steps = {step.id: step for step in original.job.steps}
    before = set(_reached(waits_for, from_step))
    missing = [f"{id_} ({step.status})" for id_, step in steps.items() if id_ in before and step.status not in _DONE]
    if missing:
        message = (
            f"steps before {quoted(from_step)} have no output to carry over: {listed(missing)}; begin with one of them"
        )
        raise AdmissionError("API.VALIDATION", [Problem(_FROM_STEP, "API.FIELD.VALUE", message)])
    again = {from_step, *_reached(dependents(waits_for), from_step)}
    return {id_: step.output for id_, step in steps.items() if id_ not in again and step.status in _DONE}


def _reached(edges: dict[str, list[str]], start: str) -> Iterator[str]:
    """Everything that can be reached from `start`, in no order, without it."""
    seen, open_ = {start}, [start]
    while open_:
        for other in edges[open_.pop()]:
            if other not in seen:
                seen.add(other)
                open_.append(other)
                yield other
