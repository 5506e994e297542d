"""The syntax tree of a CEL expression. `serial` reads and writes it, `analysis` walks it, `arithmetic` rewrites it."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `kind` is null, bool, int, uint, double, string or bytes."""

    kind: str
    value: object

    def children(self) -> "tuple[Node, ...]":
        return ()


@dataclass(frozen=True, slots=True)
class Name:
    """A root, a loop variable or a type."""

    name: str

    def children(self) -> "tuple[Node, ...]":
        return ()


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test`, `has(operand.field)`."""

    operand: "Node"
    field: str
    test: bool = False

    def children(self) -> "tuple[Node, ...]":
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`_+_`); `target` is set for `target.function(args)`."""

    function: str
    target: "Node | None"
    args: "tuple[Node, ...]"

    def children(self) -> "tuple[Node, ...]":
        return self.args if self.target is None else (self.target, *self.args)


@dataclass(frozen=True, slots=True)
class Items:
    """A list literal."""

    elements: "tuple[Node, ...]"

    def children(self) -> "tuple[Node, ...]":
        return self.elements


@dataclass(frozen=True, slots=True)
class Record:
    """A map literal, keys and values in turn; with a `type_name` a protobuf message."""

    type_name: str
    entries: "tuple[Node, ...]"

    def children(self) -> "tuple[Node, ...]":
        return self.entries


@dataclass(frozen=True, slots=True)
class Loop:
    """What a looping macro becomes: a fold over `source`; `source` and `initial` stand outside the variables."""

    variables: tuple[str, str]
    result_name: str
    source: "Node"
    initial: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"

    def children(self) -> "tuple[Node, ...]":
        return self.source, self.initial, self.condition, self.step, self.result


@dataclass(frozen=True, slots=True)
class Written:
    """A part already in its serialised form."""

    content: bytes

    def children(self) -> "tuple[Node, ...]":
        return ()


Node: TypeAlias = Constant | Name | Select | Call | Items | Record | Loop | Written
