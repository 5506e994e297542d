"""What the queries of lists mean: words to a filter or a position, or the parameter that is wrong."""

from collections.abc import Iterable

from api.jobs.query_schemas import JobListQuery
from api.problem import invalid
from perdure.contract.state import JobStatus
from perdure.contract.wording import listed, meant, quoted
from perdure.security.principal import Principal
from perdure.store.job_filter import JobFilter, search_words

_POSITION_DIGITS = 15
_MOST_WORDS = 10


def job_filter(query: JobListQuery, principal: Principal) -> JobFilter:
    """The jobs a principal asks for, within its tenant.

    Raises:
        ApiError: API.VALIDATION naming the parameter.
    """
    if query.since is not None and query.until is not None and query.since >= query.until:
        message = "it is not after since: no job can have been created between them"
        raise invalid("query.until", "API.PARAMETER.VALUE", message)
    return JobFilter(
        tenant=principal.scope,
        statuses=_statuses(query.status),
        types=(query.type,) if query.type is not None else (),
        labels=read_labels(query.label),
        queue=query.queue,
        correlation_id=query.correlation_id,
        trace_id=query.trace_id,
        submitted_by=query.submitted_by,
        parent_id=query.parent,
        error_code=query.error_code,
        fingerprint=query.fingerprint,
        since=query.since,
        until=query.until,
        words=read_words(query.q),
    )


def read_words(text: str | None) -> list[str]:
    """The words of `q`; raises ApiError where there are none, or too many."""
    words = search_words(text or "")
    if text is not None and not words:
        raise invalid("query.q", "API.PARAMETER.VALUE", f"{quoted(text)} has no word to search for")
    if len(words) > _MOST_WORDS:
        message = f"it has {len(words)} words to search for; at most {_MOST_WORDS} are taken"
        raise invalid("query.q", "API.PARAMETER.VALUE", message)
    return words


def _statuses(given: Iterable[str]) -> list[JobStatus]:
    names = [name for part in given for name in part.split(",")]
    known = list(JobStatus)
    for name in names:
        if name not in known:
            message = f"{quoted(name)} is no state of a job{meant(name, known)}. The states are {listed(known)}"
            raise invalid("query.status", "API.PARAMETER.VALUE", message)
    return [JobStatus(name) for name in dict.fromkeys(names)]


def read_labels(given: Iterable[str]) -> dict[str, str]:
    """The labels of `label=key=value`; raises ApiError for another form."""
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
