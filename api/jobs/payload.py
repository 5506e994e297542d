"""What of a job a principal is shown: payloads only with the grant for them, and each such view noted (contract 10)."""

from typing import TypeVar

from api.context import RequestContext
from api.jobs.diagnosing import Diagnosed, job_diagnosis
from api.jobs.diagnosis_schemas import FailureView, JobDiagnosisView
from api.jobs.reading import Reading
from api.jobs.schemas import AttemptView, CompensationView, ErrorView, ItemView, JobView, JournalView, UnitView
from api.jobs.view import Linker, item_view, journal_entry, whole
from perdure.projection.record import ItemRecord
from perdure.security.audit import AuditEvent, record
from perdure.security.masking import masked, masked_data, masked_details
from perdure.security.principal import Principal
from perdure.store.journal import JournalRow

_U = TypeVar("_U", bound=UnitView)


def shown_job(
    reading: Reading, linker: Linker, principal: Principal, context: RequestContext, *, fresh: bool = False
) -> JobView:
    """The job as this principal may see it. `fresh`: nothing but what the principal has just sent is in it."""
    view = whole(reading, linker)
    hidden = _masked_job(view)
    if not principal.payloads:
        return hidden
    if view != hidden and not fresh:
        _note(principal, context, view.id)
    return view


def shown_journal(
    job_id: str, rows: list[JournalRow], principal: Principal, context: RequestContext
) -> list[JournalView]:
    """The journal rows as this principal may see them."""
    views = [journal_entry(row) for row in rows]
    hidden = [view.model_copy(update={"data": masked_data(view.data)}) for view in views]
    if not principal.payloads:
        return hidden
    if views != hidden:
        _note(principal, context, job_id)
    return views


def shown_items(job_id: str, items: list[ItemRecord], principal: Principal, context: RequestContext) -> list[ItemView]:
    """The items of a step as this principal may see them."""
    views = [item_view(item) for item in items]
    hidden = [_masked_unit(view) for view in views]
    if not principal.payloads:
        return hidden
    if views != hidden:
        _note(principal, context, job_id)
    return views


def shown_diagnosis(
    found: Diagnosed, linker: Linker, principal: Principal, context: RequestContext
) -> JobDiagnosisView:
    """What surrounds a job's failure, as this principal may see it."""
    view = job_diagnosis(found, linker)
    hidden = _masked_diagnosis(view)
    if not principal.payloads:
        return hidden
    if view != hidden:
        _note(principal, context, view.job_id)
    return view


def _masked_diagnosis(view: JobDiagnosisView) -> JobDiagnosisView:
    return view.model_copy(
        update={
            "input": masked(view.input),
            "outputs": {step: masked(output) for step, output in view.outputs.items()},
            "failures": [_masked_failure(failure) for failure in view.failures],
            "events": [event.model_copy(update={"data": masked_data(event.data)}) for event in view.events],
        }
    )


def _masked_failure(failure: FailureView) -> FailureView:
    attempts = [attempt.model_copy(update={"error": _masked_error(attempt.error)}) for attempt in failure.attempts]
    return failure.model_copy(update={"error": _masked_error(failure.error), "attempts": attempts})


def _note(principal: Principal, context: RequestContext, job_id: str) -> None:
    facts = {"tenant": principal.tenant, "job_id": job_id}
    record(AuditEvent.PAYLOAD_VIEWED, actor=principal.actor, request_id=context.request_id, **facts)


def _masked_job(view: JobView) -> JobView:
    return view.model_copy(
        update={
            "input": masked(view.input),
            "output": masked(view.output),
            "error": _masked_error(view.error),
            "steps": [_masked_unit(step) for step in view.steps],
        }
    )


def _masked_unit(unit: _U) -> _U:
    return unit.model_copy(
        update={
            "output": masked(unit.output),
            "error": _masked_error(unit.error),
            "attempts": _masked_attempts(unit.attempts),
            "compensation": unit.compensation and _masked_compensation(unit.compensation),
        }
    )


def _masked_compensation(undo: CompensationView) -> CompensationView:
    return undo.model_copy(update={"error": _masked_error(undo.error), "attempts": _masked_attempts(undo.attempts)})


def _masked_attempts(attempts: list[AttemptView]) -> list[AttemptView]:
    return [attempt.model_copy(update={"error": _masked_error(attempt.error)}) for attempt in attempts]


def _masked_error(error: ErrorView | None) -> ErrorView | None:
    return error and error.model_copy(update={"details": masked_details(error.details)})
