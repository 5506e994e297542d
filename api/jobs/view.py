"""From the projection's records to what the API shows; pure. Used by the job routes."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from api.jobs.children import Child
from api.jobs.reading import Reading
from api.jobs.schemas import (
    ApprovalView,
    AttemptView,
    ChildView,
    CompensationView,
    ErrorView,
    ItemCountsView,
    ItemView,
    JobErrorView,
    JobSummary,
    JobView,
    JournalView,
    LinksView,
    ProjectionView,
    StepView,
    UsageView,
    WaitingForView,
)
from perdure.contract.error import ErrorInfo
from perdure.projection.record import ItemRecord, JobRecord, StepAttempt, StepRecord, UnitRecord
from perdure.security.masking import masked_details
from perdure.settings import TRACE_ID, Settings
from perdure.store.journal import JournalRow


@dataclass(frozen=True, slots=True)
class Linker:
    """Makes the links of a job."""

    temporal_ui_url: str | None
    namespace: str
    trace_url: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Linker":
        """The links that these settings allow."""
        return cls(settings.temporal_ui_url, settings.temporal_namespace, settings.trace_url)

    def links(self, job: JobRecord) -> LinksView:
        """Where else to look at a job."""
        return LinksView(self=job_path(job.id), temporal_ui=self._temporal_ui(job), trace=self._trace(job))

    def _temporal_ui(self, job: JobRecord) -> str | None:
        if self.temporal_ui_url is None:
            return None
        place = f"namespaces/{quote(self.namespace, safe='')}/workflows/{quote(job.id, safe='')}/{job.run_id}/history"
        return f"{self.temporal_ui_url.rstrip('/')}/{place}"

    def _trace(self, job: JobRecord) -> str | None:
        return self.trace_url.replace(TRACE_ID, job.trace_id) if self.trace_url and job.trace_id else None


def job_path(job_id: str) -> str:
    """The path of a job in this API."""
    return f"/v1/jobs/{quote(job_id, safe=':~')}"


def summary(job: JobRecord, lag_ms: int | None, linker: Linker) -> JobSummary:
    """The job as lists show it; error details are payloads, which lists never show."""
    shown = {name: getattr(job, name) for name in JobSummary.model_fields if name in JobRecord.model_fields}
    shown |= {
        "error": _without_details(_job_error(job)),
        "links": linker.links(job),
        "projection": ProjectionView(event_id=job.last_event_id, lag_ms=lag_ms),
    }
    return JobSummary(**shown)


def whole(reading: Reading, linker: Linker) -> JobView:
    """The job with input, output, steps and children, payloads as they are: `payload` decides who sees them."""
    job = reading.job
    return JobView(
        **dict(summary(job, reading.lag_ms, linker)) | {"error": _job_error(job)},
        input=job.input,
        output=job.output,
        steps=[_step(step) for step in job.steps],
        children=[_child(id_, child) for id_, child in reading.children.items()],
    )


def _child(id_: str, child: Child) -> ChildView:
    # `{parent}~~{name}`, later rounds `….r{round}`; a name has no point.
    name = id_.rpartition("~")[2].partition(".")[0]
    return ChildView(id=id_, name=name, status=child.status, problem=child.problem)


def journal_entry(row: JournalRow) -> JournalView:
    """A journal row."""
    return JournalView(**{name: getattr(row, name) for name in JournalView.model_fields})


def _step(step: StepRecord) -> StepView:
    items = step.items and ItemCountsView(**dict(step.items))
    return StepView(**_unit(step), id=step.id, type=step.type, items=items)


def item_view(item: ItemRecord) -> ItemView:
    """An item of a fan-out, payloads as they are."""
    return ItemView(**_unit(item), index=item.index)


def _unit(unit: StepRecord | ItemRecord) -> dict[str, Any]:
    wait = unit.waiting_for
    return {
        **_tried(unit),
        "output": unit.output,
        "paused": unit.paused,
        "compensation": unit.compensation and CompensationView(**_tried(unit.compensation)),
        "waiting_for": wait and WaitingForView(**dict(wait)),
        "decisions": [ApprovalView(**dict(decision)) for decision in unit.decisions],
    }


def _tried(unit: UnitRecord) -> dict[str, Any]:
    shown = {name: getattr(unit, name) for name in CompensationView.model_fields}
    return shown | {"error": error_view(unit.error), "attempts": [attempt_view(attempt) for attempt in unit.attempts]}


def attempt_view(attempt: StepAttempt) -> AttemptView:
    """One try at a unit, payloads as they are."""
    shown = {name: getattr(attempt, name) for name in AttemptView.model_fields}
    usage = attempt.usage and UsageView(**dict(attempt.usage))
    return AttemptView(**shown | {"error": error_view(attempt.error), "usage": usage})


def error_view(error: ErrorInfo | None) -> ErrorView | None:
    """A failure, payloads as they are."""
    return None if error is None else ErrorView(**dict(error))


def _without_details(error: JobErrorView | None) -> JobErrorView | None:
    return error and error.model_copy(update={"details": masked_details(error.details)})


def _job_error(job: JobRecord) -> JobErrorView | None:
    return None if job.error is None else JobErrorView(**dict(job.error), step_id=job.error_step)
