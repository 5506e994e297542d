"""The `${ }` of a spec: well-formed, and only about steps that surely ended before; used by `admission`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from perdure.admission.json_path import Path, render
from perdure.admission.outline import Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.admission.step_order import StepOrder
from perdure.admission.wording import listed, quoted
from perdure.expressions import (
    TemplateProblem,
    check_compute,
    check_template,
    compute_references,
    references,
)
from perdure.expressions.walk import strings
from perdure.steps.catalogue import CATALOGUE

_ROOTS = frozenset({"input", "steps", "job"})
_CODE = "API.SPEC.EXPRESSION"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spec holds templates: a step's `when` or `with`, a COMPUTE's expression, or what a job gives."""

    path: Path
    value: Any
    step: StepOutline | None = None
    secrets: bool = False
    boolean: bool = False
    compute: bool = False

    def problems(self, known: frozenset[str]) -> list[TemplateProblem]:
        """What is wrong with the expressions here, apart from the order of the steps."""
        if self.compute:
            return check_compute(self.value, roots=_ROOTS, steps=known)
        return check_template(self.value, roots=_ROOTS, steps=known, allow_secrets=self.secrets, boolean=self.boolean)

    @property
    def names(self) -> Callable[[Any], set[str]]:
        """Finds the steps that a value here names."""
        return compute_references if self.compute else references


def places(spec: Outline) -> Iterator[Place]:
    """Every place of a job that may hold expressions about it, in order: also the input of its dependents."""
    for step in spec.steps:
        when = step.fields.get("when")
        if isinstance(when, str):
            yield Place((*step.path, "when"), when, step, boolean=True)
        params = step.fields.get("with")
        if isinstance(params, dict):
            yield from _parameter_places(step, params)
    yield Place((*spec.path, "output"), spec.fields.get("output"))
    for dependent in spec.dependents:
        if dependent.job is not None:
            yield Place((*dependent.job.path, "input"), dependent.job.fields.get("input"))


def _parameter_places(step: StepOutline, params: dict[str, Any]) -> Iterator[Place]:
    type_ = CATALOGUE.get(step.type or "")
    verbatim = type_.verbatim if type_ is not None else frozenset()
    secrets = type_ is None or type_.needs_activity
    for name, value in params.items():
        path = (*step.path, "with", name)
        if name not in verbatim:
            yield Place(path, value, step, secrets=secrets)
        elif isinstance(value, str):
            yield Place(path, value, step, compute=True)


def expression_problems(found: Iterable[Place], order: StepOrder) -> Iterator[Problem]:
    """Everything wrong with the expressions in these places."""
    known = frozenset(order.waits_for)
    for place in found:
        for problem in place.problems(known):
            shown = f" in {quoted(problem.expression)}" if problem.expression else ""
            yield Problem(render((*place.path, *problem.path)), _CODE, problem.message + shown)
        yield from _order_problems(place, order)


def _order_problems(place: Place, order: StepOrder) -> Iterator[Problem]:
    if place.step is None or not _early(place, place.value, order):
        return
    for path, text in strings(place.value):
        for named in _early(place, text, order):
            yield Problem(render((*place.path, *path)), _CODE, _too_early(named, place.step, order))


def _early(place: Place, value: Any, order: StepOrder) -> list[str]:
    """The steps that `value` names and that may not have ended when its own step starts."""
    here = place.step.id if place.step is not None else None
    if here is None or here not in order.waits_for or here in order.stuck:
        return []
    named = place.names(value) & order.waits_for.keys()
    return sorted(id_ for id_ in named if not order.surely_before(id_, here))


def _too_early(named: str, step: StepOutline, order: StepOrder) -> str:
    if named == step.id:
        return f"step {quoted(named)} refers to itself; it can refer only to steps that ended before it"
    before = [id_ for id_ in order.waits_for if order.surely_before(id_, step.id or "")]
    return (
        f"step {quoted(named)} may not have ended when step {quoted(step.label)} starts: add it to depends_on"
        f" or list it earlier. Surely ended by then: {listed(before) or 'none'}"
    )
