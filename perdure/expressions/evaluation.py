"""One expression evaluated in a scope, by the shortest way; used by `template` and `compute`."""

from functools import lru_cache
from typing import TypeAlias

from perdure.expressions.cost import Budget, estimate_work
from perdure.expressions.engine import Program, compile_text, refuse_text, run
from perdure.expressions.error import ExpressionError
from perdure.expressions.explain import explain_failure
from perdure.expressions.measure import json_size, weigh
from perdure.expressions.path import JSON, Path, path_problem, read_path
from perdure.expressions.result import ErrorValue
from perdure.expressions.scope import Scope, Use

Plan: TypeAlias = Path | Program

_PATHS = 4_096


@lru_cache(maxsize=_PATHS)
def _path(text: str) -> Path | None:
    refuse_text(text)
    return read_path(text.strip())


def plan(text: str, *, loops: bool = False) -> Plan:
    """How `text` is evaluated: a pure path, followed in Python, or a CEL program. Raises ExpressionError."""
    return _path(text) or compile_text(text, loops=loops)


def problems(found: Plan) -> tuple[str, ...]:
    """What is wrong with an expression whatever its scope."""
    if isinstance(found, Program):
        open_pattern = found.analysis.open_pattern
        return found.analysis.problems + (_OPEN_PATTERN if open_pattern else ())
    problem = path_problem(found)
    return () if problem is None else (problem,)


_OPEN_PATTERN = ("the pattern of matches() must be a literal text outside a COMPUTE step",)


def uses(found: Plan) -> tuple[Use, ...]:
    """The paths it uses, those of a wrong shape left out."""
    if isinstance(found, Program):
        return found.analysis.uses
    return () if path_problem(found) else (Use(found),)


def evaluate(text: str, scope: Scope, budget: Budget) -> JSON:
    """The JSON value of `text`. Raises ExpressionError, always with the text in it."""
    try:
        budget.take_expression(text)
        value = _evaluate(plan(text), scope, budget)
        budget.take_bytes(json_size(value))
    except ExpressionError as error:
        raise ExpressionError(error.message, text) from None
    return value


def _evaluate(found: Plan, scope: Scope, budget: Budget) -> JSON:
    for problem in problems(found):
        raise ExpressionError(problem)
    return _evaluate_program(found, scope, budget) if isinstance(found, Program) else scope.find(found)


def _evaluate_program(program: Program, scope: Scope, budget: Budget) -> JSON:
    data = scope.select(program.analysis.uses)
    budget.take_work(estimate_work(program.analysis, weigh_data(data)))
    return run_explained(program, data, scope)


def weigh_data(data: dict[str, JSON]) -> int:
    """The size of selected data. Raises ExpressionError naming the root that the binding cannot take."""
    size = 0
    for root, value in data.items():
        try:
            size += weigh(value)
        except ExpressionError as error:
            raise ExpressionError(f"'{root}' {error.message}") from None
    return size


def run_explained(program: Program, data: dict[str, JSON], scope: Scope) -> JSON:
    """Run on weighed data. Raises ExpressionError in words for the author of the expression."""
    try:
        return run(program, data)
    except ErrorValue as error:
        raise ExpressionError(explain_failure(str(error), program.analysis.uses, scope)) from None
