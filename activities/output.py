"""What a step may leave behind: JSON that every reader understands, within bounds. The step wrapper checks with it."""

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from perdure.contract.error import ErrorClass
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import MAX_DEPTH
from perdure.steps.error import StepError

_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = 4_300
"""Longer integers cannot be printed by Python itself."""
_LARGEST_INTEGER = 10**_DIGITS


def to_output(kind: TypeAdapter[Any], value: Any, limit: int) -> Any:
    """What a step returned as JSON, checked.

    Raises:
        StepError: STEP.OUTPUT_INVALID or STEP.OUTPUT_TOO_LARGE, which are permanent.
    """
    try:
        output = kind.dump_python(value, mode="json", by_alias=True, warnings=False)
        lost = _not_finite(kind.dump_python(value, warnings=False))
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as problem:
        raise _invalid(f"the step returned something that is not JSON: {problem}") from None
    if lost:
        raise _invalid("the output of the step has a number that is not finite, which JSON does not know")
    check_json(output, limit, "the output of the step")
    return output


def _not_finite(value: Any) -> bool:
    """Pydantic writes null for NaN; that would be a silent change."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(_not_finite(item) for item in value.values())
    return isinstance(value, list | tuple | set | frozenset) and any(_not_finite(item) for item in value)


def check_json(value: Any, limit: int, what: str) -> None:
    """Accept JSON of at most `limit` bytes.

    Raises:
        StepError: STEP.OUTPUT_INVALID or STEP.OUTPUT_TOO_LARGE, which are permanent.
    """
    flaw = json_flaw(value)
    if flaw is not None:
        raise _invalid(f"{what} is not JSON that can be kept: {flaw}")
    size = json_bytes(value)
    if size > limit:
        raise StepError(
            "STEP.OUTPUT_TOO_LARGE",
            ErrorClass.PERMANENT,
            f"{what} is {size} bytes; the limit is {limit}. Store large data elsewhere and return where it is",
            {"bytes": size, "limit": limit},
        )


def json_flaw(value: Any, path: str = "$", depth: int = 0) -> str | None:
    """Why this is not JSON that database, workflow and clients can keep, naming the place; None if it is."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _text_flaw(value, path)
    if isinstance(value, int | float):
        return _number_flaw(value, path)
    if depth == MAX_DEPTH:
        return f"it is nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, list):
        flaws = (json_flaw(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value))
    elif isinstance(value, Mapping):
        flaws = (_entry_flaw(name, item, path, depth) for name, item in value.items())
    else:
        return f"{path} is a {type(value).__name__}"
    return next((flaw for flaw in flaws if flaw is not None), None)


def _entry_flaw(name: Any, item: Any, path: str, depth: int) -> str | None:
    if not isinstance(name, str):
        return f"{path} has the name {name!r}, which is no string"
    return _text_flaw(name, path) or json_flaw(item, f"{path}.{name[:60]}", depth + 1)


def _text_flaw(text: str, path: str) -> str | None:
    if "\x00" in text:
        return f"{path} contains NUL"
    return f"{path} contains half of a surrogate pair" if _SURROGATE.search(text) else None


def _number_flaw(number: float, path: str) -> str | None:
    if isinstance(number, int):
        return None if abs(number) < _LARGEST_INTEGER else f"{path} has more than {_DIGITS} digits"
    return None if math.isfinite(number) else f"{path} is {number}, which is no JSON number"


def _invalid(message: str) -> StepError:
    return StepError("STEP.OUTPUT_INVALID", ErrorClass.PERMANENT, message)
