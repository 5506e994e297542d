"""Pydantic's findings in words that name the remedy; used by `model_problem`, and so wherever a model refuses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from perdure.contract.identifier import (
    DEPENDENT_FORM,
    ERROR_CODE_FORM,
    JOB_NAME_FORM,
    KEY,
    LABEL_FORM,
    QUEUE_FORM,
    STEP_ID_FORM,
    STEP_TYPE_FORM,
)
from perdure.contract.wording import describe, kind_of

_NUMBER, _WHOLE, _TEXT, _LIST, _OBJECT = "a number", "a whole number", "a string", "a list", "an object"
_DATE, _TIME = "a date, as 2026-12-01", "a time of day, as 13:45:00"
_MOMENT = "a time with its offset, as 2026-12-01T00:00:00Z"
_URL = "a URL, as https://example.com/path"
_TYPES = {
    **dict.fromkeys(("string_type", "bytes_type"), _TEXT),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("fraction_type", "fraction_parsing", "complex_type", "complex_str_parsing"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "named_tuple_type", "deque_type"), _LIST),
    **dict.fromkeys(("set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "frozen_dict_type", "ordered_dict_type", "counter_type"), _OBJECT),
    **dict.fromkeys(("model_type", "model_attributes_type", "dataclass_type"), _OBJECT),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE),
    **dict.fromkeys(("time_type", "time_parsing"), _TIME),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), _MOMENT),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing"), "a length of time, as PT30S"),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _URL),
    **dict.fromkeys(("uuid_type", "uuid_parsing"), "a UUID"),
    "none_required": "null",
    "timezone_naive": "a time without an offset, as 2026-12-01T00:00:00",
    "date_past": "a date that has passed",
    "date_future": "a date to come",
    "datetime_past": "a time that has passed",
    "datetime_future": "a time to come",
}
_FORMS = {
    JOB_NAME_FORM: "1-100 of A-Z, a-z, 0-9, space and . _ -, starting with a letter or digit",
    STEP_ID_FORM: "1-63 of a-z, 0-9 and _, starting with a letter",
    QUEUE_FORM: "1-63 of a-z, 0-9 and -, starting with a letter or digit",
    f"^{KEY.pattern}$": "1-200 of A-Z, a-z, 0-9 and . _ : -",
    STEP_TYPE_FORM: "capital letters, digits and _, such as HTTP_CALL",
    DEPENDENT_FORM: "1-63 of a-z, 0-9, _ and -, starting with a letter",
    LABEL_FORM: "1-63 of A-Z, a-z, 0-9 and . _ / -, starting with a letter or digit",
    ERROR_CODE_FORM: "an error code: letters, digits, _ and -, its parts joined by dots, such as PARTNER.REFUSED",
}
_PYDANTICS = frozenset(get_args(ErrorType))
"""Its own findings; any other type is one that a model of ours or of a plugin raises, in words of its own."""
_LONGEST_UNQUOTED = 15

_Context = Mapping[str, Any]


def field_message(found: Sequence[ErrorDetails], *, hide: bool = False) -> tuple[str, str]:
    """The last part of the code, and the message, for what pydantic says of one value.

    Args:
        found: the findings, with their input.
        hide: name the kind of what was given and never the value: it may be a secret by now.
    """
    value, kinds = found[0]["input"], [detail["type"] for detail in found]
    known = [kind for kind in kinds if kind in _TYPES]
    if known and len(known) == len(kinds):
        expected = " or ".join(dict.fromkeys(_TYPES[kind] for kind in known))
        mend = "" if hide else _mend(expected, value)
        return "TYPE", f"must be {expected}{_given(value, hide=hide)}{mend}"
    # Of several kinds that a value may have, what is wrong within the one it has is worth telling.
    detail = next((one for one in found if one["type"] not in _TYPES), found[0])
    kind = detail["type"]
    of_type = "TYPE" if kind.endswith("_type") else "VALUE"
    code, say = _SAY.get(kind, (of_type, _unknown if kind in _PYDANTICS else _as_told))
    own = {"msg": detail["msg"], "given": _given(value, hide=hide), "number": "" if hide else f", not {value}"}
    context = {**own, **detail.get("ctx", {})}
    return code, say(value, context)


def _given(value: Any, *, hide: bool) -> str:
    return f", not {kind_of(value) if hide else describe(value)}"


def _mend(expected: str, value: Any) -> str:
    if expected not in (_WHOLE, _NUMBER):
        return ""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_UNQUOTED:
        return f": write {value} without quotes"
    if isinstance(value, float) and value.is_integer():
        return f": write {int(value)}"
    return ""


def _as_told(_: Any, context: _Context) -> str:
    return str(context["msg"])


def _own_error(_: Any, context: _Context) -> str:
    return str(context["error"])


def _unknown(_: Any, context: _Context) -> str:
    return f"has a value that cannot be taken here{context['given'].replace(', not', ':')}"


def _form(_: Any, context: _Context) -> str:
    pattern = context["pattern"]
    return f"must be {_FORMS.get(pattern, f'of the form {pattern}')}{context['given']}"


def _one_of(_: Any, context: _Context) -> str:
    names = str(context.get("expected", context.get("expected_tags", ""))).replace("'", '"')
    return f"must be {names}{context['given']}"


def _bound(words: str, name: str) -> Callable[[Any, _Context], str]:
    return lambda _, context: f"must be {words} {context[name]}{context['number']}"


def _too_few(unit: str) -> Callable[[Any, _Context], str]:
    def say(value: Any, context: _Context) -> str:
        if context["min_length"] == 1:
            return "must not be empty" if unit == "characters" else "must have at least one entry"
        return f"has {len(value)} {unit}; at least {context['min_length']} are needed"

    return say


def _too_many(unit: str) -> Callable[[Any, _Context], str]:
    return lambda value, context: f"has {len(value)} {unit}; at most {context['max_length']} are allowed"


def _said(words: str) -> Callable[[Any, _Context], str]:
    return lambda _, context: words.format_map(context)


_SAY: dict[str, tuple[str, Callable[[Any, _Context], str]]] = {
    "string_pattern_mismatch": ("VALUE", _form),
    "value_error": ("VALUE", _own_error),
    "assertion_error": ("VALUE", _own_error),
    "literal_error": ("VALUE", _one_of),
    "enum": ("VALUE", _one_of),
    "union_tag_invalid": ("VALUE", _said("its {discriminator} must be one of {expected_tags}")),
    "union_tag_not_found": ("MISSING", _said("the field {discriminator} is required")),
    "greater_than": ("VALUE", _bound("more than", "gt")),
    "greater_than_equal": ("VALUE", _bound("at least", "ge")),
    "less_than": ("VALUE", _bound("less than", "lt")),
    "less_than_equal": ("VALUE", _bound("at most", "le")),
    "multiple_of": ("VALUE", _bound("a multiple of", "multiple_of")),
    "decimal_max_digits": ("LIMIT", _said("must have at most {max_digits} digits")),
    "decimal_max_places": ("LIMIT", _said("must have at most {decimal_places} digits after the point")),
    "decimal_whole_digits": ("LIMIT", _said("must have at most {whole_digits} digits before the point")),
    "url_scheme": ("VALUE", _said("must be a URL that begins with {expected_schemes}")),
    "url_too_long": ("LIMIT", _said("must have at most {max_length} characters")),
    "uuid_version": ("VALUE", _said("must be a UUID of version {expected_version}")),
    "string_not_ascii": ("VALUE", _said("must have ASCII characters only")),
    "string_unicode": ("VALUE", _said("must be well-formed Unicode")),
    "bytes_invalid_encoding": ("VALUE", _said("must be {encoding}")),
    "json_invalid": ("VALUE", _said("must be JSON: {error}")),
    "json_type": ("TYPE", _said("must be a string that holds JSON{given}")),
    "recursion_loop": ("VALUE", _said("must not contain itself")),
    "recursion_depth_exceeded": ("LIMIT", _said("is nested too deeply")),
    "string_too_short": ("VALUE", _too_few("characters")),
    "bytes_too_short": ("VALUE", _too_few("characters")),
    "too_short": ("VALUE", _too_few("entries")),
    "string_too_long": ("LIMIT", _too_many("characters")),
    "bytes_too_long": ("LIMIT", _too_many("characters")),
    "too_long": ("LIMIT", _too_many("entries")),
}
