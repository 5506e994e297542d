"""Which jobs a list is to hold, as conditions. Used by the API and by the search.

Conditions are of two kinds. A plain one is answered by a B-tree that also has the order of the list; what a job
*contains* (labels, words) is answered by an inverted index, which has no order.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal

from perdure.contract.state import JobStatus
from perdure.store.table import WORDS_CONFIGURATION, job_words, jobs

_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))
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
    """Every one of them is in the name, the labels or the error, or begins a word there; see `search_words`."""


def search_words(text: str) -> list[str]:
    """The words of a search text; empty where there is nothing to search for."""
    return list(dict.fromkeys(text.translate(_PUNCTUATION).split()))


def plain_conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """All but the statuses, and what `content_conditions` gives."""
    column = jobs.c
    equal: dict[ColumnElement[Any], str | None] = {
        column.tenant: wanted.tenant,
        column.queue: wanted.queue,
        column.correlation_id: wanted.correlation_id,
        column.trace_id: wanted.trace_id,
        column.submitted_by: wanted.submitted_by,
        column.parent_id: wanted.parent_id,
        column.error["code"].as_string(): wanted.error_code,
        column.error["fingerprint"].as_string(): wanted.fingerprint,
    }
    found = [expression == value for expression, value in equal.items() if value is not None]
    if wanted.types:
        found.append(column.type.in_(wanted.types))
    if wanted.since is not None:
        found.append(column.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(column.created_at < wanted.until)
    return found


def content_conditions(
    wanted: JobFilter, *, name: ColumnElement[Any], labels: ColumnElement[Any], error: ColumnElement[Any]
) -> list[ColumnElement[bool]]:
    """What a job must contain, of these columns of `jobs` or of a part of it."""
    found = []
    if wanted.labels:
        found.append(labels.contains(dict(wanted.labels)))
    if wanted.words:
        query = func.to_tsquery(WORDS_CONFIGURATION, literal(" & ".join(map(_searched, wanted.words))))
        found.append(job_words(name, labels, error).op("@@", is_comparison=True)(query))
    return found


def _searched(word: str) -> str:
    # Without punctuation there is nothing in a word that a quoted lexeme would have to escape.
    return f"'{word}':*" if len(word) >= _PREFIX_LENGTH or not word.isascii() else f"'{word}'"
