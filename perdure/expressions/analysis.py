"""What an expression uses and what it may cost, known from its syntax tree alone; asked by `engine`."""

from dataclasses import dataclass

from perdure.expressions.function import (
    COMPARISONS,
    JOIN,
    LOGIC,
    MATCH,
    TYPES,
    function_problem,
    may_be_boolean,
)
from perdure.expressions.path import ROOTS, Path, listing, path_problem
from perdure.expressions.pattern import pattern_weight
from perdure.expressions.scope import Use
from perdure.expressions.syntax import Call, Constant, Items, Loop, Name, Node, Record, Select


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of an expression before it runs.

    `compared`, `scanned` and `joined` count how often all its data is walked by comparisons, by other
    functions, and copied by `+`; `matched` is the weight of its patterns. `open_pattern`: a pattern is not a literal.
    """

    problems: tuple[str, ...]
    uses: tuple[Use, ...]
    loops: bool
    open_pattern: bool
    compared: int
    scanned: int
    joined: int
    matched: int
    may_be_boolean: bool


def analyse(tree: Node) -> Analysis:
    """Walk the tree once."""
    walk = _Walk()
    walk.visit(tree, frozenset())
    return Analysis(
        problems=tuple(dict.fromkeys(walk.problems)),
        uses=tuple(dict.fromkeys(walk.uses)),
        loops=walk.loops,
        open_pattern=walk.open_pattern,
        compared=walk.compared,
        scanned=walk.scanned,
        joined=walk.joined,
        matched=walk.matched,
        may_be_boolean=_may_be_boolean(tree),
    )


def _may_be_boolean(node: Node) -> bool:
    match node:
        case Constant(kind):
            return kind == "bool"
        case Call("_?_:_", _, (_, first, second)):
            return _may_be_boolean(first) or _may_be_boolean(second)
        case Call(function):
            return may_be_boolean(function)
        case Items() | Record():
            return False
        case _:
            return True


class _Walk:
    """Collects while visiting. A visit answers how many times the data may be held in the node's value."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.uses: list[Use] = []
        self.loops = False
        self.open_pattern = False
        self.compared = self.scanned = self.joined = self.matched = 0

    def visit(self, node: Node, bound: frozenset[str]) -> int:  # noqa: PLR0911  one for each kind of node
        path = _static_path(node, bound)
        if path is not None:
            return self._use(path, test=False)
        match node:
            case Constant(_, value):
                self._constant(value)
            case Name(name):
                self._name(name, bound)
            case Select(operand, name, test):
                return self._select(operand, name, bound, test=test)
            case Call():
                return self._call(node, bound)
            case Items(elements):
                return self._children(elements, bound)
            case Record(type_name, entries):
                return self._record(type_name, entries, bound)
            case Loop():
                return self._loop(node, bound)
        return 1

    def _use(self, path: Path, *, test: bool) -> int:
        problem = path_problem(path)
        if problem is None:
            self.uses.append(Use(path, test))
        else:
            self.problems.append(problem)
        return 1

    def _constant(self, value: object) -> None:
        if isinstance(value, str) and "\0" in value:
            self.problems.append("a text holds a NUL character (U+0000), which expressions cannot carry")

    def _name(self, name: str, bound: frozenset[str]) -> None:
        if name == "secrets":
            self.problems.append("a secret stands alone: write ${ secrets.NAME }, with nothing else between the braces")
        elif name not in bound and name not in TYPES:
            self.problems.append(f"unknown name '{name}'; expressions begin with: {listing(ROOTS)}")

    def _select(self, operand: Node, name: str, bound: frozenset[str], *, test: bool) -> int:
        path = _static_path(operand, bound)
        if test and path is not None:
            return self._use((*path, name), test=True)
        return self.visit(operand, bound)

    def _loop(self, loop: Loop, bound: frozenset[str]) -> int:
        self.loops = True
        inside = bound | {*loop.variables, loop.result_name}
        outer = self.visit(loop.source, bound) + self.visit(loop.initial, bound)
        return outer + sum(self.visit(part, inside) for part in (loop.condition, loop.step, loop.result))

    def _record(self, type_name: str, entries: tuple[Node, ...], bound: frozenset[str]) -> int:
        if type_name:
            self.problems.append(f"unknown type '{type_name}'; write an object as {{'key': value}}")
        return self._children(entries, bound)

    def _children(self, children: tuple[Node, ...], bound: frozenset[str]) -> int:
        return max(1, sum(self.visit(child, bound) for child in children))

    def _call(self, call: Call, bound: frozenset[str]) -> int:
        problem = function_problem(call.function, len(call.args), member=call.target is not None)
        if problem is not None:
            self.problems.append(problem)
            return 1
        operands = call.children()
        sizes = [self.visit(operand, bound) for operand in operands]
        self._charge(call.function, operands, sum(sizes))
        return sum(sizes) if call.function == JOIN else max(sizes)

    def _charge(self, function: str, operands: tuple[Node, ...], size: int) -> None:
        if function in COMPARISONS:
            self.compared += size
        elif function == JOIN:
            self.joined += size
        elif function == MATCH:
            self._charge_match(operands[-1], size)
        elif function not in LOGIC:
            self.scanned += size

    def _charge_match(self, pattern: Node, size: int) -> None:
        if isinstance(pattern, Constant) and isinstance(pattern.value, str):
            self.matched += pattern_weight(pattern.value) * size
        else:
            self.open_pattern = True


def _static_path(node: Node, bound: frozenset[str]) -> Path | None:
    match node:
        case Name(name):
            return (name,) if name in ROOTS and name not in bound else None
        case Select(operand, name, False):
            above = _static_path(operand, bound)
            return None if above is None else (*above, name)
        case Call("_[_]", None, (operand, Constant("string" | "int", str() | int() as key))):
            above = _static_path(operand, bound)
            from_start = isinstance(key, str) or key >= 0
            return (*above, key) if above is not None and from_start else None
        case _:
            return None
