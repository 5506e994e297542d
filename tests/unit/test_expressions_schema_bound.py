"""JSON Schemas from clients stall nobody: what takes long is refused, and depth and size are bounded."""

import threading
import time
from typing import Any

import pytest

from perdure.expressions import payload_problem, schema_problem
from perdure.expressions.limit import SCHEMA_BYTES
from tests.unit.test_expressions_schema import nested, unevaluated


def doubling(levels: int) -> dict[str, Any]:
    """Each definition applies the next one twice to the same value."""
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**twice, f"d{levels}": {"type": "integer"}}}


BRANCHING = {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": [name]} for name in ("x", "y")]}
UNEVALUATED = {
    "properties": {"a": {"$ref": "#"}},
    "anyOf": [{"properties": {"a": {"$ref": "#"}}}],
    "unevaluatedProperties": False,
}


def test_what_is_unevaluated_within_itself_is_refused_when_it_would_take_long() -> None:
    assert payload_problem(unevaluated(4), {"a": 1}) is None
    assert "even a small payload" in str(schema_problem(unevaluated(25)))


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        (doubling(15), 1),
        (doubling(12), list(range(100_000))),
        (BRANCHING, nested(60)),
        (UNEVALUATED, nested(60)),
        ({"items": {"enum": [{"a": n} for n in range(3_000)]}}, [{"a": 2_999}] * 20_000),
        ({"patternProperties": {f"a{n}$": True for n in range(900)}}, {f"x{n}": 1 for n in range(20_000)}),
        ({"items": {"pattern": "[ab]*a[ab]{1000}[^ab]"}}, ["ab" * 100] * 1_000),
        ({"pattern": "(a|b|ab){300}c"}, "ab" * 120_000),
        ({"items": {"multipleOf": 1e-300}}, [1e300] * 20_000),
        ({"anyOf": [{"items": {"type": "string"}}] * 400}, [{"a": n} for n in range(20_000)]),
        ({"uniqueItems": True, "items": {"$ref": "#"}}, nested(5, [[n, {"a": "x"}] for n in range(20_000)])),
        ({"format": "regex"}, "(" * 100_000),
        ({"format": "idn-hostname"}, "é." * 100_000),
        ({"properties": {f"p{n}": {"$ref": "#"} for n in range(900)}}, nested(60, name="p1")),
        ({"required": [f"a{n}" for n in range(5_000)]}, {f"a{n}": 1 for n in range(4_999)}),
    ],
)
def test_no_schema_and_payload_take_long_together(schema: Any, payload: Any) -> None:
    began = time.process_time()
    schema_problem(schema)
    payload_problem(schema, payload)
    assert time.process_time() - began < 2


def test_alternatives_that_fail_do_not_copy_the_payload() -> None:
    # The library's own explanation of this takes 36 s and 18 GB.
    began = time.process_time()
    told = payload_problem({"anyOf": [{"type": "string"}] * 900}, [{"a": n} for n in range(20_000)])
    assert told == "$: it meets none of the alternatives that the schema gives (anyOf)"
    assert time.process_time() - began < 2


def test_deep_schemas_and_payloads_fit_a_small_stack() -> None:
    chain = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}]} for n in range(14)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d14": {"properties": {"a": {"$ref": "#"}}, "minProperties": 1}}}
    told: list[str | None] = []
    before = threading.stack_size(512 * 1024)
    try:
        worker = threading.Thread(
            target=lambda: told.extend([schema_problem(schema), payload_problem(schema, nested(60, {}))])
        )
        worker.start()
        worker.join()
    finally:
        threading.stack_size(before)
    assert told[0] is None
    assert str(told[1]).endswith("the value does not have enough properties") or "less than 1 propert" in str(told[1])


def test_the_size_of_a_schema_is_bounded() -> None:
    assert schema_problem({"description": "x" * (SCHEMA_BYTES - 20)}) is None
    assert "characters" in str(schema_problem({"description": "x" * SCHEMA_BYTES}))


def test_a_recursive_schema_can_be_used() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "children": {"items": {"$ref": "#/$defs/node"}}},
            }
        },
    }
    payload: dict[str, Any] = {"name": "leaf"}
    for _ in range(25):
        payload = {"name": "node", "children": [payload, {"name": "leaf"}]}
    assert payload_problem(tree, payload) is None
    payload["children"][1]["name"] = 5
    assert payload_problem(tree, payload) == '$.children[1].name: the value is not of type "string"'
