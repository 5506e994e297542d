"""Which jobs a list is to hold, as conditions. Used by the API and by the search."""

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from perdure.contract.state import JobStatus
from perdure.store.table import WORDS_CONFIGURATION, job_words

_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))
Columns = ReadOnlyColumnCollection[str, Any]
_PREFIX_LENGTH = 3
"""Shorter words must match whole: too many others begin with them."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list. None and empty mean any; `tenant=None` means every tenant."""

    tenant: str | None
    statuses: Sequence[JobStatus] = ()
    types: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    queue: str | None = None
    correlation_id: str | None = None
    trace_id: str | None = None
    submitted_by: str | None = None
    parent_id: str | None = None
    error_code: str | None = None
    """Of the job's error as it is shown: also of a step that is being retried or is parked."""
    fingerprint: str | None = None
    """Of that error, not of the spec."""
    since: datetime | None = None
    """Created at or after."""
    until: datetime | None = None
    """Created before."""
    words: Sequence[str] = ()
    """All of them are in the name, the labels or the error; the last may be the beginning of a word there.

    See `search_words`.
    """


_INDEXED = (
    *("trace_id", "correlation_id", "parent_id", "fingerprint", "error_code"),
    *("statuses", "queue", "types", "submitted_by", "tenant"),
)
_EVERY = JobFilter(tenant=None)


def search_words(text: str) -> list[str]:
    """The words of a search text; empty where there is nothing to search for."""
    return list(dict.fromkeys(text.translate(_PUNCTUATION).split()))


def indexed(wanted: JobFilter) -> list[str]:
    """The fields that are given and have an index in the order of creation; first, of which there are few mostly."""
    return [name for name in _INDEXED if getattr(wanted, name)]


def only(wanted: JobFilter, names: Collection[str]) -> JobFilter:
    """Those of the fields, and the times."""
    return replace(_EVERY, **{name: getattr(wanted, name) for name in ("since", "until", *names)})


def without(wanted: JobFilter, names: Collection[str]) -> JobFilter:
    """All but those of the fields, and but the times."""
    return replace(wanted, **{name: getattr(_EVERY, name) for name in ("since", "until", *names)})


def may_begin(words: Sequence[str]) -> bool:
    """Whether the last of the words may be the beginning of one."""
    return bool(words) and (len(words[-1]) >= _PREFIX_LENGTH or not words[-1].isascii())


def conditions(wanted: JobFilter, of: Columns) -> list[ColumnElement[bool]]:
    """All but the statuses, of the columns of `jobs` or of a part of it."""
    found = [_field(of, name) == value for name, value in _equal(wanted).items() if value is not None]
    if wanted.since is not None:
        found.append(of.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(of.created_at < wanted.until)
    if wanted.types:
        found.append(of.type.in_(wanted.types))
    if wanted.labels:
        found.append(of.labels.contains(dict(wanted.labels)))
    if wanted.words:
        query = func.to_tsquery(WORDS_CONFIGURATION, literal(_query(wanted.words)))
        found.append(job_words(of.name, of.labels, of.error).op("@@", is_comparison=True)(query))
    return found


def status_condition(wanted: JobFilter, of: Columns) -> list[ColumnElement[bool]]:
    """One of the statuses, where there are some."""
    return [of.status.in_([status.value for status in wanted.statuses])] if wanted.statuses else []


def quick_conditions(wanted: JobFilter, of: Columns) -> list[ColumnElement[bool]]:
    """What must hold where words fit, and costs a tenth of making a row's words."""
    error = [func.coalesce(of.error[key].as_string(), "") for key in ("code", "message")]
    text = func.lower(func.concat_ws(" ", of.name, cast(of.labels, Text), *error))
    return [text.contains(func.lower(word)) for word in wanted.words]


def _equal(wanted: JobFilter) -> dict[str, str | None]:
    return {
        "tenant": wanted.tenant,
        "queue": wanted.queue,
        "correlation_id": wanted.correlation_id,
        "trace_id": wanted.trace_id,
        "submitted_by": wanted.submitted_by,
        "parent_id": wanted.parent_id,
        "error.code": wanted.error_code,
        "error.fingerprint": wanted.fingerprint,
    }


def _field(of: Columns, name: str) -> ColumnElement[Any]:
    column, _, key = name.partition(".")
    found: ColumnElement[Any] = of[column][key].as_string() if key else of[column]
    return found


def _query(words: Sequence[str]) -> str:
    # Without punctuation there is nothing in a word that a quoted lexeme would have to escape.
    *whole, last = words
    begins = ":*" if may_begin(words) else ""
    return " & ".join([*(f"'{word}'" for word in whole), f"'{last}'{begins}"])
