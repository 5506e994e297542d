"""The places of secrets in a resolved template. Workflow code carries them, the step wrapper fills them in.

A secret is a part of the template's structure, never found by looking through values: data that merely reads
`${ secrets.X }` stays data.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from perdure.expressions.error import ExpressionError
from perdure.expressions.path import JSON, Path
from perdure.expressions.scan import SecretRef


@dataclass(frozen=True, slots=True)
class SecretSlot:
    """A string yet to be put together: where it belongs, and its parts in order. Plain data, fit to be stored."""

    path: tuple[str | int, ...]
    parts: tuple[str | SecretRef, ...]


def fill_secrets(value: JSON, slots: Iterable[SecretSlot], lookup: Callable[[str], str]) -> JSON:
    """A copy of `value` with the string of each slot in its place.

    `lookup` gives a secret by its name; what it raises passes through. Raises ExpressionError if a slot's
    place is not there, which means that value and slots do not belong together.
    """
    for slot in slots:
        text = "".join(part if isinstance(part, str) else lookup(part.name) for part in slot.parts)
        value = _put(value, slot.path, text)
    return value


def _put(value: JSON, path: Path, text: str) -> JSON:
    if not path:
        if value is not None:
            raise ExpressionError("a secret's place is taken by another value")
        return text
    key, rest = path[0], path[1:]
    if isinstance(value, dict) and key in value:
        return {**value, str(key): _put(value[str(key)], rest, text)}
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [*value[:key], _put(value[key], rest, text), *value[key + 1 :]]
    raise ExpressionError("a secret's place is not in the value")
