"""Jobs within a job (dependents, and those of JOB steps): names, ids, how deeply they nest; used by `admission`."""

from collections.abc import Iterator, Mapping
from typing import Any

from perdure.admission.json_path import Path, render
from perdure.admission.outline import Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.admission.structure import check_structure
from perdure.contract.identifier import child_id, dependent_id
from perdure.contract.limit import MAX_ITEMS, MAX_LABELS, MAX_NESTING, MAX_WORKFLOW_ID
from perdure.contract.spec import JobSpec
from perdure.contract.wording import quoted

_LIMIT, _DEPENDENT, _VALUE = "API.SPEC.LIMIT", "API.SPEC.DEPENDENT", "API.FIELD.VALUE"
_LATER = 1_000
"""Parks of a parent, and rounds of a JOB step, for whose children an id has room."""


def child_structure_problems(spec: Outline) -> Iterator[Problem]:
    """What is malformed in the jobs of JOB steps; the model of a spec does not look into parameters."""
    for job in spec.jobs():
        for step in job.steps:
            if step.job is not None:
                _, problems = check_structure(JobSpec, step.job.fields, step.job.path)
                yield from problems


def child_problems(spec: Outline) -> Iterator[Problem]:
    """What is wrong with the jobs right within this one, apart from what is in them."""
    for step in spec.steps:
        if step.type == "JOB":
            message = "the id of a JOB step's job is made of its parent's and the step's: leave this out"
            yield from _job_problems(spec, step.params, (*step.path, "with"), Problem("", _VALUE, message))
    first: dict[str, int] = {}
    for place, dependent in enumerate(spec.dependents):
        if dependent.name is not None and first.setdefault(dependent.name, place) != place:
            message = f"the name {quoted(dependent.name)} is that of another dependent: names are unique"
            yield Problem(render((*dependent.path, "name")), _DEPENDENT, message)
        message = "a dependent's id is made of its parent's and its name: leave this out"
        yield from _job_problems(spec, dependent.fields, dependent.path, Problem("", _DEPENDENT, message))


def _job_problems(spec: Outline, around: Mapping[str, Any], above: Path, own_id: Problem) -> Iterator[Problem]:
    job, path = around.get("job"), (*above, "job")
    if not isinstance(job, dict):
        return
    if spec.level >= MAX_NESTING:
        message = f"jobs nest at most {MAX_NESTING} levels: submit this one by itself"
        yield Problem(render(path), _LIMIT, message)
    if job.get("id") is not None:
        yield Problem(render((*path, "id")), own_id.code, own_id.message)


def inherited_label_problems(spec: Outline, inherited: Mapping[str, Any]) -> Iterator[Problem]:
    """Jobs that would have too many labels: they take those of their parents as well."""
    own = spec.fields.get("labels")
    labels = {**inherited, **(own if isinstance(own, dict) else {})}
    if inherited and len(labels) > MAX_LABELS:
        message = f"with its parents' labels it has {len(labels)}; at most {MAX_LABELS} are allowed"
        yield Problem(render((*spec.path, "labels")), _LIMIT, message)
    for child in spec.children():
        yield from inherited_label_problems(child, labels)


def id_length_problems(spec: Outline, job_id: str) -> Iterator[Problem]:
    """Jobs within this one whose ids would be longer than Temporal keeps, given its own."""
    for step in spec.steps:
        if step.job is not None:
            id_ = child_id(job_id, step.id or "", _last_index(step), _LATER)
            yield from _id_problems(step.job, id_, (*step.path, "id"))
    for dependent in spec.dependents:
        if dependent.job is not None:
            id_ = dependent_id(job_id, dependent.name or "", _LATER)
            yield from _id_problems(dependent.job, id_, (*dependent.path, "name"))


def _id_problems(child: Outline, id_: str, named_by: Path) -> Iterator[Problem]:
    if len(id_) > MAX_WORKFLOW_ID:
        message = f"its job id would have up to {len(id_)} characters; at most {MAX_WORKFLOW_ID} are allowed"
        yield Problem(render(named_by), _LIMIT, f"{message}: use a shorter key or shorter names")
    else:
        yield from id_length_problems(child, id_)


def _last_index(step: StepOutline) -> int | None:
    if not step.each:
        return None
    return (MAX_ITEMS if step.items is None else max(len(step.items), 1)) - 1
