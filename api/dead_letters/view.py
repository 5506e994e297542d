"""From parked units to what the API shows of them; pure. Used by the routes."""

from collections.abc import Mapping
from datetime import datetime

from api.dead_letters.read_schemas import (
    CountView,
    DeadLetterView,
    DecisionOptionView,
    GroupView,
    JobTypeView,
    ParkedDetailView,
    ParkedErrorView,
    ParkedUnitView,
)
from api.jobs.schemas import AttemptView, CompensationView, UnitView
from api.jobs.view import Linker, summary
from perdure.contract.error import normalise
from perdure.contract.identifier import parse_unit_id
from perdure.contract.runbook import runbook
from perdure.store.dead_letter import ParkedJob, ParkedUnit
from perdure.store.dead_letter_group import Group
from perdure.store.dead_letter_type import JobType

_EFFECT_UNKNOWN = "STEP.EFFECT_UNKNOWN"


def dead_letter_path(job_id: str) -> str:
    """The path of a parked job in this API."""
    return f"/v1/dead-letters/{job_id}"


def parked_view(unit: ParkedUnit) -> ParkedUnitView:
    """A parked unit."""
    error = _error(unit.code, unit.error_class, unit.message, unit.fingerprint)
    return ParkedUnitView(
        **{name: getattr(unit, name) for name in ("unit", "step_id", "step_type", "round", "parked_at", "http_status")},
        error=error,
        force_required=unit.code == _EFFECT_UNKNOWN,
        runbook=runbook(unit.code, unit.error_class),
    )


def detail_view(unit: ParkedUnit, shown: UnitView | None) -> ParkedDetailView:
    """A parked unit with its attempts, as far as `shown` (the step or item it belongs to) has them."""
    id_ = parse_unit_id(unit.unit)
    tried: UnitView | CompensationView | None = shown
    if shown is not None and id_ is not None and id_.compensates:
        tried = shown.compensation
    attempts: list[AttemptView] = [] if tried is None else tried.attempts
    count = len(attempts) if tried is None else tried.attempt_count
    return ParkedDetailView(**dict(parked_view(unit)), attempt_count=count, attempts=attempts)


def dead_letter_view(parked: ParkedJob, linker: Linker) -> DeadLetterView:
    """A job in the list."""
    return DeadLetterView(
        id=parked.job.id,
        job=summary(parked.job, parked.job.lag_ms, linker),
        parked_at=parked.since,
        expires_at=parked.expires_at,
        parked_count=parked.count,
        parked=[parked_view(unit) for unit in parked.units],
    )


def decision_options(job_id: str, units: list[str]) -> list[DecisionOptionView]:
    """What can be decided: about each unit, or (discard) about the whole job."""
    path = dead_letter_path(job_id)
    about = {"retry": units, "skip": units, "discard": []}
    return [DecisionOptionView(action=verb, path=f"{path}/{verb}", units=named) for verb, named in about.items()]


def group_view(group: Group) -> GroupView:
    """A group, its message without what varies from one to the other."""
    return GroupView(
        fingerprint=group.fingerprint,
        error=_error(group.code, group.error_class, normalise(group.message), group.fingerprint),
        step_type=group.step_type,
        job_types=[_job_type(one) for one in group.types],
        count=group.count,
        jobs=group.jobs,
        resolved=group.resolved,
        first_seen=group.first_at,
        last_seen=group.last_at,
        hours=_counts(group.hours),
        days=_counts(group.days),
        example=group.example,
        runbook=runbook(group.code, group.error_class),
    )


def _job_type(one: JobType) -> JobTypeView:
    return JobTypeView(
        type=one.type, count=one.count, resolved=one.resolved, first_seen=one.first_at, last_seen=one.last_at
    )


def _counts(counts: Mapping[datetime, int]) -> list[CountView]:
    return [CountView(at=at, count=number) for at, number in counts.items()]


def _error(code: str, error_class: str, message: str, fingerprint: str) -> ParkedErrorView:
    return ParkedErrorView.model_validate(
        {"code": code, "class": error_class, "message": message, "fingerprint": fingerprint}
    )
