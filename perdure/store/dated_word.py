"""Words and labels of jobs in the index that holds them by week: how a search asks for them. Used by the search.

A word that many jobs have, or a beginning that many words have, costs as much as there are rows behind it, although
a page needs fifty. With the week of the job before each word the index is asked for the newest weeks first, and
mostly for no others; a label beside a word costs nothing more (docs/decisions/0023).
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Text, any_, bindparam, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import WORDS_CONFIGURATION, dated_job_words, jobs

_WEEK = 604_800
_WORD, _KEY, _VALUE = 500, 60, 100
"""Seconds, and how many characters count, as in the function `perdure_dated_job_words`."""
_QUERY = 400_000
"""Bytes of labels in a query, which may have 1 MiB."""
_FIRST_WEEKS, _GROWTH, _RESERVE, _ALL = 2, 4, 1.5, sys.maxsize
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


async def created_within(connection: AsyncConnection) -> tuple[datetime, datetime] | None:
    """When the oldest and the newest job was created; None where there is none."""
    oldest, newest = (await connection.execute(select(func.min(jobs.c.created_at), func.max(jobs.c.created_at)))).one()
    return None if oldest is None else (oldest, newest)


def weeks(since: datetime, until: datetime, *, newest_first: bool | None) -> list[int]:
    """The weeks of that time, in the order a list of their jobs has; None: it has another one."""
    first, last = _week(since), _week(until)
    return list(range(last, first - 1, -1) if newest_first else range(first, last + 1))


def portion(looked_at: int, found: int, missing: int) -> int:
    """How many weeks to ask for next, after so many in which so much was found: those that should hold the rest."""
    if not looked_at:
        return _FIRST_WEEKS
    if not found:
        return _ALL
    return max(_GROWTH * looked_at, math.ceil(_RESERVE * looked_at * missing / found))


def in_weeks(wanted: Lexemes, of_weeks: Sequence[int]) -> list[ColumnElement[bool]]:
    """Whether a job of one of these weeks, which follow each other, has all lexemes and, but for long ones, labels."""
    room = _QUERY // len(of_weeks)
    # One after the other: a single query for all weeks tests each row of the rarest word for the words of all weeks.
    asked = [" & ".join(_terms(wanted, week, room)) for week in of_weeks]
    query = any_(cast(literal(asked, ARRAY(Text)), ARRAY(TSQUERY)))
    words = dated_job_words(jobs.c.created_at, jobs.c.name, jobs.c.labels, jobs.c.error)
    # Said again for the indexes of other conditions, which end in the time.
    begin, end = (datetime.fromtimestamp(week * _WEEK, UTC) for week in (min(of_weeks), max(of_weeks) + 1))
    return [words.op("@@", is_comparison=True)(query), jobs.c.created_at >= begin, jobs.c.created_at < end]


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
