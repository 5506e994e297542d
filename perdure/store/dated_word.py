"""Words and labels of jobs in the index that holds them by week: how a search asks for them. Used by the search.

A word that many jobs have, or a beginning that many words have, costs as much as there are rows behind it, although
a page needs fifty. With the week of the job before each word the index is asked for the newest weeks first, and
mostly for no others; a label beside a word costs nothing more (docs/decisions/0023).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, DateTime, FromClause, Text, bindparam, cast, func, literal, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import WORDS_CONFIGURATION, dated_job_words, jobs

_WEEK = 604_800
_WORD, _KEY, _VALUE = 500, 60, 100
"""Seconds, and how many characters count, as in the function `perdure_dated_job_words`."""
_MOMENTS = ARRAY(DateTime(timezone=True))
_QUERY = 400_000
"""Bytes of labels in a query, which may have 1 MiB."""
_LEXEMES = text(
    "SELECT tsvector_to_array(to_tsvector(CAST(:configuration AS regconfig), word))"
    " FROM unnest(:words) WITH ORDINALITY AS given (word, place) ORDER BY place"
).bindparams(bindparam("words", type_=ARRAY(Text)), configuration=WORDS_CONFIGURATION)


class Lexemes(NamedTuple):
    """What the database takes the words of a search for, some for each word and mostly one; and labels.

    `begins`: the last word may be the beginning of one.
    """

    of_words: Sequence[Sequence[str]]
    begins: bool
    labels: Mapping[str, str]

    @property
    def exact(self) -> bool:
        """Whether each word is one lexeme, so that a row which has them has the words."""
        return all(len(found) <= 1 for found in self.of_words)

    @property
    def empty(self) -> bool:
        """Whether there were words, and nothing in them to search for."""
        return bool(self.of_words) and not any(self.of_words)


async def lexemes(
    connection: AsyncConnection, words: Sequence[str], labels: Mapping[str, str], *, begins: bool
) -> Lexemes:
    """Ask the database, which knows its parser best."""
    found = list(await connection.scalars(_LEXEMES, {"words": list(words)})) if words else []
    return Lexemes(found, begins, labels)


def each_week(wanted: Lexemes, since: datetime, until: datetime, *, newest_first: bool | None) -> FromClause:
    """A row for each week of that time, `asked`, in the order a list of their jobs has (None: it has another one).

    `query`: what jobs of the week must answer to have all lexemes and, but for long ones, labels; `since`, `until`.
    """
    of_time = range(_week(since), _week(until) + 1)
    weeks = of_time[::-1] if newest_first else of_time
    room = _QUERY // len(weeks)
    queries = [" & ".join(_terms(wanted, week, room)) for week in weeks]
    begins, ends = [_begin(week) for week in weeks], [_begin(week + 1) for week in weeks]
    columns = (cast(literal(queries, ARRAY(Text)), ARRAY(TSQUERY)), literal(begins, _MOMENTS), literal(ends, _MOMENTS))
    return func.unnest(*columns).table_valued("query", "since", "until").render_derived("asked")


def has_words() -> ColumnElement[bool]:
    """Whether a job answers the query of the week."""
    words = dated_job_words(jobs.c.created_at, jobs.c.name, jobs.c.labels, jobs.c.error)
    return words.op("@@", is_comparison=True)(literal_column("asked.query"))


def in_week() -> list[ColumnElement[bool]]:
    """Whether a job is of the week: its query says so too, but indexes of other conditions end in the time."""
    return [jobs.c.created_at >= literal_column("asked.since"), jobs.c.created_at < literal_column("asked.until")]


def _terms(wanted: Lexemes, week: int, room: int) -> Iterator[str]:
    """All words; and labels while there is room in the query: those that are left out are looked at in the row."""
    last = len(wanted.of_words) - 1
    for place, found in enumerate(wanted.of_words):
        begins = ":*" if wanted.begins and place == last else ""
        for lexeme in found:
            yield f"'{week} {_escaped(lexeme[:_WORD])}'{begins}"
    for place, (key, value) in enumerate(wanted.labels.items()):
        term = f"'{week}={_escaped(key[:_KEY])}={_escaped(value[:_VALUE])}'"
        room -= len(term.encode())
        if room < 0 and (place or wanted.of_words):
            return
        yield term


def _escaped(lexeme: str) -> str:
    return lexeme.replace("\\", "\\\\").replace("'", "''")


def _week(moment: datetime) -> int:
    return int(moment.timestamp() // _WEEK)


def _begin(week: int) -> datetime:
    return datetime.fromtimestamp(week * _WEEK, UTC)
