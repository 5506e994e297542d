"""Mixed arithmetic: JSON knows one kind of number, CEL refuses `price * 2` where one of them is a decimal.

`engine` rewrites `a * b` so that a whole number beside a decimal becomes one, by CEL's own means (overloads written
in Python would do it too, but in 0.1.3 the binding loses 128 bytes at every call of one). Whole numbers among
themselves stay CEL's: 7 / 2 is 3, and past 64 bits is an error.
"""

from dataclasses import replace
from functools import lru_cache

from perdure.expressions.limit import EXACT_INTEGER
from perdure.expressions.serial import write_node
from perdure.expressions.syntax import Call, Constant, Items, Loop, Name, Node, Record, Select, Written

INEXACT = "@inexact"
"""The key whose absence CEL reports when an integer has no exact decimal."""

_OPERATORS = frozenset({"_+_", "_-_", "_*_", "_/_"})
_LEFT, _RIGHT = Name("@left"), Name("@right")
_FIRST_ID = 1 << 32  # ids of what is written once and used many times; far above those of any expression
_NOTHING = Written(write_node(Items(()), first_id=_FIRST_ID))
_NEVER = Written(write_node(Constant("bool", value=False), first_id=_FIRST_ID))


def mix_numbers(tree: Node) -> Node:
    """The same expression, with arithmetic between whole and decimal numbers."""
    return _Rewriting().node(tree)


class _Rewriting:
    def __init__(self) -> None:
        self._depths: dict[int, int] = {}

    def node(self, node: Node) -> Node:  # noqa: PLR0911  one return for each kind of node
        match node:
            case Call(function, None, (left, right)) if function in _OPERATORS and _may_mix(left, right):
                return self._mixed(function, left, right)
            case Call(function, target, args):
                return Call(function, None if target is None else self.node(target), self._all(args))
            case Select(operand, name, test):
                return Select(self.node(operand), name, test)
            case Items(elements):
                return Items(self._all(elements))
            case Record(type_name, entries):
                return Record(type_name, self._all(entries))
            case Loop():
                source, initial, condition, step, result = self._all(node.children())
                return replace(node, source=source, initial=initial, condition=condition, step=step, result=result)
            case _:
                return node

    def _all(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(self.node(node) for node in nodes)

    def _mixed(self, function: str, left: Node, right: Node) -> Node:
        """Both operands bound to names, the deeper one outermost.

        The serialised form may be nested 100 deep; so it grows least.
        """
        inner, outer = sorted(((_LEFT, left), (_RIGHT, right)), key=lambda operand: self._depth(operand[1]))
        body: Node = _body(function)
        for name, value in (inner, outer):
            body = _let(name, self.node(value), body)
        return body

    def _depth(self, node: Node) -> int:
        if id(node) not in self._depths:
            self._depths[id(node)] = 1 + max(map(self._depth, node.children()), default=0)
        return self._depths[id(node)]


def _may_mix(left: Node, right: Node) -> bool:
    kinds = _kind(left), _kind(right)
    return "other" not in kinds and (kinds[0] != kinds[1] or kinds[0] == "unknown")


def _kind(node: Node) -> str:
    if isinstance(node, Constant):
        return node.kind if node.kind in {"int", "double"} else "other"
    return "other" if isinstance(node, Items | Record) else "unknown"


@lru_cache(maxsize=len(_OPERATORS))
def _body(function: str) -> Written:
    plain = Call(function, None, (_LEFT, _RIGHT))
    decimal = Call(function, None, (_decimal(_LEFT), _decimal(_RIGHT)))
    return Written(write_node(_if(_equal(_type(_LEFT), _type(_RIGHT)), plain, decimal), first_id=_FIRST_ID))


def _decimal(number: Name) -> Node:
    """The number as a decimal if it is whole; an error if that would lose digits."""
    least, most = Constant("int", -EXACT_INTEGER), Constant("int", EXACT_INTEGER)
    exact = Call("_&&_", None, (Call("_<=_", None, (least, number)), Call("_<=_", None, (number, most))))
    missing = Call("_[_]", None, (Record("", ()), Constant("string", INEXACT)))
    whole = _if(exact, Call("double", None, (number,)), missing)
    return _if(_equal(_type(number), Name("int")), whole, number)


def _if(test: Node, then: Node, otherwise: Node) -> Node:
    return Call("_?_:_", None, (test, then, otherwise))


def _equal(left: Node, right: Node) -> Node:
    return Call("_==_", None, (left, right))


def _type(node: Node) -> Node:
    return Call("type", None, (node,))


def _let(name: Name, value: Node, body: Node) -> Node:
    """`body` with `name` bound to `value`: CEL's own form of it, a loop over nothing."""
    return Loop(("#unused", ""), name.name, _NOTHING, value, _NEVER, name, body)
