"""CEL's syntax trees in the form the binding serialises them to: `google.protobuf.Any` of `cel.expr.ParsedExpr`.

Used by `engine` and `arithmetic`. Field numbers as in cel-spec, proto/cel/expr/syntax.proto.
"""

import struct
from itertools import count

from perdure.expressions.syntax import Call, Constant, Items, Loop, Name, Node, Record, Select, Written
from perdure.expressions.wire import bytes_field, fixed_field, read_fields, varint_field

_TYPE_URL = b"type.googleapis.com/cel.expr.ParsedExpr"
_SIGN = 1 << 63
_CONSTANTS = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes"}
_NUMBERS = {kind: number for number, kind in _CONSTANTS.items()}


def read_tree(serialized: bytes) -> Node:
    """The tree of `Expression.serialize()`. Raises ValueError if that form is not the one known here."""
    return _node(_message(_message(serialized, 2), 2))


def _node(data: bytes) -> Node:
    for number, content in read_fields(data):
        if number in _READERS and isinstance(content, bytes):
            return _READERS[number](content)
    message = "a CEL syntax node of an unknown kind"
    raise ValueError(message)


def _constant(data: bytes) -> Node:
    number, content = next(read_fields(data))
    kind = _CONSTANTS[number]
    if isinstance(content, int):
        values = {"null": None, "bool": bool(content), "int": content - ((content & _SIGN) << 1)}
        return Constant(kind, values.get(kind, content))
    if kind == "double":
        return Constant(kind, struct.unpack("<d", content)[0])
    return Constant(kind, content.decode() if kind == "string" else content)


def _select(data: bytes) -> Node:
    return Select(_node(_message(data, 1)), _text(data, 2), test=(3, 1) in read_fields(data))


def _call(data: bytes) -> Node:
    target = _nodes(data, 1)
    return Call(_text(data, 2), target[0] if target else None, _nodes(data, 3))


def _record(data: bytes) -> Node:
    entries = [content for number, content in read_fields(data) if number == _ENTRIES]
    nodes = [node for entry in entries if isinstance(entry, bytes) for key in (3, 4) for node in _nodes(entry, key)]
    return Record(_text(data, 1), tuple(nodes))


def _loop(data: bytes) -> Node:
    source, initial, condition, step, result = (_node(_message(data, number)) for number in (2, 4, 5, 6, 7))
    variables = _text(data, 1), _text(data, 8)
    return Loop(variables, _text(data, 3), source, initial, condition, step, result)


_ENTRIES = 2
_READERS = {
    3: _constant,
    4: lambda data: Name(_text(data, 1)),
    5: _select,
    6: _call,
    7: lambda data: Items(_nodes(data, 1)),
    8: _record,
    9: _loop,
}


def _nodes(data: bytes, wanted: int) -> tuple[Node, ...]:
    return tuple(
        _node(content) for number, content in read_fields(data) if number == wanted and isinstance(content, bytes)
    )


def _message(data: bytes, wanted: int) -> bytes:
    for number, content in read_fields(data):
        if number == wanted and isinstance(content, bytes):
            return content
    message = f"a CEL syntax node without field {wanted}"
    raise ValueError(message)


def _text(data: bytes, wanted: int) -> str:
    for number, content in read_fields(data):
        if number == wanted and isinstance(content, bytes):
            return content.decode()
    return ""


def write_tree(tree: Node) -> bytes:
    """The serialised form of a tree, for `Env.deserialize`."""
    return bytes_field(1, _TYPE_URL) + bytes_field(2, bytes_field(2, write_node(tree, first_id=1)))


def write_node(node: Node, *, first_id: int) -> bytes:
    """The serialised form of a part, its ids counted from `first_id`."""
    return _Writer(first_id).node(node)


class _Writer:
    """Writes nodes, each with an id of its own: the runtime keeps what it resolves by them."""

    def __init__(self, first_id: int) -> None:
        self._ids = count(first_id)

    def node(self, node: Node) -> bytes:
        if isinstance(node, Written):
            return node.content
        number, content = self._content(node)
        return varint_field(2, next(self._ids)) + bytes_field(number, content)

    def _content(  # noqa: PLR0911  one return for each kind of node
        self, node: Constant | Name | Select | Call | Items | Record | Loop
    ) -> tuple[int, bytes]:
        match node:
            case Constant(kind, value):
                return 3, _constant_field(_NUMBERS[kind], value)
            case Name(name):
                return 4, bytes_field(1, name.encode())
            case Select(operand, name, test):
                flag = varint_field(3, 1) if test else b""
                return 5, self._fields(1, operand) + bytes_field(2, name.encode()) + flag
            case Call(function, target, args):
                on = b"" if target is None else self._fields(1, target)
                return 6, on + bytes_field(2, function.encode()) + self._fields(3, *args)
            case Items(elements):
                return 7, self._fields(1, *elements)
            case Record(_, entries):
                return 8, b"".join(self._entry(*pair) for pair in zip(entries[::2], entries[1::2], strict=True))
            case Loop():
                return 9, self._loop(node)

    def _fields(self, number: int, *nodes: Node) -> bytes:
        return b"".join(bytes_field(number, self.node(node)) for node in nodes)

    def _entry(self, key: Node, value: Node) -> bytes:
        entry = varint_field(1, next(self._ids)) + self._fields(3, key) + self._fields(4, value)
        return bytes_field(_ENTRIES, entry)

    def _loop(self, loop: Loop) -> bytes:
        names = ((1, loop.variables[0]), (3, loop.result_name), (8, loop.variables[1]))
        parts = ((2, loop.source), (4, loop.initial), (5, loop.condition), (6, loop.step), (7, loop.result))
        texts = b"".join(bytes_field(number, name.encode()) for number, name in names if name)
        return texts + b"".join(self._fields(number, part) for number, part in parts)


def _constant_field(number: int, value: object) -> bytes:
    match value:
        case float():
            return fixed_field(number, struct.pack("<d", value))
        case str():
            return bytes_field(number, value.encode())
        case bytes():
            return bytes_field(number, value)
        case int() | None:
            return varint_field(number, value or 0)
        case _:
            message = f"a CEL constant cannot be a {type(value).__name__}"
            raise TypeError(message)
