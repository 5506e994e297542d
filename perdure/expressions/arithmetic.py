"""Mixed arithmetic: JSON knows one kind of number, CEL refuses `price * 2` where one of them is a decimal.

`engine` rewrites `a * b` so that a whole number beside a decimal becomes one, by CEL's own means (overloads written
in Python would do it too, but in 0.1.3 the binding loses 128 bytes at every call of one). Whole numbers among
themselves stay CEL's: 7 / 2 is 3, and past 64 bits is an error.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from perdure.expressions.limit import EXACT_INTEGER
from perdure.expressions.syntax import Call, Constant, Items, Loop, Name, Node, Record, Select

INEXACT = "@inexact"
"""The key whose absence CEL reports when an integer has no exact decimal."""

_OPERATORS = frozenset({"_+_", "_-_", "_*_", "_/_"})
_NUMBERS = frozenset({"int", "double"})


def mix_numbers(tree: Node) -> Node:
    """The same expression, with arithmetic between whole and decimal numbers."""
    return _Rewriting().node(tree)


class _Rewriting:
    def __init__(self) -> None:
        self._names = count(1)

    def node(self, node: Node) -> Node:
        match node:
            case Call(function, None, (left, right)) if function in _OPERATORS:
                return self._mixed(function, self.node(left), self.node(right))
            case Call(function, target, args):
                return Call(function, None if target is None else self.node(target), self._all(args))
            case Select(operand, name, test):
                return Select(self.node(operand), name, test)
            case Items(elements):
                return Items(self._all(elements))
            case Record(type_name, entries):
                return Record(type_name, self._all(entries))
            case Loop():
                return self._loop(node)
            case Constant() | Name():
                return node

    def _all(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(self.node(node) for node in nodes)

    def _loop(self, loop: Loop) -> Loop:
        source, initial, condition = self.node(loop.source), self.node(loop.initial), self.node(loop.condition)
        step, result = self.node(loop.step), self.node(loop.result)
        return replace(loop, source=source, initial=initial, condition=condition, step=step, result=result)

    def _mixed(self, function: str, left: Node, right: Node) -> Node:
        kinds = _kind(left), _kind(right)
        if "other" in kinds or (kinds[0] == kinds[1] and kinds[0] != "unknown"):
            return Call(function, None, (left, right))
        names = [Name(f"@{next(self._names)}") if kind == "unknown" else None for kind in kinds]
        body = _choose(function, names[0] or left, names[1] or right)
        bound = [(name, value) for name, value in zip(names, (left, right), strict=True) if name]
        # The deeper value goes outermost: the serialised form may be nested 100 deep, and so it grows least.
        for name, value in sorted(bound, key=lambda pair: _depth(pair[1])):
            body = _let(name, value, body)
        return body


def _kind(node: Node) -> str:
    match node:
        case Constant(kind):
            return kind if kind in _NUMBERS else "other"
        case Items() | Record():
            return "other"
        case _:
            return "unknown"


def _choose(function: str, left: Node, right: Node) -> Node:
    chosen: Node = Call(function, None, (left, right))
    for whole, decimal in ((left, right), (right, left)):
        if _may_be(whole, "int") and _may_be(decimal, "double"):
            operands = tuple(_decimal(node) if node is whole else node for node in (left, right))
            tests = [_is(node, kind) for node, kind in ((whole, "int"), (decimal, "double")) if not _written(node)]
            chosen = _if(tests, Call(function, None, operands), chosen)
    return chosen


def _may_be(node: Node, kind: str) -> bool:
    return _kind(node) in {kind, "unknown"}


def _written(node: Node) -> bool:
    """Whether its kind is plain to see, so that no test is needed."""
    return _kind(node) != "unknown"


def _is(node: Node, kind: str) -> Node:
    return Call("_==_", None, (Call("type", None, (node,)), Name(kind)))


def _decimal(node: Node) -> Node:
    if isinstance(node, Constant) and isinstance(node.value, int) and abs(node.value) <= EXACT_INTEGER:
        return Constant("double", float(node.value))
    least, most = Constant("int", -EXACT_INTEGER), Constant("int", EXACT_INTEGER)
    within = [Call("_<=_", None, (least, node)), Call("_<=_", None, (node, most))]
    return _if(within, Call("double", None, (node,)), Call("_[_]", None, (Record("", ()), Constant("string", INEXACT))))


def _if(tests: Sequence[Node], then: Node, otherwise: Node) -> Node:
    if not tests:
        return then
    every = tests[0] if len(tests) == 1 else Call("_&&_", None, tuple(tests))
    return Call("_?_:_", None, (every, then, otherwise))


def _let(name: Name, value: Node, body: Node) -> Node:
    """`body` with `name` bound to `value`: CEL's own form of it, a loop over nothing."""
    return Loop(("#unused", ""), name.name, Items(()), value, Constant("bool", False), name, body)


def _depth(node: Node) -> int:
    match node:
        case Call(_, target, args):
            return 1 + max((_depth(child) for child in (*args, *([target] if target else []))), default=0)
        case Select(operand):
            return 1 + _depth(operand)
        case Items(children) | Record(_, children):
            return 1 + max(map(_depth, children), default=0)
        case Loop():
            return 1 + max(_depth(loop_part) for loop_part in (node.source, node.initial, node.step, node.result))
        case _:
            return 0
