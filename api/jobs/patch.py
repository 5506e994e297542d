"""Patches of a retry, checked against the job's own spec before anything is sent; called by `decision`."""

from collections.abc import Iterator, Mapping
from typing import Any

from perdure.admission.admission import admit
from perdure.admission.json_path import render
from perdure.admission.problem import AdmissionError, Problem
from perdure.admission.wording import listed, meant, quoted
from perdure.contract.execution import JobStart
from perdure.contract.identifier import parse_unit_id
from perdure.contract.json_size import json_bytes

Patch = Mapping[str, Mapping[str, Any]]


def check_patch(start: JobStart, patch: Patch, steps: list[str] | None) -> None:
    """Accept a patch, or refuse it with every problem in it.

    Args:
        start: what the job runs with; earlier patches count where it is that of a later run.
        patch: by step id the fields of `with` that are replaced.
        steps: the steps that run again, where they were named.

    Raises:
        AdmissionError: API.VALIDATION with the places in the patch.
    """
    problems = [*_unknown(start, patch), *_not_run(patch, steps)]
    if not problems:
        problems = [*_too_large(start, patch), *_wrong(start, patch)]
    if problems:
        raise AdmissionError("API.VALIDATION", problems)


def _unknown(start: JobStart, patch: Patch) -> Iterator[Problem]:
    known = [step.id for step in start.spec.steps]
    for id_ in patch:
        if id_ not in known:
            message = f"there is no step {quoted(id_)}{meant(id_, known)}. The steps are {listed(known)}"
            yield Problem(render(("patch", id_)), "API.SPEC.STEP_UNKNOWN", message)


def _not_run(patch: Patch, steps: list[str] | None) -> Iterator[Problem]:
    again = None if steps is None else {unit.step for text in steps if (unit := parse_unit_id(text))}
    for id_ in patch:
        if again is not None and id_ not in again:
            message = f"only a step that runs again can be patched: name {quoted(id_)} in steps too"
            yield Problem(render(("patch", id_)), "API.FIELD.VALUE", message)


def _too_large(start: JobStart, patch: Patch) -> Iterator[Problem]:
    size = json_bytes(dict(patch))
    if size > start.limits.input_bytes:
        message = f"the patch has {size} bytes; at most {start.limits.input_bytes} are allowed"
        yield Problem(render(("patch",)), "API.SPEC.LIMIT", message)


def _wrong(start: JobStart, patch: Patch) -> list[Problem]:
    """What admission says of the patched steps' `with`; what it says of the rest, it once let pass."""
    document = start.spec.model_dump(mode="json", by_alias=True)
    patched = {render(("steps", place, "with")): step for place, step in enumerate(document["steps"])}
    patched = {path: step for path, step in patched.items() if step["id"] in patch}
    for step in patched.values():
        step["with"] = {**step["with"], **_before(start, step["id"]), **patch[step["id"]]}
    try:
        admit(document, start.limits)
    except AdmissionError as error:
        told = [(path, step["id"], problem) for problem in error.problems for path, step in patched.items()]
        return [_moved(problem, path, id_) for path, id_, problem in told if _is_within(problem.path, path)]
    return []


def _before(start: JobStart, id_: str) -> Mapping[str, Any]:
    state = start.carried.steps.get(id_) if start.carried else None
    return (state and state.patch) or {}


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _moved(problem: Problem, path: str, id_: str) -> Problem:
    return Problem(render(("patch", id_)) + problem.path[len(path) :], problem.code, problem.message)
