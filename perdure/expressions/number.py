"""Mixed arithmetic for CEL: JSON knows one kind of number, CEL refuses `price * 2` when one of them is a decimal.

`engine` registers these beside CEL's own overloads; whole numbers among themselves stay CEL's (7 / 2 is 3).
"""

import math
import operator
from collections.abc import Callable

from cel_expr_python import cel  # type: ignore[import-untyped]  # it ships stubs without py.typed

from perdure.expressions.limit import EXACT_INTEGER

Number = int | float


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return (
        math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
    )


_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "_+_": operator.add,
    "_-_": operator.sub,
    "_*_": operator.mul,
    "_/_": _divide,
}


def _exact(value: Number) -> float:
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        message = (
            f"{value} is past what a decimal keeps exactly (2^53 − 1); convert it first: double({value})"
        )
        raise OverflowError(message)
    return float(value)


def _mixed(name: str) -> cel.FunctionDecl:
    apply = _OPERATORS[name]

    def evaluate(left: Number, right: Number) -> float:
        return apply(_exact(left), _exact(right))

    whole, decimal = cel.Type.INT, cel.Type.DOUBLE
    return cel.FunctionDecl(
        name,
        [
            cel.Overload(f"{name} whole decimal", decimal, [whole, decimal], impl=evaluate),
            cel.Overload(f"{name} decimal whole", decimal, [decimal, whole], impl=evaluate),
        ],
    )


OPERATORS = tuple(_OPERATORS)


def mixed_functions() -> list[cel.FunctionDecl]:
    """The declarations, for an environment whose checker has these operators excluded."""
    return [_mixed(name) for name in OPERATORS]
