"""Payloads put out of sight of those without the grant `payloads` (contract 10); used by the API's views.

Payloads are inputs, outputs and error details. Codes, messages, states, times and labels are not.
"""

from collections.abc import Mapping
from typing import Any

MASKED = "***"
_DETAILS = "details"
_PAYLOADS = frozenset({"input", "output", "outputs", "result", "payload", "patch", "with"})


def masked(value: Any) -> Any:
    """`***` in place of any value; None stays, so that one sees that there is nothing."""
    return None if value is None else MASKED


def masked_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """An object in place of an error's details that says only that there are some."""
    return {"masked": True} if details else {}


def masked_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a journal row with the payloads among them masked, however deep."""
    return {name: _masked_field(name, value) for name, value in data.items()}


def _masked_field(name: str, value: Any) -> Any:
    if name in _PAYLOADS:
        return masked(value)
    if name == _DETAILS:
        return masked_details(value) if isinstance(value, Mapping) else masked(value)
    return _masked_within(value)


def _masked_within(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked_data(value)
    return [_masked_within(item) for item in value] if isinstance(value, list) else value
