"""JSON Schema: which schemas can be used, what is wrong with a payload, and that neither takes long."""

import json
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import RegexOptions, validator_for

from perdure.expressions import payload_problem, schema_problem
from perdure.expressions.limit import SCHEMA_DEPTH

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
ORDER = {
    "type": "object",
    "required": ["paid", "items"],
    "properties": {
        "paid": {"type": "boolean"},
        "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
        "email": {"type": "string", "format": "email"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "maxItems": 3},
    },
    "additionalProperties": False,
    "$defs": {"item": {"type": "object", "required": ["sku"], "properties": {"sku": {"pattern": "^[a-z]+-[0-9]+$"}}}},
}


def nested(levels: int, leaf: Any = None, name: str = "a") -> Any:
    for _ in range(levels):
        leaf = {name: leaf}
    return leaf


def test_a_payload_that_meets_the_schema_has_no_problem() -> None:
    assert schema_problem(ORDER) is None
    payload = {"paid": True, "amount": 19.99, "email": "a@b.example", "items": [{"sku": "x-1"}]}
    assert payload_problem(ORDER, payload) is None


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ([], '$: the value is not of type "object"'),
        ({"paid": True}, '$: "items" is a required property'),
        ({"paid": "yes", "items": []}, '$.paid: the value is not of type "boolean"'),
        ({"paid": True, "items": [], "amount": -1}, "$.amount: the value is less than the minimum of 0"),
        ({"paid": True, "items": [], "amount": 0.001}, "$.amount: the value is not a multiple of 0.01"),
        ({"paid": True, "items": [], "email": "nobody"}, '$.email: the value is not a "email"'),
        ({"paid": True, "items": [{"sku": "x-1"}, {"sku": "X"}]}, "$.items[1].sku: the value does not match"),
        ({"paid": True, "items": [{"sku": "x-1"}] * 4}, "$.items: the value has more than 3 items"),
        ({"paid": True, "items": [], "note": 1}, "$.note: the schema allows nothing here"),
    ],
)
def test_the_first_problem_is_told_with_its_place(payload: Any, problem: str) -> None:
    told = payload_problem(ORDER, payload)
    assert told is not None
    assert told.startswith(problem)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"enum": ["a", "b"]},
        {"const": 5},
        {"maxLength": 2},
        {"pattern": "^[0-9]+$"},
        {"format": "uuid"},
        {"not": {"type": "string"}},
        {"anyOf": [{"type": "null"}, {"minLength": 100}]},
        {"oneOf": [True, True]},
        {"if": {"type": "string"}, "then": {"maxLength": 1}},
        {"allOf": [{"type": "string"}, {"type": "null"}]},
        False,
    ],
)
def test_a_problem_never_shows_the_value(schema: Any) -> None:
    for payload, place in (("s3cret-value", "$: "), ({"x": ["s3cret-value"]}, "$.x[0]: ")):
        wrapped = schema if place == "$: " else {"properties": {"x": {"items": schema}}}
        told = payload_problem(wrapped, payload)
        assert told is not None
        assert told.startswith(place)
        assert "s3cret" not in told


@pytest.mark.parametrize(
    ("schema", "payload", "words"),
    [
        ({"anyOf": [{"type": "null"}, {"type": "array"}]}, 1, "none of the alternatives"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 0}]}, 1, "exactly one of the alternatives"),
        ({"not": {"type": "integer"}}, 1, "what the schema excludes"),
        ({"contains": {"type": "string"}}, [1], "too few or too many"),
        ({"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False}, {"a": 1, "b": 2}, "unevaluated"),
        ({"prefixItems": [True], "items": False}, [1, 2], "$[1]: the schema allows nothing here"),
        ({"$schema": DRAFT_7, "dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, {"a": 1}, '"b" is a required'),
        ({"$schema": DRAFT_7, "dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, {"c": 1}, '"d" is a required'),
        ({"properties": {"x": {"$ref": "#/anyOf/1"}}, "anyOf": [True, {"type": "string"}]}, {"x": 1}, "$.x: the value"),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "string"}}}, 1, "not of type"),
    ],
)
def test_alternatives_and_the_like_are_told_in_words(schema: Any, payload: Any, words: str) -> None:
    assert schema_problem(schema) is None
    assert words in str(payload_problem(schema, payload))


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (None, "a schema is an object, true or false"),
        ([], "a schema is an object, true or false"),
        ('{"type": "string"}', "a schema is an object, true or false"),
        ({"type": "strin"}, "$.type: "),
        ({"properties": {"a": {"minimum": "5"}}}, "$.properties.a.minimum: "),
        ({"properties": {"a": 5}}, "$.properties.a: a schema is an object"),
        ({"items": None}, "$.items: "),
        ({"format": "emial"}, "$.format: this is no format"),
        ({"properties": {"a": {"format": 5}}}, "$.properties.a.format: "),
        ({"pattern": "(?=a)b"}, "$.pattern: a pattern that cannot be used"),
        ({"pattern": r"(a)\1"}, "$.pattern: a pattern that cannot be used"),
        ({"patternProperties": {"(": True}}, "$.patternProperties"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, '$["$schema"]: must be one of'),
        ({"$schema": "https://schemas.example/x"}, '$["$schema"]: must be one of'),
        ({"$schema": 5}, '$["$schema"]: 5 is not of type "string"'),
        ({"$ref": "#"}, "$: it applies itself to the same value, without end"),
        ({"anyOf": [{"type": "null"}, {"allOf": [{"$ref": "#"}]}]}, "$"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}, '$["$defs"].a'),
        ({"$ref": "#/$defs/x"}, '$["$ref"]: there is nothing at'),
        ({"$ref": "#/allOf/x", "allOf": [True]}, '$["$ref"]: there is nothing at'),
        ({"$ref": "#/allOf/-1", "allOf": [True]}, '$["$ref"]: there is nothing at'),
        ({"$ref": "#/a/b", "a": "text"}, '$["$ref"]: there is nothing at'),
        ({"$ref": "#anchor"}, '$["$ref"]: a $ref points into the schema itself'),
        ({"$ref": 5}, '$["$ref"]: a $ref points into the schema itself'),
        ({"$dynamicRef": "#x"}, '$["$dynamicRef"]: $dynamicRef cannot be used here'),
        ({"$defs": {"a": True}, "items": {"$id": "https://x.example"}}, '$.items["$id"]: $id cannot be used here'),
        ({"const": "\ud800"}, "holds a lone surrogate"),
        ({"const": 2**63}, "holds an integer past 64 bits"),
        ({1: True}, "holds an object with a key that is not a string"),
        ({"const": object()}, "holds "),
        ({"enum": list(range(20_000))}, "has "),
        ({"properties": {f"p{n}": True for n in range(1_001)}}, "more than 1,000 subschemas"),
        (nested(70, {}, "not"), "more than 32 subschemas"),
        ({"allOf": [{"pattern": r"\p{L}" + str(n)} for n in range(25)]}, "its patterns are too large together"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_with_its_place(schema: Any, problem: str) -> None:
    told = schema_problem(schema)
    assert told is not None
    assert told.startswith(problem)
    assert payload_problem(schema, {}) == f"the schema cannot be used: {told}"


@pytest.mark.parametrize("keyword", ["$ref", "$schema"])
@pytest.mark.parametrize("place", ["{}", '{{"items": {}}}', '{{"$defs": {{"a": {}}}}}', '{{"x-own": {}}}'])
def test_nothing_is_ever_fetched(keyword: str, place: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        inner = json.dumps({keyword: f"http://127.0.0.1:{server.getsockname()[1]}/s.json"})
        schema = json.loads(place.format(inner))
        schema_problem(schema)
        payload_problem(schema, [{"a": 1}])
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_reference_in_plain_data_is_data() -> None:
    schema = {
        "const": {"$ref": "http://elsewhere.example/"},
        "enum": [{"$ref": 5}, {"$ref": "http://elsewhere.example/"}],
    }
    assert schema_problem(schema) is None
    assert payload_problem(schema, {"$ref": "http://elsewhere.example/"}) is None


@pytest.mark.parametrize(
    "payload", [2**63, float("nan"), "\ud800", "\0", {1: 2}, object(), (1,), nested(SCHEMA_DEPTH + 1), nested(5_000)]
)
def test_a_payload_that_is_no_plain_json_is_a_problem_not_an_error(payload: Any) -> None:
    assert payload_problem(True, payload) is not None


def unevaluated(levels: int) -> dict[str, Any]:
    """The library looks at the innermost one 2.6^levels times."""
    schema: dict[str, Any] = {"properties": {"a": True}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return schema


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "ab", "2026-11-22", "x@y.example"])
payloads = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
references = st.builds(lambda name: {"$ref": f"#/$defs/{name}"}, st.sampled_from("abz"))


def _with(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named, some = st.dictionaries(st.sampled_from("abc"), inner, max_size=2), st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "integer", "string", "nope"]),
            "enum": st.lists(payloads, max_size=3),
            "minimum": st.integers(-3, 3),
            "pattern": st.sampled_from(["^a", "b$", "("]),
            "format": st.sampled_from(["date", "email"]),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "uniqueItems": st.booleans(),
            "properties": named,
            "patternProperties": named,
            "additionalProperties": inner,
            "unevaluatedProperties": inner,
            "propertyNames": inner,
            "items": inner,
            "prefixItems": some,
            "contains": inner,
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": named,
        },
    )


schemas = st.builds(
    lambda schema, named: {**schema, "$defs": named} if isinstance(schema, dict) else schema,
    st.recursive(st.booleans() | references, _with, max_leaves=10),
    st.dictionaries(st.sampled_from("ab"), st.recursive(st.booleans() | references, _with, max_leaves=4)),
)


@settings(deadline=None, max_examples=400)
@given(schemas, payloads)
def test_the_verdict_is_the_library_s_and_a_problem_has_words(schema: Any, payload: Any) -> None:
    problem = schema_problem(schema)
    told = payload_problem(schema, payload)
    if problem is None:
        library = validator_for(schema, pattern_options=RegexOptions(), validate_formats=True, offline=True)
        assert (told is None) == library.is_valid(payload)
        assert told is None or told.startswith("$")
    else:
        assert told == f"the schema cannot be used: {problem}"


@settings(deadline=None)
@given(payloads, payloads)
def test_anything_at_all_may_be_asked(schema: Any, payload: Any) -> None:
    schema_problem(schema)
    payload_problem(schema, payload)
