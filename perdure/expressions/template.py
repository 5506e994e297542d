"""`${ }` templates resolved. Called by workflow code: pure, bounded, and the same in every process."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from perdure.expressions.cost import Budget, counted_length
from perdure.expressions.error import ExpressionError
from perdure.expressions.evaluation import evaluate, plan, uses
from perdure.expressions.limit import DATA_DEPTH
from perdure.expressions.path import JSON, Path, describe
from perdure.expressions.scan import Code, Part, SecretRef, scan
from perdure.expressions.scope import Scope
from perdure.expressions.secret import SecretSlot
from perdure.expressions.walk import strings


@dataclass(frozen=True, slots=True)
class Resolved:
    """A template's value. Where it holds secrets `value` has null, and `secrets` what belongs there."""

    value: JSON
    secrets: tuple[SecretSlot, ...] = ()


def resolve(value: JSON, scope: Scope) -> Resolved:
    """Resolve every `${ }` in the strings of `value`; object keys stay as they are.

    A string that is exactly one `${ }` takes the expression's value with its type. In a longer string a value
    is put as text: strings as they are, all else as compact JSON with sorted keys. What an expression gives is
    never looked through again; it may be shared with the scope. Raises ExpressionError.
    """
    resolution = _Resolution(scope)
    found = resolution.value(value, ())
    return Resolved(found, tuple(resolution.slots))


def resolve_condition(condition: str | bool, scope: Scope) -> bool:  # noqa: FBT001  `when` is one or the other
    """The truth of a `when`. Raises ExpressionError when it gives anything but true or false."""
    if isinstance(condition, bool):
        return condition
    resolved = resolve(condition, scope)
    if resolved.secrets:
        raise ExpressionError("a condition cannot use secrets", condition)
    if not isinstance(resolved.value, bool):
        raise ExpressionError(f"a condition must give true or false; it gives {describe(resolved.value)}", condition)
    return resolved.value


def references(value: JSON) -> set[tuple[str, str]]:
    """What a template uses of steps: id and field (`output`, `status`, `error`).

    What cannot be read is passed over: `check_template` tells it.
    """
    found: set[tuple[str, str]] = set()
    for code in _codes(value):
        with suppress(ExpressionError):
            found |= step_references(code.text)
    return found


def expression_size(value: JSON) -> int:
    """The counted length of all expressions of a template: at most `limit.TEMPLATE_LENGTH` resolve."""
    return sum(counted_length(code.text) for code in _codes(value))


def _codes(value: JSON) -> Iterator[Code]:
    """The expressions of the strings that can be read."""
    for _, text in strings(value):
        with suppress(ExpressionError):
            yield from [part for part in scan(text) if isinstance(part, Code)]


def step_references(text: str, *, loops: bool = False) -> set[tuple[str, str]]:
    """What one expression uses of steps: id and field. Raises ExpressionError if it cannot be read."""
    paths = [use.path for use in uses(plan(text, loops=loops))]
    return {(str(path[1]), str(path[2])) for path in paths if path[0] == "steps"}


class _Resolution:
    """One call of `resolve`: what it may still use, and the secrets met."""

    def __init__(self, scope: Scope) -> None:
        self.slots: list[SecretSlot] = []
        self._scope = scope
        self._budget = Budget()

    def value(self, value: JSON, path: Path) -> JSON:
        if len(path) > DATA_DEPTH:
            raise ExpressionError(f"a template nested deeper than {DATA_DEPTH} levels")
        if isinstance(value, str):
            return self._string(value, path)
        if isinstance(value, dict):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _string(self, text: str, path: Path) -> JSON:
        if "${" not in text:
            return text
        parts = scan(text)
        if len(parts) == 1 and isinstance(parts[0], Code):
            return evaluate(parts[0].text, self._scope, self._budget)
        pieces = [part if isinstance(part, SecretRef) else self._piece(part) for part in parts]
        if any(isinstance(piece, SecretRef) for piece in pieces):
            self.slots.append(SecretSlot(path, _joined(pieces)))
            return None
        return "".join(str(piece) for piece in pieces)

    def _piece(self, part: Part) -> str:
        if not isinstance(part, Code):
            return str(part)
        value = evaluate(part.text, self._scope, self._budget)
        return value if isinstance(value, str) else _json_text(value, part.text)


def _joined(pieces: list[str | SecretRef]) -> tuple[str | SecretRef, ...]:
    joined: list[str | SecretRef] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece)
    return tuple(joined)


def _json_text(value: JSON, expression: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"cannot be written as text: {error}", expression) from None
