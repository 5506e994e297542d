"""A JSON Schema as a graph of its subschemas, so that `schema` can bound what checking costs and explain failures.

Every reference is a pointer into the schema itself: nothing is fetched, and where each leads is known beforehand.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from perdure.expressions.limit import SCHEMA_CHAIN, SCHEMA_NODES
from perdure.expressions.path import Path, show

Keyword: TypeAlias = tuple[str, str | int | None]
Reach: TypeAlias = Literal["same", "named", "below"]

REACH: dict[str, Reach] = {
    **dict.fromkeys(("$ref", "not", "if", "then", "else", "allOf", "anyOf", "oneOf"), "same"),
    **dict.fromkeys(("dependentSchemas", "dependencies"), "same"),
    "properties": "named",
    **dict.fromkeys(("patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"), "below"),
    **dict.fromkeys(("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"), "below"),
}
"""Keywords that hold subschemas: for the same value, for one entry of it by name, or for any below it."""

_REFUSED = {
    "$dynamicRef": "write $ref instead",
    "$recursiveRef": "write $ref instead",
    "$id": "only the schema as a whole can have one",
    "$schema": "only the schema as a whole can have one",
}
_INDEX = re.compile("0|[1-9][0-9]{0,5}", re.ASCII)
_ABOVE_ALL = frozenset({"$id", "$schema"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies"})


class SchemaError(Exception):
    """A schema that cannot be used; the message names the place."""


@dataclass(slots=True)
class SchemaNode:
    """One subschema. `slots`: which node stands under which keyword (and name or place)."""

    schema: dict[str, Any] | bool
    slots: list[tuple[Keyword, int]] = field(default_factory=list)

    def reached(self, reach: Reach) -> list[int]:
        """The nodes it applies to the same value, or to values in it."""
        return [node for (keyword, _), node in self.slots if REACH[keyword] == reach]


def read_graph(schema: Any) -> list[SchemaNode]:
    """Every subschema in use, the whole first.

    Raises:
        SchemaError: a reference leads outside, nowhere, or in a circle; or there are too many subschemas.
    """
    reading = _Reading(schema)
    reading.place(())
    for position, at in enumerate(reading.paths):
        reading.fill(position, at)
    _refuse_circles(reading.nodes, reading.paths)
    return reading.nodes


class _Reading:
    """The nodes found so far, by their path; iterating over `paths` while they grow reaches all."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._known: dict[Path, int] = {}
        self.nodes: list[SchemaNode] = []
        self.paths: list[Path] = []

    def place(self, at: Path) -> int:
        """The node of the subschema at a path."""
        if at not in self._known:
            if len(self.nodes) >= SCHEMA_NODES:
                raise SchemaError(f"more than {SCHEMA_NODES:,} subschemas")
            self._known[at] = len(self.nodes)
            self.nodes.append(SchemaNode(self._find(at)))
            self.paths.append(at)
        return self._known[at]

    def fill(self, position: int, at: Path) -> None:
        node = self.nodes[position]
        if isinstance(node.schema, bool):
            return
        for name, remedy in _REFUSED.items():
            if name in node.schema and (at or name not in _ABOVE_ALL):
                raise SchemaError(f"{_shown((*at, name))}: {name} cannot be used here: {remedy}")
        for keyword, path in _subschemas(node.schema, at):
            node.slots.append((keyword, self.place(path)))
        if "$ref" in node.schema:
            node.slots.append((("$ref", None), self._target(node.schema["$ref"], (*at, "$ref"))))

    def _target(self, reference: Any, at: Path) -> int:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise SchemaError(f'{_shown(at)}: a $ref points into the schema itself, as "#/$defs/address"')
        segments = [unquote(part).replace("~1", "/").replace("~0", "~") for part in reference.split("/")[1:]]
        try:
            return self.place(_walk(self._schema, segments))
        except LookupError:
            raise SchemaError(f"{_shown(at)}: there is nothing at {reference[:100]!r}") from None

    def _find(self, at: Path) -> dict[str, Any] | bool:
        found = self._schema
        for key in at:
            found = found[key]
        if not isinstance(found, dict | bool):
            raise SchemaError(f"{_shown(at)}: a schema is an object, true or false")
        return found


def _subschemas(schema: dict[str, Any], at: Path) -> Iterator[tuple[Keyword, Path]]:
    for keyword in REACH:
        found = schema.get(keyword)
        if keyword == "$ref" or found is None:
            continue
        if keyword in _MAPS:
            for name, part in found.items() if isinstance(found, dict) else ():
                if not isinstance(part, list):  # `dependencies` holds lists of names beside subschemas
                    yield (keyword, name), (*at, keyword, name)
        elif isinstance(found, list):
            yield from (((keyword, place), (*at, keyword, place)) for place in range(len(found)))
        else:
            yield (keyword, None), (*at, keyword)


def _walk(schema: Any, segments: list[str]) -> Path:
    path: list[str | int] = []
    for segment in segments:
        key = int(segment) if isinstance(schema, list) and _INDEX.fullmatch(segment) else segment
        if not isinstance(schema, dict | list) or isinstance(schema, list) != isinstance(key, int):
            raise LookupError(segment)
        schema = schema[key]  # type: ignore[index]  # a name for an object, a number for a list
        path.append(key)
    return tuple(path)


def _refuse_circles(nodes: list[SchemaNode], paths: list[Path]) -> None:
    """Subschemas that apply each other to the same value without end, or in too long a chain."""
    heights = chain_heights(nodes)
    here, walked = next((place for place, height in enumerate(heights) if height is None), None), set[int]()
    while here is not None and here not in walked:
        walked.add(here)
        here = next(other for other in nodes[here].reached("same") if heights[other] is None)
    if here is not None:
        raise SchemaError(f"{_shown(paths[here])}: it applies itself to the same value, without end")
    if max(height or 0 for height in heights) > SCHEMA_CHAIN:
        raise SchemaError(f"more than {SCHEMA_CHAIN} subschemas in each other for one value")


def chain_heights(nodes: Sequence[SchemaNode]) -> list[int | None]:
    """For each node how many apply to the same value one in another below it; None on a circle or above one."""
    heights: list[int | None] = [None] * len(nodes)
    inside = [node.reached("same") for node in nodes]
    missing = [len(same) for same in inside]
    users: list[list[int]] = [[] for _ in nodes]
    for place, same in enumerate(inside):
        for other in same:
            users[other].append(place)
    ready = [place for place, count in enumerate(missing) if count == 0]
    for place in ready:
        heights[place] = 1 + max((heights[other] or 0 for other in inside[place]), default=0)
        for user in users[place]:
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)
    return heights


def _shown(path: Path) -> str:
    return show(("$", *path))
