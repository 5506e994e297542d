"""Whatever is wrong with a spec or with a step's parameters is told in our words, with the place of it."""

import copy
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from perdure.admission.admission import admit
from perdure.admission.json_path import Path, render
from perdure.admission.problem import AdmissionError
from perdure.contract.field_message import field_message
from perdure.contract.spec import JobSpec
from perdure.steps.catalogue import CATALOGUE

PYDANTICS = re.compile(
    r"Input should|String should|List should|Dictionary should|Tuple should|Field required|Extra inputs|Value error|"
    r"Assertion failed|valid (string|integer|number|boolean|list|dictionary|array|object)|Unable to|JSON object|"
    r"\[type=|input_value|errors\.pydantic|NoneType|instance of",
)
RETRY = {
    "maximum_attempts": 3,
    "initial_interval": "1s",
    "backoff_coefficient": 2.0,
    "maximum_interval": "10s",
    "jitter": 0.1,
    "non_retryable_errors": ["STEP.HTTP.4XX"],
}
WHOLE: dict[str, Any] = {
    "id": "order-1",
    "name": "whole",
    "type": "INLINE",
    "input": {"rows": [1]},
    "steps": [
        {
            "id": "fetch",
            "type": "HTTP_CALL",
            "depends_on": [],
            "when": True,
            "with": {"url": "https://partner.example"},
            "retry": RETRY,
            "timeout": "1m",
            "total_timeout": "1h",
            "heartbeat_timeout": "30s",
            "for_each": {"items": [1, 2], "max_parallel": 2},
            "continue_on_error": False,
            "catch": [{"errors": ["STEP.HTTP.*"], "output": None}],
            "compensate": {
                "type": "LOG",
                "with": {"message": "undone"},
                "retry": RETRY,
                "timeout": "1m",
                "total_timeout": "1h",
                "heartbeat_timeout": "30s",
            },
            "effect": "idempotent",
        }
    ],
    "retry": RETRY,
    "timeout": "1h",
    "priority": 3,
    "fairness_key": "acme",
    "queue": "default",
    "delay": "1s",
    "labels": {"team": "billing"},
    "correlation_id": "c-1",
    "dead_letter": {"enabled": True, "retention": "30d"},
    "output": "x",
    "dependents": [
        {
            "name": "mail",
            "when": "success",
            "job": {"name": "mail", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]},
        }
    ],
}
PARAMS: dict[str, dict[str, Any]] = {
    "SLEEP": {"duration": "1s"},
    "LOG": {"message": "x", "level": "info", "fields": {"a": 1}},
    "COMPUTE": {"operation": "hash", "value": 1, "algorithm": "sha256"},
    "HTTP_CALL": {
        "method": "GET",
        "url": "https://partner.example",
        "headers": {"a": "b"},
        "query": {"a": 1},
        "body": "x",
        "timeout": "1s",
        "expect": [200],
        "output": "full",
    },
    "FAIL": {"code": "X.Y", "class": "PERMANENT", "message": "m", "times": 1},
    "JOB": {"job": {"name": "j", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]}, "wait": True},
    "WAIT": {"name": "go", "schema": {"type": "object"}, "timeout": "1h", "on_timeout": "fail"},
    "APPROVAL": {
        "required_approvals": 1,
        "roles": ["admin"],
        "allow_self_approval": False,
        "message": "m",
        "timeout": "1h",
        "on_timeout": "fail",
    },
}
KINDS: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True],
    "integer": [0, -1, 10**12],
    "number": [1.5, -0.5, 1e300],
    "string": ["", "  ", "x" * 3_000, "Ünï códe!", "0s", "999d", "2026-13-45T99:00:00Z", "${"],
    "array": [[], [None], [[]], list(range(600))],
    "object": [{}, {"no": 1}, {"": {}}, {"x" * 300: 5}],
}


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


def put(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def refusal(document: Any) -> tuple[tuple[str, str], ...]:
    try:
        admit(document)
    except AdmissionError as error:
        return tuple((problem.path, problem.message) for problem in error.problems)
    return ()


def is_near(told: str, place: str) -> bool:
    return told.startswith(place) or place.startswith(told)


def check(document: Any, path: Path, value: Any) -> None:
    told = refusal(put(document, path, value))
    for where, message in told:
        assert not PYDANTICS.search(message), (where, message, value)
        assert message, (where, value)
    place = render(path)
    assert not told or any(is_near(where, place) for where, _ in told), (place, value, told)


def test_the_whole_spec_has_every_field_and_is_accepted() -> None:
    assert refusal(WHOLE) == ()
    fields = {key for path in places(WHOLE) for key in path if isinstance(key, str)}
    models = [definition for definition in JobSpec.model_json_schema()["$defs"].values() if "properties" in definition]
    assert {name for model in models for name in model["properties"]} - fields == {"start_at"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_of_a_spec_broken_in_each_way_is_told_in_our_words_at_its_place(kind: str) -> None:
    for path in places(WHOLE):
        for value in KINDS[kind]:
            check(WHOLE, path, value)


def test_each_object_of_a_spec_with_a_field_too_much_or_too_few_is_told_at_its_place() -> None:
    for path in places(WHOLE):
        value: Any = WHOLE
        for key in path:
            value = value[key]
        if isinstance(value, dict):
            check(WHOLE, path, {**value, "unforeseen": 1})
            for name in value:
                check(WHOLE, path, {key: kept for key, kept in value.items() if key != name})


@pytest.mark.parametrize("type_", sorted(PARAMS))
def test_each_parameter_broken_in_each_way_is_told_in_our_words_at_its_place(type_: str) -> None:
    spec = {"name": "x", "steps": [{"id": "a", "type": type_, "with": PARAMS[type_]}]}
    assert refusal(spec) == ()
    for path in places(PARAMS[type_]):
        for value in (value for values in KINDS.values() for value in values):
            check(spec, ("steps", 0, "with", *path), value)


def test_the_parameters_tried_are_those_of_every_built_in_type() -> None:
    built_in = {name: type_.params for name, type_ in CATALOGUE.items() if name in PARAMS}
    assert set(built_in) == set(PARAMS)
    left_out = {"SLEEP": {"until"}, "COMPUTE": {"expression"}, "HTTP_CALL": {"json"}}
    for name, model in built_in.items():
        assert field_names(model) - set(PARAMS[name]) == left_out.get(name, set())


def field_names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("kind", get_args(ErrorType))
@pytest.mark.parametrize("hide", [False, True])
def test_every_finding_that_pydantic_knows_has_words_of_ours(kind: str, *, hide: bool) -> None:
    bounds = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "max_digits")
    numbers = dict.fromkeys((*bounds, "decimal_places", "whole_digits", "expected_version"), 3)
    words = dict.fromkeys(
        ("pattern", "expected", "error", "discriminator", "tag", "expected_tags", "expected_schemes", "encoding"), "xyz"
    )
    detail: Any = {"type": kind, "loc": ("a",), "msg": "Input should be PYDANTIC", "input": "s3cret"}
    found: Any = [{**detail, "ctx": {**numbers, **words}}]
    _, message = field_message(found, hide=hide)
    assert "PYDANTIC" not in message
    assert not PYDANTICS.search(message)
    assert not (hide and "s3cret" in message)


def test_what_a_plugins_model_says_is_told_as_it_says_it() -> None:
    detail: Any = {"type": "wrong_colour", "loc": (), "msg": "choose another colour", "input": 1}
    assert field_message([detail]) == ("VALUE", "choose another colour")
