"""Rows travel as JSON both ways: exact, one parameter a statement, checked by the models on the way out.

Used by the query modules and by the projection writer.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    ColumnElement,
    Executable,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

_REPLACEMENT = "\ufffd"
_DEEPEST = 128
"""Levels of a row. The models read 200; the contract allows clients 64."""
_PART_CHARACTERS = 4_000_000
_ARGUMENT_LIMIT = 50
"""Pairs that `json_build_object` takes (a function has at most 100 arguments)."""


def json_object(columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """A column that holds `columns` as one JSON object; JSON columns keep their text as it is.

    Args:
        columns: by the names of the object, which are ours and no client's: they become part of the statement.
    """
    pairs = [part for name, column in columns.items() for part in (literal_column(f"'{name}'"), column)]
    if len(columns) > _ARGUMENT_LIMIT:
        raise ValueError(f"json_build_object takes {_ARGUMENT_LIMIT} pairs, not {len(columns)}")
    return func.json_build_object(*pairs)


def as_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The JSON column as text, for `model_validate_json`."""
    return cast(column, Text)


def is_one_of(column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Like `in_`, but one parameter and so one statement for any number of values."""
    return column == any_(literal(sorted(values), ARRAY(Text)))


def insert_rows(table: Table, *, leave_out: Collection[str] = ()) -> Insert:
    """An insert of the rows that `write_rows` hands over, for all columns but some."""
    names = [column.name for column in table.columns if column.name not in leave_out]
    rows = cast(bindparam("rows", type_=Text), JSON)
    source = func.json_populate_recordset(literal_column(f"NULL::{table.name}"), rows).table_valued(*names)
    return insert(table).from_select(names, select(*(source.c[name] for name in names)))


async def write_rows(
    connection: AsyncConnection, statement: Executable, rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Run a statement made of `insert_rows`, in parts of a bounded size. Without rows nothing happens.

    Args:
        connection: in a transaction; not committed here.
        statement: may return one text column.
        rows: column names to JSON values; what is left out is null.

    Returns:
        What the statement returned.
    """
    returned: list[str] = []
    for part in _parts(rows) if rows else ():
        result = await connection.execute(statement, {"rows": part})
        returned += [row[0] for row in result] if result.returns_rows else []
    return returned


def _parts(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rows as JSON arrays of a bounded size, so that no statement grows with what jobs hold."""
    part: list[str] = []
    size = 0
    for row in map(dumps, rows):
        if part and size + len(row) > _PART_CHARACTERS:
            yield f"[{','.join(part)}]"
            part, size = [], 0
        part.append(row)
        size += len(row)
    yield f"[{','.join(part)}]"


def dumps(value: Any) -> str:
    """JSON that Postgres takes and the models read: what they cannot hold is replaced."""
    try:
        encoded = to_json(value, inf_nan_mode="null").decode()
    except ValueError:
        return _dumps_replaced(value)
    suspect = "\\u0000" in encoded or encoded.count("[") + encoded.count("{") > _DEEPEST
    return _dumps_replaced(value) if suspect and storable(value) != value else encoded


def _dumps_replaced(value: Any) -> str:
    return json.dumps(storable(value), ensure_ascii=False, separators=(",", ":"))


def storable(value: Any, depth: int = 0) -> Any:
    """`value` with what Postgres cannot hold replaced (admission refuses it; step outputs may have it)."""
    if depth > _DEEPEST:
        return "(nested too deeply to be stored)"
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(key, depth): storable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item, depth + 1) for item in value]
    return value


def _storable_text(value: str) -> str:
    # By way of UTF-16, where a pair of surrogates is one character and only a lone one is replaced.
    return value.replace("\x00", _REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
