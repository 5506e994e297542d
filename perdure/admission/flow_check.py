"""What a step's fields mean together: `catch`, what its type does not take, when a job starts; used by `admission`."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from perdure.admission.json_path import Path, render
from perdure.admission.outline import Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.contract.duration import LONGEST
from perdure.contract.spec import RetryPolicy, StepSpec
from perdure.contract.timestamp import parse_timestamp
from perdure.steps.catalogue import CATALOGUE

_PARAMETER, _VALUE, _LIMIT = "API.SPEC.PARAMETER", "API.FIELD.VALUE", "API.FIELD.LIMIT"
_PATTERN = re.compile(r"[A-Za-z0-9_.*-]*", re.ASCII)
_OF_ATTEMPTS = ("timeout", "total_timeout", "heartbeat_timeout", "effect")
_BOUNDED_BY = {
    "WAIT": "give `with.timeout`",
    "APPROVAL": "give `with.timeout`",
    "JOB": "give `with.job.timeout`, and retry its steps",
}


def flow_problems(spec: Outline, now: datetime | None) -> Iterator[Problem]:
    """Everything of this kind in one job. Without `now` a start that is too far away is let pass."""
    yield from _start_problems(spec, now)
    for step in spec.steps:
        if step.type == "SLEEP" and _is_too_far(step.params.get("until"), now):
            message = f"must be at most {LONGEST.days} days from now: a sleep is no longer than that"
            yield Problem(render((*step.path, "with", "until")), _PARAMETER, message)
        yield from _catch_problems(step)
        yield from _untaken_problems(step, spec.fields.get("retry"))


def _start_problems(spec: Outline, now: datetime | None) -> Iterator[Problem]:
    start_at = spec.fields.get("start_at")
    if start_at is not None and spec.fields.get("delay") is not None:
        yield Problem(render((*spec.path, "delay")), _VALUE, "give either start_at or delay, not both")
    if _is_too_far(start_at, now):
        message = f"must be at most {LONGEST.days} days from now; submit the job later"
        yield Problem(render((*spec.path, "start_at")), _LIMIT, message)


def _is_too_far(time: Any, now: datetime | None) -> bool:
    """Whether it is a time that is too long after `now` to wait for it."""
    if now is None or not isinstance(time, str):
        return False
    try:
        return parse_timestamp(time) - now > LONGEST
    except ValueError:
        return False


def _catch_problems(step: StepOutline) -> Iterator[Problem]:
    rules = step.fields.get("catch")
    all_caught: int | None = None
    for place, rule in enumerate(rules if isinstance(rules, list) else ()):
        patterns = rule.get("errors", ["*"]) if isinstance(rule, dict) else []
        path = (*step.path, "catch", place)
        if all_caught is not None:
            message = f"catch[{all_caught}] catches every error, so this can never be used: put it before that one"
            yield Problem(render(path), _VALUE, message)
        for position, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
            yield from pattern_problem(pattern, (*path, "errors", position))
            if isinstance(pattern, str) and pattern and not pattern.strip("*") and all_caught is None:
                all_caught = place


def pattern_problem(pattern: Any, path: Path) -> Iterator[Problem]:
    """A pattern that no error code can fit."""
    if isinstance(pattern, str) and _PATTERN.fullmatch(pattern) is None:
        message = "must be an error code of letters, digits and _ . -, where * stands for any characters: STEP.HTTP.*"
        yield Problem(render(path), _VALUE, message)


def _untaken_problems(step: StepOutline, of_job: Any) -> Iterator[Problem]:
    """Policies of attempts on a step that has none. What says no more than the default does is let pass."""
    type_ = CATALOGUE.get(step.type or "")
    if type_ is None or type_.needs_activity:
        return
    names = [name for name in _OF_ATTEMPTS if not _is_default(name, step.fields.get(name))]
    if not _is_inherited(step.fields.get("retry"), of_job):
        names.append("retry")
    for name in names:
        instead = f": {_BOUNDED_BY[type_.name]}" if type_.name in _BOUNDED_BY else ": leave it out"
        message = f"steps of type {type_.name} have no attempts, so they take no `{name}`{instead}"
        yield Problem(render((*step.path, name)), _PARAMETER, message)


def _is_default(name: str, value: Any) -> bool:
    return value is None or value == StepSpec.model_fields[name].default


def _is_inherited(retry: Any, of_job: Any) -> bool:
    """Whether a `retry` says what the job's says already: so it is in a spec with its defaults filled in."""
    if not isinstance(retry, Mapping):
        return True
    own = of_job if isinstance(of_job, Mapping) else {}
    try:
        return _policy(own) == _policy({**own, **retry})
    except ValidationError:
        return True


def _policy(fields: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy.model_validate_json(to_json(fields))
