"""What checking a payload against a JSON Schema may take, estimated before it starts; asked by `schema`.

Schemas can take time exponential in their own size (references) or in the payload's depth (alternatives within
alternatives). The estimate counts, level by level, how often the library may look at one value.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from perdure.expressions.limit import SCHEMA_DEPTH, SCHEMA_WORK
from perdure.expressions.path import JSON
from perdure.expressions.pattern import pattern_weight
from perdure.expressions.schema_graph import REACH, SchemaNode, chain_heights

_BYTES_A_STEP = 10
_CHARACTERS_A_STEP = 50
"""Characters a pattern of weight 1 reads in the time of a step."""
_FORMAT_WEIGHT = 10
_DECIMAL_MULTIPLE = 100
"""Steps of a `multipleOf` that is no whole number: the library reckons with exact fractions."""
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
_AGAIN = 3
"""The library asks what applies to the same value up to three times to know what is unevaluated."""


class Level(NamedTuple):
    """Of the values at one depth of a payload: how many, and the characters of texts and of names."""

    values: int
    characters: int


class Steps(NamedTuple):
    """What one path through a payload costs at one depth: steps, and the weight of patterns met."""

    steps: int
    patterns: int


def measure(payload: JSON) -> list[Level]:
    """The levels of a payload. Names count at the level of their object and at the one below."""
    levels, values, names = [], [payload], 0
    while values:
        above, names = names, sum(len(name) for value in values if isinstance(value, dict) for name in value)
        texts = sum(len(value) for value in values if isinstance(value, str))
        levels.append(Level(len(values), texts + names + above))
        values = [entry for value in values for entry in _entries(value)]
    return levels


def _entries(value: JSON) -> Sequence[JSON]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def work(steps: Sequence[Steps], levels: Sequence[Level]) -> int:
    """Steps that checking values of these levels may take, by what the schema costs at each."""
    return sum(
        level.values * at.steps + level.characters * at.patterns // _CHARACTERS_A_STEP
        for level, at in zip(levels, steps, strict=False)
    )


def pattern_weights(nodes: Sequence[SchemaNode]) -> int:
    """The weight of all patterns of a schema: what compiling them takes."""
    return sum(_own(node).patterns for node in nodes)


def steps_by_level(nodes: Sequence[SchemaNode]) -> list[Steps]:
    """What the whole schema costs on one path: for the value itself, then for each level below it."""
    heights = chain_heights(nodes)
    order = sorted(range(len(nodes)), key=lambda place: heights[place] or 0)
    reached = [(place, _Reached.of(nodes[place])) for place in order]
    own = [_own(node) for node in nodes]
    steps = _by_level([one.steps for one in own], reached, compares=True)
    patterns = _by_level([one.patterns for one in own], reached, compares=False)
    return [Steps(*level) for level in zip(steps, patterns, strict=True)]


class _Reached(NamedTuple):
    """What a node hands its value to (`times` as often), and values below it: at most one of `named`, all `others`."""

    same: list[int]
    times: int
    named: list[int]
    others: list[int]
    unique: bool

    @classmethod
    def of(cls, node: SchemaNode) -> Self:
        fields = node.schema if isinstance(node.schema, dict) else {}
        times = _AGAIN if any(name in fields for name in _UNEVALUATED) else 1
        same, named, others = (node.reached(reach) for reach in ("same", "named", "below"))
        return cls(same, times, named, others, fields.get("uniqueItems") is True)


def _by_level(own: Sequence[int], reached: Sequence[tuple[int, _Reached]], *, compares: bool) -> list[int]:
    """`compares`: whether unique items cost something at every level below."""
    levels: list[int] = []
    above: list[int] | None = None
    while len(levels) <= SCHEMA_DEPTH:
        now = [0] * len(own)
        for place, to in reached:
            count = to.times * sum(now[other] for other in to.same)
            if above is None:
                count += own[place]
            else:
                count += max((above[other] for other in to.named), default=0)
                count += sum(above[other] for other in to.others) + (compares and to.unique)
            now[place] = count if count <= SCHEMA_WORK else SCHEMA_WORK + 1
        levels.append(now[0])
        if now == above:
            levels.extend(now[:1] * (SCHEMA_DEPTH + 1 - len(levels)))
        above = now
    return levels


def _own(node: SchemaNode) -> Steps:
    if isinstance(node.schema, bool):
        return Steps(1, 0)
    plain: dict[str, Any] = {name: value for name, value in node.schema.items() if name not in REACH}
    for name in ("$defs", "definitions"):
        plain.pop(name, None)
    of_names = [name for (keyword, name), _ in node.slots if keyword == "patternProperties"]
    patterns = [node.schema.get("pattern"), *of_names]
    weight = sum(pattern_weight(pattern) for pattern in patterns if isinstance(pattern, str))
    weight += _FORMAT_WEIGHT if "format" in node.schema else 0
    fraction = _DECIMAL_MULTIPLE if isinstance(node.schema.get("multipleOf"), float) else 0
    return Steps(1 + len(node.slots) + fraction + len(json.dumps(plain)) // _BYTES_A_STEP, weight)
