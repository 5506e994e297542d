"""What a parsed JSON body must not hold, found with its path; used by `strict_json`."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from perdure.admission.json_path import Path, render
from perdure.admission.problem import Problem

_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Refused:
    """Stands in the tree for a number that is refused."""

    message: str


@dataclass(frozen=True, slots=True)
class Doubled:
    """Stands in the tree for an object in which `names` occur more than once."""

    fields: dict[str, Any]
    names: tuple[str, ...]


def repeated(pairs: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    """The names that occur more than once, each one time."""
    seen: set[str] = set()
    again: dict[str, None] = {}
    for name, _ in pairs:
        if name in seen:
            again[name] = None
        seen.add(name)
    return tuple(again)


def flaws_of(value: Any, path: Path = ()) -> Iterator[Problem]:
    """Every refused place, in order. The depth was checked, so the recursion is bounded."""
    if isinstance(value, Refused):
        yield Problem(render(path), "API.BODY.NUMBER", value.message)
    elif isinstance(value, Doubled):
        for name in value.names:
            message = f"the field {json.dumps(name)[:80]} occurs more than once: send it once"
            yield Problem(render((*path, name)), "API.BODY.DUPLICATE_FIELD", message)
        yield from flaws_of(value.fields, path)
    elif isinstance(value, str):
        yield from _text_flaws(value, path, "the text")
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _text_flaws(name, (*path, name), "the field's name")
            yield from flaws_of(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from flaws_of(part, (*path, index))


def _text_flaws(text: str, path: Path, what: str) -> Iterator[Problem]:
    if "\x00" in text:
        yield Problem(render(path), "API.BODY.NUL", f"{what} contains NUL (\\u0000): leave it out")
    if not text.isascii() and _SURROGATE.search(text):
        message = f"{what} contains half of a surrogate pair (\\ud800 to \\udfff): send whole characters"
        yield Problem(render(path), "API.BODY.SURROGATE", message)
