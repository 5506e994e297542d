"""The `${ }` of a spec: well-formed, and only about steps that surely ended before; used by `admission`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from perdure.admission.json_path import Path, render
from perdure.admission.outline import OperationOutline, Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.admission.step_order import StepOrder
from perdure.contract.wording import listed, quoted
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
_ROOTS_OF_ITEMS = _ROOTS | {"item", "index"}
_CODE = "API.SPEC.EXPRESSION"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spec holds templates: in a step (a COMPUTE's is an expression as such), or in what a job gives.

    `own` names what of its own step a place may use, `each` says whether it is about one item of a fan-out.
    """

    path: Path
    value: Any
    step: StepOutline | None = None
    own: str | None = None
    each: bool = False
    secrets: bool = False
    boolean: bool = False
    compute: bool = False

    def problems(self, known: frozenset[str]) -> list[TemplateProblem]:
        """What is wrong with the expressions here, apart from the order of the steps."""
        roots = _ROOTS_OF_ITEMS if self.each else _ROOTS
        if self.compute:
            return check_compute(self.value, roots=roots, steps=known)
        return check_template(self.value, roots=roots, steps=known, allow_secrets=self.secrets, boolean=self.boolean)

    def uses(self, value: Any) -> set[tuple[str, str]]:
        """What a value here uses of steps: id and field."""
        return compute_references(value) if self.compute else references(value)


def places(spec: Outline) -> Iterator[Place]:
    """Every place of a job that may hold expressions about it, in order: also the input of the jobs within it."""
    for step in spec.steps:
        when = step.fields.get("when")
        if isinstance(when, str):
            yield Place((*step.path, "when"), when, step, boolean=True)
        yield from _item_places(step)
        yield from _parameter_places(step, step)
        yield from _catch_places(step)
        if step.compensate is not None:
            yield from _parameter_places(step, step.compensate, own="output")
    yield Place((*spec.path, "output"), spec.fields.get("output"))
    for dependent in spec.dependents:
        if dependent.job is not None:
            yield Place((*dependent.job.path, "input"), dependent.job.fields.get("input"))


def _item_places(step: StepOutline) -> Iterator[Place]:
    each = step.fields.get("for_each")
    if isinstance(each, dict):
        yield Place((*step.path, "for_each", "items"), each.get("items"), step)


def _parameter_places(step: StepOutline, operation: OperationOutline, own: str | None = None) -> Iterator[Place]:
    if operation is step and step.job is not None:
        yield Place((*step.job.path, "input"), step.job.fields.get("input"), step, each=step.each)
    type_ = CATALOGUE.get(operation.type or "")
    secrets = type_ is None or type_.needs_activity
    for name, value in operation.params.items():
        path = (*operation.path, "with", name)
        if type_ is None or name not in type_.untemplated:
            yield Place(path, value, step, own=own, each=step.each, secrets=secrets)
        elif name in type_.computed and isinstance(value, str):
            yield Place(path, value, step, own=own, each=step.each, compute=True)


def _catch_places(step: StepOutline) -> Iterator[Place]:
    rules = step.fields.get("catch")
    for place, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, dict):
            yield Place((*step.path, "catch", place, "output"), rule.get("output"), step, own="error", each=step.each)


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
            yield Problem(render((*place.path, *path)), _CODE, _too_early(named, place, place.step, order))


def _early(place: Place, value: Any, order: StepOrder) -> list[str]:
    """The steps that `value` names and that may not have ended when it is resolved."""
    here = place.step.id if place.step is not None else None
    if here is None or here not in order.waits_for or here in order.stuck:
        return []
    named = {id_ for id_, field in place.uses(value) if (id_, field) != (here, place.own)}
    return sorted(id_ for id_ in named & order.waits_for.keys() if not order.surely_before(id_, here))


def _too_early(named: str, place: Place, step: StepOutline, order: StepOrder) -> str:
    if named == step.id and place.own is not None:
        return f"of step {quoted(named)} itself, this place can use only steps.{named}.{place.own}"
    if named == step.id:
        return f"step {quoted(named)} refers to itself; it can refer only to steps that ended before it"
    before = [id_ for id_ in order.waits_for if order.surely_before(id_, step.id or "")]
    return (
        f"step {quoted(named)} may not have ended when step {quoted(step.label)} starts: add it to depends_on"
        f" or list it earlier. Surely ended by then: {listed(before) or 'none'}"
    )
