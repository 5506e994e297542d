"""Templates checked before a job starts; called by admission, which adds the path of the template itself."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from perdure.expressions.cost import Budget
from perdure.expressions.engine import Program
from perdure.expressions.error import ExpressionError, TemplateProblem, printable, shorten
from perdure.expressions.evaluation import Plan, plan, problems, uses
from perdure.expressions.limit import DATA_DEPTH
from perdure.expressions.path import JSON, Path, describe, listing
from perdure.expressions.scan import Code, SecretRef, scan
from perdure.expressions.scope import Use
from perdure.expressions.walk import is_too_deep, strings

_SHOWN = 200
_MOST = 100
_OF_EACH = "only in a step with for_each: in its with, catch and compensate"


def check_template(
    value: JSON, *, roots: Collection[str], steps: Collection[str], allow_secrets: bool, boolean: bool = False
) -> list[TemplateProblem]:
    """What is wrong with the `${ }` of any JSON value, in document order, at most 100 problems.

    `roots` are the roots that exist there, `steps` the ids of the steps it may refer to. With `boolean` the
    value must be true, false or one `${ }` that can give them.
    """
    if boolean and not isinstance(value, str):
        return [] if isinstance(value, bool) else [_problem((), "", _not_boolean(describe(value)))]
    check = _Check(frozenset(roots), frozenset(steps), allow_secrets, boolean, Budget())
    return list(islice(check.template(value), _MOST))


def is_one_expression(text: str) -> bool:
    """Whether a string is exactly one `${ }`; true as well for what cannot be read, which `check_template` tells."""
    try:
        parts = scan(text)
    except ExpressionError:
        return True
    return len(parts) == 1 and isinstance(parts[0], Code)


def check_expression(text: str, *, roots: Collection[str], steps: Collection[str], loops: bool) -> list[str]:
    """Everything wrong with one expression, as messages; with `loops`, in COMPUTE."""
    try:
        found = plan(text, loops=loops)
    except ExpressionError as error:
        return [error.message]
    known = found.analysis.problems if loops and isinstance(found, Program) else problems(found)
    return [*known, *_scope_problems(uses(found), frozenset(roots), frozenset(steps))]


def _problem(path: Path, expression: str, message: str) -> TemplateProblem:
    return TemplateProblem(path, printable(shorten(expression, _SHOWN)), printable(message))


def _source(part: Code | SecretRef) -> str:
    return part.text if isinstance(part, Code) else f"secrets.{part.name}"


def _not_boolean(what: str) -> str:
    return f"must be true, false or one ${{ expression }} that gives them; this is {what}"


@dataclass(frozen=True, slots=True)
class _Check:
    roots: frozenset[str]
    steps: frozenset[str]
    allow_secrets: bool
    boolean: bool
    budget: Budget

    def template(self, value: JSON) -> Iterator[TemplateProblem]:
        if is_too_deep(value):
            yield _problem((), "", f"nested deeper than {DATA_DEPTH} levels")
        for path, text in strings(value):
            try:
                parts = scan(text)
            except ExpressionError as error:
                yield _problem(path, error.expression or text, error.message)
                continue
            if self.boolean and (len(parts) != 1 or isinstance(parts[0], str)):
                yield _problem(path, text, _not_boolean("text"))
            for part in parts:
                if not isinstance(part, str):
                    yield from (_problem(path, _source(part), message) for message in self.part(part))

    def part(self, part: Code | SecretRef) -> list[str]:
        if isinstance(part, SecretRef):
            allowed = self.allow_secrets and not self.boolean
            return [] if allowed else ["secrets cannot be used here, only in the 'with' of a step"]
        try:
            self.budget.take_expression(part.text)
        except ExpressionError as error:
            return [error.message]
        messages = check_expression(part.text, roots=self.roots, steps=self.steps, loops=False)
        if self.boolean and not messages and not _may_be_boolean(plan(part.text)):
            return ["must give true or false, and this never does"]
        return messages


def _may_be_boolean(found: Plan) -> bool:
    return not isinstance(found, Program) or found.analysis.may_be_boolean


def _scope_problems(used: tuple[Use, ...], roots: frozenset[str], steps: frozenset[str]) -> list[str]:
    messages = [_scope_problem(use.path, roots, steps) for use in used]
    return list(dict.fromkeys(filter(None, messages)))


def _scope_problem(path: Path, roots: frozenset[str], steps: frozenset[str]) -> str | None:
    root = str(path[0])
    if root not in roots:
        of_each = root in {"item", "index"}
        where = _OF_EACH if of_each else f"not here; here is: {listing(roots)}"
        return f"'{root}' exists {where}"
    if root == "steps" and path[1] not in steps:
        return f"there is no step '{path[1]}' to refer to here; there is: {listing(steps)}"
    return None
