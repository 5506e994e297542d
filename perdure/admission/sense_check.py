"""What is well-formed and cannot mean anything: a policy nothing can follow, a name that is blank; used by `admission`.

Only fresh specs are asked this: what was accepted once runs on, and is patched and resubmitted as it is.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from perdure.admission.flow_check import pattern_problem
from perdure.admission.json_path import Path, render
from perdure.admission.outline import OperationOutline, Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.contract.duration import parse_duration
from perdure.contract.name import RESULT_CANCELED
from perdure.contract.spec import DependentWhen
from perdure.contract.waiting import OnTimeout
from perdure.contract.wording import quoted

_VALUE, _PARAMETER = "API.FIELD.VALUE", "API.SPEC.PARAMETER"
_SHORTEST_SILENCE = timedelta(milliseconds=100)
"""Attempts of 50 ms of silence were seen to complete on an idle machine, those of 10 ms to be lost."""


def sense_problems(spec: Outline) -> Iterator[Problem]:
    """Everything of this kind in one job."""
    yield from _blank_problems(spec)
    yield from _retry_problems(spec.fields.get("retry"), (*spec.path, "retry"))
    yield from _never_parked(spec)
    for step in spec.steps:
        yield from _step_problems(step)


def _step_problems(step: StepOutline) -> Iterator[Problem]:
    for place, rule in _entries(step.fields.get("catch")):
        yield from _codes(rule, "errors", (*step.path, "catch", place))
    for operation in filter(None, (step, step.compensate)):
        yield from _retry_problems(operation.fields.get("retry"), (*operation.path, "retry"))
        yield from _heartbeat_problem(operation)
        for path, message in _PARAMS.get(operation.type or "", _none)(operation):
            yield Problem(render((*operation.path, "with", *path)), _PARAMETER, message)


def _entries(value: Any) -> Iterator[tuple[int, Any]]:
    yield from enumerate(value if isinstance(value, list) else ())


def _retry_problems(retry: Any, path: Path) -> Iterator[Problem]:
    for place, pattern in _entries(retry.get("non_retryable_errors") if isinstance(retry, Mapping) else None):
        yield from pattern_problem(pattern, (*path, "non_retryable_errors", place))
    yield from _codes(retry, "non_retryable_errors", path)


def _heartbeat_problem(operation: OperationOutline) -> Iterator[Problem]:
    given = operation.fields.get("heartbeat_timeout")
    if not isinstance(given, str):
        return
    try:
        silence = parse_duration(given)
    except ValueError:
        return
    if silence < _SHORTEST_SILENCE:
        message = "no worker reports that often, so every attempt would be taken for lost: give at least 100ms"
        yield Problem(render((*operation.path, "heartbeat_timeout")), _VALUE, message)


def _codes(holder: Any, name: str, path: Path) -> Iterator[Problem]:
    for place, pattern in _entries(holder.get(name) if isinstance(holder, Mapping) else None):
        if pattern == RESULT_CANCELED:
            message = f"{RESULT_CANCELED} is no failure: a step that is stopped is neither tried again nor caught"
            yield Problem(render((*path, name, place)), _VALUE, message)


def _blank_problems(spec: Outline) -> Iterator[Problem]:
    labels = spec.fields.get("labels")
    named: dict[Path, Any] = {(name,): spec.fields.get(name) for name in ("correlation_id", "fairness_key")}
    named |= {("labels", key): value for key, value in (labels.items() if isinstance(labels, Mapping) else ())}
    for path, value in named.items():
        if _is_blank(value):
            message = "must have more than spaces: give it a text, or leave it out"
            yield Problem(render((*spec.path, *path)), _VALUE, message)


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not value.strip()


def _never_parked(spec: Outline) -> Iterator[Problem]:
    policy = spec.fields.get("dead_letter")
    if not isinstance(policy, Mapping) or policy.get("enabled") is not False:
        return
    for dependent in spec.dependents:
        if dependent.fields.get("when") == DependentWhen.DEAD_LETTER:
            message = "this job is never parked (dead_letter.enabled is false), so this is never started: use failure"
            yield Problem(render((*dependent.path, "when")), _VALUE, message)


_Told = Iterator[tuple[Path, str]]


def _none(_: OperationOutline) -> _Told:
    yield from ()


def _waiting(operation: OperationOutline) -> _Told:
    params = operation.params
    if params.get("timeout") is None and params.get("on_timeout") == OnTimeout.CONTINUE:
        yield ("on_timeout",), "without a timeout the wait has no end: give `timeout`, or leave this out"


def _wait(operation: OperationOutline) -> _Told:
    yield from _waiting(operation)
    if _is_blank(operation.params.get("name")):
        yield ("name",), "must have more than spaces: it is what a delivery names"
    if operation.params.get("schema") is False:
        yield ("schema",), "false lets no payload pass, so nothing could end the wait: describe one, or leave it out"


def _compute(operation: OperationOutline) -> _Told:
    if operation.params.get("expression") is None:
        return
    for name in ("value", "algorithm"):
        if name in operation.params:
            hint = ": name what it needs in the expression, as input.rows" if name == "value" else ""
            yield (name,), f"belongs to `operation`; an expression takes no `{name}`{hint}"


def _http_call(operation: OperationOutline) -> _Told:
    headers = operation.params.get("headers")
    first: dict[str, str] = {}
    for name in headers if isinstance(headers, Mapping) else ():
        if first.setdefault(name.lower(), name) != name:
            yield ("headers", name), f"is {quoted(first[name.lower()])} again: header names are the same in any case"


_PARAMS = {"WAIT": _wait, "APPROVAL": _waiting, "COMPUTE": _compute, "HTTP_CALL": _http_call}
