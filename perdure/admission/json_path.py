"""JSON paths (`$.steps[2].with["my key"]`) for messages; used by every check of admission."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}", re.ASCII)
_LONGEST_NAME = 80
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},:]', re.DOTALL)


def render(path: Iterable[str | int]) -> str:
    """The path as text. Long field names are cut; what is not plain is quoted as JSON."""
    return "$" + "".join(_segment(part) for part in path)


def _segment(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if _PLAIN.fullmatch(part):
        return f".{part}"
    return f"[{json.dumps(part if len(part) <= _LONGEST_NAME else part[:_LONGEST_NAME] + '…')}]"


@dataclass(slots=True)
class _Open:
    """A container not closed yet: an array at `index`, or an object at `name` (None before the first)."""

    array: bool
    index: int = 0
    name: str | None = None
    awaits_name: bool = True

    def segment(self) -> str | int | None:
        return self.index if self.array else self.name


def path_at(text: str, position: int) -> Path:
    """The path of what stands at `position` of a JSON text that need not be well-formed."""
    stack: list[_Open] = []
    for match in _TOKEN.finditer(text, 0, position):
        _step(stack, match[0])
    segments = (container.segment() for container in stack)
    return tuple(segment for segment in segments if segment is not None)


def _step(stack: list[_Open], mark: str) -> None:
    if mark in "[{":
        stack.append(_Open(array=mark == "["))
    elif not stack:
        return
    elif mark in "]}":
        stack.pop()
    elif mark == ",":
        stack[-1].index += 1
        stack[-1].name, stack[-1].awaits_name = None, True
    elif mark == ":":
        stack[-1].awaits_name = False
    elif not stack[-1].array and stack[-1].awaits_name:
        stack[-1].name = _name(mark)


def _name(mark: str) -> str:
    try:
        return str(json.loads(mark))
    except ValueError:
        return mark.strip('"')
