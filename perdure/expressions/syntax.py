"""The syntax tree of a CEL expression, read from the binding's serialised form (protobuf `cel.expr.ParsedExpr`).

`analysis` walks it to know what an expression uses before it is ever evaluated. Field numbers:
https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

# Wire types, the fields of `Constant`, and others that need a name.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NULL, _BOOL, _INT, _DOUBLE, _STRING = 1, 2, 3, 5, 6
_TEST_ONLY = 3
_ENTRIES = 2
_MORE = 0x80
_SIGN = 1 << 63


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `kind` is null, bool, int, uint, double, string or bytes."""

    kind: str
    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A root, a loop variable or a type."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test`, `has(operand.field)`."""

    operand: "Node"
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`_+_`); `target` is set for `target.function(args)`."""

    function: str
    target: "Node | None"
    args: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Items:
    """A list literal."""

    elements: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Record:
    """A map literal, or with a `type_name` a protobuf message."""

    type_name: str
    entries: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Loop:
    """What a looping macro becomes: `source` is evaluated outside the loop, `body` with `variables` bound."""

    variables: frozenset[str]
    source: "tuple[Node, ...]"
    body: "tuple[Node, ...]"


Node: TypeAlias = Constant | Name | Select | Call | Items | Record | Loop
_Field: TypeAlias = tuple[int, int | bytes]


def read_tree(serialized: bytes) -> Node:
    """The tree of `Expression.serialize()`. Raises ValueError if that form is not the one this module knows."""
    parsed = _child(serialized, 2)
    return _node(_child(parsed, 2))


def _node(data: bytes) -> Node:
    for number, content in _fields(data):
        if number in _READERS and isinstance(content, bytes):
            return _READERS[number](content)
    message = "a CEL syntax node of an unknown kind"
    raise ValueError(message)


def _constant(data: bytes) -> Node:
    number, content = next(_fields(data))
    if isinstance(content, int):
        return _scalar(number, content)
    if number == _DOUBLE:
        return Constant("double", struct.unpack("<d", content)[0])
    return Constant("string", content.decode()) if number == _STRING else Constant("bytes", content)


def _scalar(number: int, content: int) -> Constant:
    if number == _NULL:
        return Constant("null", None)
    if number == _BOOL:
        return Constant("bool", bool(content))
    if number == _INT:
        return Constant("int", content - (1 << 64) if content & _SIGN else content)
    return Constant("uint", content)


def _name(data: bytes) -> Node:
    return Name(_text(data, 1))


def _select(data: bytes) -> Node:
    test = any(number == _TEST_ONLY and bool(content) for number, content in _fields(data))
    return Select(_node(_child(data, 1)), _text(data, 2), test)


def _call(data: bytes) -> Node:
    targets = _children(data, 1)
    return Call(_text(data, 2), targets[0] if targets else None, _children(data, 3))


def _items(data: bytes) -> Node:
    return Items(_children(data, 1))


def _record(data: bytes) -> Node:
    entries = [content for number, content in _fields(data) if number == _ENTRIES]
    nodes = [
        node
        for entry in entries
        if isinstance(entry, bytes)
        for key in (3, 4)
        for node in _children(entry, key)
    ]
    return Record(_text(data, 1), tuple(nodes))


def _loop(data: bytes) -> Node:
    variables = frozenset(_text(data, number) for number in (1, 3, 8)) - {""}
    outside = _children(data, 2) + _children(data, 4)
    return Loop(variables, outside, tuple(node for number in (5, 6, 7) for node in _children(data, number)))


_READERS = {3: _constant, 4: _name, 5: _select, 6: _call, 7: _items, 8: _record, 9: _loop}


def _children(data: bytes, wanted: int) -> tuple[Node, ...]:
    return tuple(
        _node(content) for number, content in _fields(data) if number == wanted and isinstance(content, bytes)
    )


def _child(data: bytes, wanted: int) -> bytes:
    for number, content in _fields(data):
        if number == wanted and isinstance(content, bytes):
            return content
    message = f"a CEL syntax node without field {wanted}"
    raise ValueError(message)


def _text(data: bytes, wanted: int) -> str:
    for number, content in _fields(data):
        if number == wanted and isinstance(content, bytes):
            return content.decode()
    return ""


def _fields(data: bytes) -> Iterator[_Field]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        content: int | bytes
        if tag & 7 == _VARINT:
            content, position = _varint(data, position)
        else:
            size, position = _size(data, position, tag & 7)
            content = data[position : position + size]
            position += size
        yield tag >> 3, content


def _size(data: bytes, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _BYTES:
        return _varint(data, position)
    if wire_type in (_FIXED64, _FIXED32):
        return (8 if wire_type == _FIXED64 else 4), position
    message = f"protobuf wire type {wire_type}"
    raise ValueError(message)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, position
        shift += 7
