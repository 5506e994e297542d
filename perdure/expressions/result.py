"""CEL values as JSON: the same in every process, bounded, and refused where JSON has nothing for them."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cel_expr_python import cel  # type: ignore[import-untyped]  # it ships stubs without py.typed

from perdure.expressions.error import ExpressionError
from perdure.expressions.limit import EXACT_INTEGER, RESULT_BYTES, RESULT_NODES
from perdure.expressions.path import JSON

_DEEPEST = 200


class ErrorValue(Exception):  # noqa: N818  it is CEL's word for an error met as a value
    """The evaluation failed: CEL answers a failure as a value."""


def to_json(value: cel.Value) -> JSON:
    """The JSON of a CEL value, objects in the order of their keys.

    Raises ErrorValue where the evaluation failed, ExpressionError for what JSON cannot hold or is too large.
    """
    return _Reader().read(value, 0)


class _Reader:
    """Reads one level at a time: the binding's own conversion of all at once is bounded by nothing."""

    def __init__(self) -> None:
        self._nodes = RESULT_NODES
        self._bytes = RESULT_BYTES

    def read(self, value: cel.Value, depth: int) -> JSON:
        kind = value.type().name().partition("<")[0]
        self._take(depth)
        if kind == "NULL":
            return None  # not value(): in 0.1.3 that loses a reference to None, until the process dies of it
        if kind == "LIST":
            return [self.read(item, depth + 1) for item in value.value()]
        if kind == "MAP":
            return self._read_map(value.value(), depth)
        if kind not in _SCALARS:
            raise ExpressionError(f"gives {kind.lower()}, which is not JSON")
        found = _SCALARS[kind](value.value())
        self._take_text(found)
        return found

    def _read_map(self, entries: dict[object, cel.Value], depth: int) -> JSON:
        names = [key for key in entries if isinstance(key, str)]
        if len(names) < len(entries):
            raise ExpressionError("gives an object with a key that is not a string")
        for name in names:
            self._take_text(_text(name))
        return {name: self.read(entries[name], depth + 1) for name in sorted(names)}

    def _take(self, depth: int) -> None:
        self._nodes -= 1
        if self._nodes < 0:
            raise ExpressionError(f"gives more than {RESULT_NODES:,} values")
        if depth > _DEEPEST:
            raise ExpressionError(f"gives a value nested deeper than {_DEEPEST} levels")

    def _take_text(self, found: JSON) -> None:
        self._bytes -= len(found) if isinstance(found, str) else 0
        if self._bytes < 0:
            raise ExpressionError(f"gives more than {RESULT_BYTES:,} characters")


def _integer(value: int) -> int:
    if abs(value) > EXACT_INTEGER:
        raise ExpressionError(f"gives {value}, past what JSON keeps exactly (2^53 − 1); use string(…)")
    return value


def _decimal(value: float) -> float:
    if not math.isfinite(value):
        raise ExpressionError(f"gives {value}, which is not a JSON number")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise ExpressionError("gives a text with a NUL character (U+0000)")
    return value


def _timestamp(value: datetime) -> str:
    moment = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (moment.rstrip("0") if "." in moment else moment) + "Z"


def _duration(value: timedelta) -> str:
    microseconds = value // timedelta(microseconds=1)
    seconds, rest = divmod(abs(microseconds), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if microseconds < 0 else ''}{seconds}{fraction}s"


def _bytes(_: object) -> JSON:
    raise ExpressionError("gives bytes, which are not JSON; use string(…)")


def _type(_: object) -> JSON:
    raise ExpressionError("gives a type, which is not JSON; compare it, as in type(x) == string")


def _error(value: str) -> JSON:
    raise ErrorValue(value)


_SCALARS: dict[str, Callable[..., JSON]] = {
    "BOOL": bool,
    "INT": _integer,
    "UINT": _integer,
    "DOUBLE": _decimal,
    "STRING": _text,
    "TIMESTAMP": _timestamp,
    "DURATION": _duration,
    "BYTES": _bytes,
    "TYPE": _type,
    "ERROR": _error,
}
