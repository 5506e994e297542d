"""What of a job a principal is shown: payloads only with the grant for them, each such view audited (contract 10)."""

from dataclasses import dataclass
from typing import Self, TypeVar

from fastapi import Request

from api.audit.entry import Facts, entry_of
from api.context import RequestContext, context_of
from api.jobs.diagnosing import Diagnosed, job_diagnosis
from api.jobs.diagnosis_schemas import FailureView, JobDiagnosisView
from api.jobs.reading import Reading
from api.jobs.schemas import AttemptView, CompensationView, ErrorView, ItemView, JobView, JournalView, UnitView
from api.jobs.view import Linker, item_view, journal_entry, whole
from api.state import Services
from perdure.contract.identifier import tenant_of
from perdure.projection.record import ItemRecord
from perdure.security.audit import AuditEvent
from perdure.security.masking import masked, masked_data, masked_details
from perdure.security.principal import Principal
from perdure.store.journal import JournalRow

_U = TypeVar("_U", bound=UnitView)
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Who is shown something of a job, in which request."""

    found: Services
    principal: Principal
    context: RequestContext

    @classmethod
    def of(cls, request: Request, found: Services, principal: Principal) -> Self:
        """The one who makes the request."""
        return cls(found, principal, context_of(request))

    async def shown(self, job_id: str, part: str, view: _V, hidden: _V) -> _V:
        """The view for those with the grant, once that is entered in the audit; else the hidden one."""
        if not self.principal.payloads or view == hidden:
            return hidden
        facts: Facts = {"job_id": job_id, "data": {"part": part}}
        event, tenant = AuditEvent.PAYLOAD_VIEWED, tenant_of(job_id)
        entry = entry_of(self.context, self.principal, event, tenant, **facts)
        return view if await self.found.audit.viewed(entry) else hidden


async def shown_job(reading: Reading, by: Onlooker, *, fresh: bool = False) -> JobView:
    """The job as this principal may see it. `fresh`: nothing but what the principal has just sent is in it."""
    view = whole(reading, Linker.of(by.found.settings))
    if fresh and by.principal.payloads:
        return view
    return await by.shown(view.id, "job", view, _masked_job(view))


async def shown_journal(job_id: str, rows: list[JournalRow], by: Onlooker) -> list[JournalView]:
    """The journal rows as this principal may see them."""
    views = [journal_entry(row) for row in rows]
    hidden = [view.model_copy(update={"data": masked_data(view.data)}) for view in views]
    return await by.shown(job_id, "journal", views, hidden)


async def shown_items(job_id: str, items: list[ItemRecord], by: Onlooker) -> list[ItemView]:
    """The items of a step as this principal may see them."""
    views = [item_view(item) for item in items]
    return await by.shown(job_id, "items", views, [_masked_unit(view) for view in views])


async def shown_diagnosis(found: Diagnosed, by: Onlooker) -> JobDiagnosisView:
    """What surrounds a job's failure, as this principal may see it."""
    view = job_diagnosis(found, Linker.of(by.found.settings))
    return await by.shown(view.job_id, "diagnosis", view, _masked_diagnosis(view))


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
