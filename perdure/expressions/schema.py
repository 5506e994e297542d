"""JSON Schema: which schemas can be used, and whether a payload meets one. For admission and workflow code.

Both are pure and bounded, and fetch nothing. The library's verdict is quick and its explanations are not (an
alternative that fails copies the whole payload, each within it again), so failures are explained by a second form of
the schema, in which alternatives are only asked for their truth.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema_rs import RegexOptions, ValidationError, ValidationErrorKind, Validator, validator_for

from perdure.expressions.error import ExpressionError, printable, shorten
from perdure.expressions.limit import SCHEMA_BYTES, SCHEMA_DEPTH, SCHEMA_PATTERNS, SCHEMA_WORK
from perdure.expressions.measure import weigh
from perdure.expressions.path import JSON, show
from perdure.expressions.schema_explain import explaining_form, own_words
from perdure.expressions.schema_graph import SchemaError, read_graph
from perdure.expressions.schema_work import Level, Steps, measure, pattern_weights, steps_by_level, work

_PATTERN_BYTES = 100_000
_PATTERNS = RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=1_000_000)
"""An engine that takes time linear in the text, without look-around and back-references."""
_LONGEST = 300
_SCHEMAS = 128
_SMALL = [Level(1, 1_000)] * 3
_MASK = "the value"
_DRAFTS = frozenset(
    {
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-06/schema",
    }
)


@dataclass(frozen=True, slots=True)
class _Usable:
    steps: Sequence[Steps]
    verdict: Validator
    explaining: Validator


def schema_problem(schema: Any) -> str | None:
    """Why a JSON Schema cannot be used, with its place in it; None for one that can.

    It is valid for its draft (2020-12 unless `$schema` says 6, 7 or 2019-09), refers only to itself, by `$ref` with a
    JSON pointer, and is small. Its formats are checked ones, its patterns have no look-around or back-references.
    """
    try:
        _usable(_text(schema))
    except SchemaError as problem:
        return _told(problem)
    return None


def payload_problem(schema: Any, payload: Any) -> str | None:
    """The first thing wrong with a payload, with its place; its values are not told. None if it meets the schema."""
    try:
        usable = _usable(_text(schema))
    except SchemaError as problem:
        return f"the schema cannot be used: {_told(problem)}"
    try:
        weigh(payload)
        levels = measure(payload)
        if len(levels) > len(usable.steps):
            return f"nested deeper than {SCHEMA_DEPTH} levels"
        if work(usable.steps, levels) > SCHEMA_WORK:
            return "checking it would take too long: send less, or use a schema with fewer alternatives in each other"
        return None if usable.verdict.is_valid(payload) else _explain(usable, payload)
    except (ExpressionError, ValueError) as problem:
        return _told(problem)


def _text(schema: Any) -> str:
    """The schema as text, the same for equal ones: what is compiled is kept by it."""
    if not isinstance(schema, dict | bool):
        raise SchemaError("a schema is an object, true or false")
    try:
        weigh(schema)
        text = json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ExpressionError as problem:
        raise SchemaError(problem.message) from None
    if len(text) > SCHEMA_BYTES:
        raise SchemaError(f"has {len(text):,} characters; at most {SCHEMA_BYTES:,} are allowed")
    return text


@lru_cache(maxsize=_SCHEMAS)
def _usable(text: str) -> _Usable:
    schema = json.loads(text)
    _refuse_draft(schema)
    nodes = read_graph(schema)
    if pattern_weights(nodes) > SCHEMA_PATTERNS:
        raise SchemaError("its patterns are too large together: repeat less, or less often")
    verdict = _compiled(schema, None)
    steps = steps_by_level(nodes)
    if work(steps, _SMALL) > SCHEMA_WORK:
        raise SchemaError("checking even a small payload would take too long: too many subschemas for one value")
    return _Usable(steps, verdict, _compiled(explaining_form(nodes), _MASK))


def _refuse_draft(schema: Any) -> None:
    draft = schema.get("$schema") if isinstance(schema, dict) else None
    if isinstance(draft, str) and draft.removesuffix("#") not in _DRAFTS:
        raise SchemaError(f"{_place(['$schema'])}: must be one of {', '.join(sorted(_DRAFTS))}, or absent")


def _compiled(schema: Any, mask: str | None) -> Validator:
    try:
        return validator_for(
            schema,
            offline=True,
            mask=mask,
            pattern_options=_PATTERNS,
            validate_formats=True,
            ignore_unknown_formats=False,
        )
    except ValidationError as problem:
        raise SchemaError(f"{_place(problem.instance_path)}: {_schema_message(problem)}") from None
    except ValueError as problem:
        raise SchemaError(str(problem)) from None


def _schema_message(problem: ValidationError) -> str:
    if problem.message.endswith('is not a "regex"'):
        return "a pattern that cannot be used: no look-around, no back-references, and not too much counted repetition"
    if isinstance(problem.kind, ValidationErrorKind.Format) or problem.message.startswith("Unknown format"):
        return "this is no format that can be checked: leave it out"
    return problem.message


def _explain(usable: _Usable, payload: JSON) -> str:
    try:
        usable.explaining.validate(payload)
    except ValidationError as problem:
        message = own_words(problem.kind) or problem.message
        return _told(f"{_place(problem.instance_path)}: {message}")
    return "$: it has entries that the schema does not allow (unevaluatedProperties, unevaluatedItems)"


def _place(path: list[str | int]) -> str:
    return show(("$", *path))


def _told(problem: object) -> str:
    return printable(shorten(str(problem), _LONGEST))


# Once on import: at first use the library may import a module, within a workflow task.
payload_problem({"anyOf": [{"type": "null"}], "multipleOf": 0.5}, 1.25)
