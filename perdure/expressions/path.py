"""Pure paths (`input.rows[0].id`): read, checked and followed without CEL. Used all over this package."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from perdure.expressions.error import ExpressionError, shorten

JSON: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]

ROOTS = frozenset({"input", "steps", "job", "item", "index"})
STEP_FIELDS = ("output", "status", "error")
JOB_FIELDS = ("id", "name", "type", "labels", "correlation_id")

_KEY = re.compile(
    r"""\.(?P<field>[A-Za-z_][A-Za-z0-9_]*)
      |\[(?P<index>0|[1-9][0-9]{0,8})\]
      |\["(?P<double>[^"\\\x00-\x1f]*)"\]
      |\['(?P<single>[^'\\\x00-\x1f]*)'\]""",
    re.VERBOSE,
)
_ROOT = re.compile("|".join(sorted(ROOTS)))
_KEYWORDS = frozenset({"in", "true", "false", "null"})
_NAMES_SHOWN = 10
_NAME_LENGTH = 60


def read_path(text: str) -> Path | None:
    """The path `text` is, or None when it is anything more (then CEL reads it)."""
    root = _ROOT.match(text)
    if root is None:
        return None
    keys: list[str | int] = [root[0]]
    position = root.end()
    while position < len(text):
        match = _KEY.match(text, position)
        if match is None or match["field"] in _KEYWORDS:
            return None
        keys.append(_key(match))
        position = match.end()
    return tuple(keys)


def _key(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    name = match[match.lastgroup or 0]
    return str(name)


def path_problem(path: Path) -> str | None:
    """What is wrong with the shape of a path that begins at a root, or None."""
    if path[0] == "steps":
        return _steps_problem(path)
    if path[0] == "job" and (len(path) == 1 or path[1] not in JOB_FIELDS):
        return f"'{show(path[:2])}' is not a value; job has: {', '.join(JOB_FIELDS)}"
    return None


def _steps_problem(path: Path) -> str | None:
    if len(path) == 1 or not isinstance(path[1], str):
        return "'steps' needs the id of a step, written out: steps.<id>.output"
    if len(path) == len(("steps", "id")) or path[2] not in STEP_FIELDS:
        return f"'{show(path[:3])}' is not a value; a step has: {', '.join(STEP_FIELDS)}"
    return None


def find(path: Path, value: JSON, at: Path = ()) -> JSON:
    """The value at `path` below `value`, which itself stands `at`.

    Raises ExpressionError naming the part that is missing, and what is there instead.
    """
    for key in path:
        value = _step(value, key, at)
        at = (*at, key)
    return value


def _step(value: JSON, key: str | int, at: Path) -> JSON:
    if isinstance(key, str) and isinstance(value, Mapping):
        try:
            return value[key]
        except KeyError:
            raise ExpressionError(_no_field(value, key, at)) from None
    if isinstance(key, int) and isinstance(value, list) and 0 <= key < len(value):
        return value[key]
    raise ExpressionError(_no_entry(value, key, at))


def _no_field(value: Mapping[str, JSON], key: str, at: Path) -> str:
    name = f"'{shorten(key, _NAME_LENGTH)}'"
    if not at:
        return f"{name} is not available here; there is: {listing(value)}"
    what = "step" if at == ("steps",) else "field"
    return f"{show(at)} has no {what} {name}; it has: {listing(value)}"


def _no_entry(value: JSON, key: str | int, at: Path) -> str:
    if isinstance(value, list) and isinstance(key, int):
        return f"{show(at)} has {len(value)} entries: there is no [{key}]"
    entry = f"field '{shorten(key, _NAME_LENGTH)}'" if isinstance(key, str) else f"entry [{key}]"
    return f"{show(at)} is {describe(value)}: it has no {entry}"


def listing(names: Iterable[str]) -> str:
    """Up to ten names in order, for messages."""
    found = sorted(names)
    shown = ", ".join(shorten(name, _NAME_LENGTH) for name in found[:_NAMES_SHOWN])
    return (shown or "nothing") + (", …" if len(found) > _NAMES_SHOWN else "")


def show(path: Path) -> str:
    """The path as its author would write it."""
    return str(path[0]) + "".join(f"[{key}]" if isinstance(key, int) else _show_field(key) for key in path[1:])


def _show_field(key: str) -> str:
    name = shorten(key, _NAME_LENGTH)
    return f".{name}" if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", key) else f'["{name}"]'


def describe(value: JSON) -> str:
    """What kind of JSON value this is, in words."""
    if value is None:
        return "null"
    for kinds, words in _KINDS:
        if isinstance(value, kinds):
            return words
    return f"a {type(value).__name__}"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    ((int, float), "a number"),
    (str, "a string"),
    (list, "a list"),
    (Mapping, "an object"),
)
