"""Pydantic's findings in words that name the remedy; used by `structure`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from perdure.admission.wording import describe, quoted
from perdure.contract.identifier import (
    DEPENDENT_FORM,
    JOB_NAME_FORM,
    KEY,
    LABEL_FORM,
    QUEUE_FORM,
    STEP_ID_FORM,
    STEP_TYPE_FORM,
)

_TYPES = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
_FORMS = {
    JOB_NAME_FORM: "1-100 of A-Z, a-z, 0-9, space and . _ -, starting with a letter or digit",
    STEP_ID_FORM: "1-63 of a-z, 0-9 and _, starting with a letter",
    QUEUE_FORM: "1-63 of a-z, 0-9 and -, starting with a letter or digit",
    f"^{KEY.pattern}$": "1-200 of A-Z, a-z, 0-9 and . _ : -",
    STEP_TYPE_FORM: "capital letters, digits and _, such as HTTP_CALL",
    DEPENDENT_FORM: "1-63 of a-z, 0-9, _ and -, starting with a letter",
    LABEL_FORM: "1-63 of A-Z, a-z, 0-9 and . _ / -, starting with a letter or digit",
}
_LONGEST_UNQUOTED = 15


def field_message(value: Any, found: Sequence[ErrorDetails]) -> tuple[str, str]:
    """The last part of the code, and the message, for what pydantic says of one value."""
    kinds = [detail["type"] for detail in found]
    if all(kind in _TYPES for kind in kinds):
        expected = " or ".join(dict.fromkeys(_TYPES[kind] for kind in kinds))
        return "TYPE", f"must be {expected}, not {describe(value)}{_mend(kinds[0], value)}"
    code, say = _SAY.get(kinds[0], ("VALUE", _as_told))
    return code, say(value, {"msg": found[0]["msg"], **found[0].get("ctx", {})})


def _mend(kind: str, value: Any) -> str:
    if kind not in ("int_type", "float_type"):
        return ""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_UNQUOTED:
        return f": write {value} without quotes"
    if isinstance(value, float) and value.is_integer():
        return f": write {int(value)}"
    return ""


_Context = Mapping[str, Any]


def _as_told(_: Any, context: _Context) -> str:
    return str(context["msg"])


def _form(value: Any, context: _Context) -> str:
    return f"must be {_FORMS.get(context['pattern'], context['pattern'])}, not {quoted(str(value))}"


_SAY: dict[str, tuple[str, Callable[[Any, _Context], str]]] = {
    "string_pattern_mismatch": ("VALUE", _form),
    "value_error": ("VALUE", lambda _, context: str(context["error"])),
    "literal_error": (
        "VALUE",
        lambda value, context: f"must be {context['expected']}, not {describe(value)}",
    ),
    "enum": ("VALUE", lambda value, context: f"must be {context['expected']}, not {describe(value)}"),
    "greater_than_equal": ("VALUE", lambda value, context: f"must be at least {context['ge']}, not {value}"),
    "less_than_equal": ("VALUE", lambda value, context: f"must be at most {context['le']}, not {value}"),
    "string_too_short": ("VALUE", lambda _, __: "must not be empty"),
    "too_short": ("VALUE", lambda _, __: "must have at least one entry"),
    "string_too_long": (
        "LIMIT",
        lambda value, context: f"has {len(value)} characters; at most {context['max_length']} are allowed",
    ),
    "too_long": (
        "LIMIT",
        lambda value, context: f"has {len(value)} entries; at most {context['max_length']} are allowed",
    ),
}
