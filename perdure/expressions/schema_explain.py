"""A second form of a JSON Schema for telling what is wrong with a payload; built and read by `schema`."""

from collections.abc import Sequence
from typing import Any

from jsonschema_rs import ValidationErrorKind

from perdure.expressions.schema_graph import REACH, SchemaNode

_ALTERNATIVES = {
    "anyOf": "it meets none of the alternatives that the schema gives (anyOf)",
    "oneOf": "it does not meet exactly one of the alternatives that the schema gives (oneOf)",
}
_DROPPED = frozenset({"$id", "$schema", "$defs", "definitions", "unevaluatedProperties", "unevaluatedItems"})


def explaining_form(nodes: Sequence[SchemaNode]) -> dict[str, Any]:
    """The same schema, flat, its alternatives within `not`, and without what is unevaluated.

    Within `not` the library asks only for truth. That hides from `unevaluated…` what an alternative has seen, so it
    is left out: a payload that this form admits and the schema does not has something unevaluated.
    """
    form: dict[str, Any] = {
        "$ref": _reference(0),
        "$defs": {_name(place): _flat(node) for place, node in enumerate(nodes)},
    }
    whole = nodes[0].schema
    if isinstance(whole, dict) and "$schema" in whole:
        form["$schema"] = whole["$schema"]
    return form


def own_words(kind: ValidationErrorKind) -> str | None:
    """What an error of the explaining form means, where the library's words would mislead."""
    if isinstance(kind, ValidationErrorKind.FalseSchema):
        return "the schema allows nothing here"
    if isinstance(kind, ValidationErrorKind.Contains):
        return "too few or too many of its entries are as the schema wants (contains)"
    if not isinstance(kind, ValidationErrorKind.Not):
        return None
    inner = kind.schema.get("not") if isinstance(kind.schema, dict) else None
    keyword = next(iter(inner), "") if isinstance(inner, dict) else ""
    return _ALTERNATIVES.get(keyword, "it is what the schema excludes (not)")


def _flat(node: SchemaNode) -> dict[str, Any] | bool:
    if isinstance(node.schema, bool):
        return node.schema
    flat = {name: value for name, value in node.schema.items() if name not in REACH and name not in _DROPPED}
    for (keyword, key), place in node.slots:
        part = {"$ref": _reference(place)}
        if keyword in _DROPPED:
            continue
        if keyword == "$ref":
            flat.update(part)
        elif key is None:
            flat[keyword] = part
        elif isinstance(key, int):
            flat.setdefault(keyword, []).append(part)
        else:
            flat.setdefault(keyword, {})[key] = part
    return _with_truth_only(node.schema, flat)


def _with_truth_only(schema: dict[str, Any], flat: dict[str, Any]) -> dict[str, Any]:
    dependencies = schema.get("dependencies")
    if isinstance(dependencies, dict):
        names = {name: value for name, value in dependencies.items() if isinstance(value, list)}
        flat["dependencies"] = {**names, **flat.get("dependencies", {})}
    wrapped = [{"not": {"not": {keyword: flat.pop(keyword)}}} for keyword in _ALTERNATIVES if keyword in flat]
    return {**flat, "allOf": [*flat.get("allOf", []), *wrapped]} if wrapped else flat


def _name(place: int) -> str:
    return f"n{place}"


def _reference(place: int) -> str:
    return f"#/$defs/{_name(place)}"
