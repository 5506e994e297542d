"""The expression of a COMPUTE step: CEL with loops.

Admission checks it, workflow code selects its data, the activity evaluates it (through `bounded`, which workflow
code never imports).
"""

from collections.abc import Collection, Mapping

from perdure.expressions.check import check_expression
from perdure.expressions.cost import Budget, estimate_work
from perdure.expressions.engine import Program
from perdure.expressions.error import ExpressionError, TemplateProblem, located, printable, shorten
from perdure.expressions.evaluation import plan, run_explained, uses, weigh_data
from perdure.expressions.limit import EXPRESSION_WORK
from perdure.expressions.measure import json_size
from perdure.expressions.path import JSON, ROOTS
from perdure.expressions.scan import Code, scan
from perdure.expressions.scope import Scope
from perdure.expressions.template import step_references

_SHOWN = 200


def compute_source(expression: str) -> str:
    """The CEL text: COMPUTE takes it bare or as one `${ }`. Raises ExpressionError for text around that."""
    if not expression.lstrip().startswith("${"):
        return expression.strip()
    parts = scan(expression.strip())
    if len(parts) == 1 and isinstance(parts[0], Code):
        return parts[0].text
    raise ExpressionError("a COMPUTE expression is CEL, bare or as one ${ }, with no text around it", expression)


def check_compute(expression: str, *, roots: Collection[str], steps: Collection[str]) -> list[TemplateProblem]:
    """Everything wrong with it; `roots` and `steps` as for `check_template`."""
    try:
        source = compute_source(expression)
    except ExpressionError as error:
        return [TemplateProblem((), error.expression, error.message)]
    messages = check_expression(source, roots=roots, steps=steps, loops=True)
    return [TemplateProblem((), printable(shorten(source, _SHOWN)), printable(message)) for message in messages]


def compute_references(expression: str) -> set[tuple[str, str]]:
    """What it uses of steps, as `references`; nothing if it cannot be read."""
    try:
        return step_references(compute_source(expression), loops=True)
    except ExpressionError:
        return set()


def compute_roots(expression: str, scope: Scope) -> dict[str, JSON]:
    """The part of the scope it uses, to be sent to the activity. Raises ExpressionError, also if too large."""
    source = compute_source(expression)
    with located(source):
        selected = scope.select(uses(plan(source, loops=True)))
        Budget().take_bytes(json_size(selected))
    return selected


def needs_child(expression: str, roots: Mapping[str, JSON]) -> bool:
    """Whether it must not run in this process: it loops, matches an unknown pattern, or may take too long.

    Raises ExpressionError as `evaluate_compute` does.
    """
    source = compute_source(expression)
    with located(source):
        return _Task(source, roots).heavy


def evaluate_compute(expression: str, roots: Mapping[str, JSON], *, anywhere: bool = False) -> JSON:
    """Its value, computed in this process; `roots` as `compute_roots` gives them.

    Raises ExpressionError, also when `needs_child` is true, unless `anywhere` says this process may be killed.
    """
    source = compute_source(expression)
    with located(source):
        task = _Task(source, roots)
        if task.heavy and not anywhere:
            raise ExpressionError("too heavy for this process: use evaluate_bounded")
        return task.run()


class _Task:
    """One expression with its data, selected and checked."""

    def __init__(self, source: str, roots: Mapping[str, JSON]) -> None:
        self._plan = plan(source, loops=True)
        self._scope = Scope({**roots, "steps": {}}, roots.get("steps", {}))
        for problem in check_expression(source, roots=ROOTS, steps=self._scope.steps, loops=True):
            raise ExpressionError(problem)
        self._data = self._scope.select(uses(self._plan)) if isinstance(self._plan, Program) else {}
        self.heavy = isinstance(self._plan, Program) and _is_heavy(self._plan, weigh_data(self._data))

    def run(self) -> JSON:
        if isinstance(self._plan, Program):
            return run_explained(self._plan, self._data, self._scope)
        return self._scope.find(self._plan)


def _is_heavy(program: Program, data_bytes: int) -> bool:
    analysis = program.analysis
    return analysis.loops or analysis.open_pattern or estimate_work(analysis, data_bytes) > EXPRESSION_WORK
