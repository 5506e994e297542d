"""What the queries of lists mean: words to a filter or a position, or the parameter that is wrong."""

from collections.abc import Iterable

from api.jobs.schemas import JobListQuery
from api.problem import invalid
from perdure.admission.wording import listed, meant, quoted
from perdure.contract.state import JobStatus
from perdure.security.principal import Principal
from perdure.store.job_filter import JobFilter

_POSITION_DIGITS = 15


def job_filter(query: JobListQuery, principal: Principal) -> JobFilter:
    """The jobs a principal asks for, within its tenant.

    Raises:
        ApiError: API.VALIDATION naming the parameter.
    """
    return JobFilter(
        tenant=principal.scope,
        statuses=_statuses(query.status),
        types=(query.type,) if query.type is not None else (),
        labels=_labels(query.label),
        queue=query.queue,
        correlation_id=query.correlation_id,
        since=query.since,
        until=query.until,
    )


def _statuses(given: Iterable[str]) -> list[JobStatus]:
    names = [name for part in given for name in part.split(",")]
    known = list(JobStatus)
    for name in names:
        if name not in known:
            message = f"{quoted(name)} is no state of a job{meant(name, known)}. The states are {listed(known)}"
            raise invalid("query.status", "API.PARAMETER.VALUE", message)
    return [JobStatus(name) for name in dict.fromkeys(names)]


def _labels(given: Iterable[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for label in given:
        key, equals, value = label.partition("=")
        if not key or not equals:
            message = f"{quoted(label)} is not of the form key=value"
            raise invalid("query.label", "API.PARAMETER.VALUE", message)
        if labels.get(key, value) != value:
            raise invalid("query.label", "API.PARAMETER.VALUE", f"no job has two values of label {quoted(key)}")
        labels[key] = value
    return labels


def journal_position(cursor: str | None) -> int:
    """The number of the last row of the page before; 0 at the start.

    Raises:
        ApiError: API.VALIDATION for a cursor that no page has given.
    """
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= _POSITION_DIGITS):
        message = "the cursor is not one that a page of this journal has given; start again without it"
        raise invalid("query.cursor", "API.PARAMETER.VALUE", message)
    return int(cursor)
