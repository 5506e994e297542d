"""Dependents: names that make ids, how deeply jobs nest, and what they inherit; used by `admission`."""

from collections.abc import Iterator, Mapping
from typing import Any

from perdure.admission.json_path import render
from perdure.admission.outline import DependentOutline, Outline
from perdure.admission.problem import Problem
from perdure.admission.wording import quoted
from perdure.contract.identifier import dependent_id
from perdure.contract.limit import MAX_LABELS, MAX_NESTING, MAX_WORKFLOW_ID
from perdure.contract.spec import JobSpec

_LIMIT, _DEPENDENT = "API.SPEC.LIMIT", "API.SPEC.DEPENDENT"
_PARKS = 1_000
"""Parks of a parent for whose dependents an id has room."""


def dependent_problems(spec: Outline) -> Iterator[Problem]:
    """What is wrong with the dependents of one job, apart from the specs inside them."""
    first: dict[str, int] = {}
    for place, dependent in enumerate(spec.dependents):
        if dependent.name is not None and first.setdefault(dependent.name, place) != place:
            message = f"the name {quoted(dependent.name)} is that of another dependent: names are unique"
            yield Problem(render((*dependent.path, "name")), _DEPENDENT, message)
        yield from _job_problems(spec, dependent)


def _job_problems(spec: Outline, dependent: DependentOutline) -> Iterator[Problem]:
    job = dependent.fields.get("job")
    path = (*dependent.path, "job")
    if not isinstance(job, dict):
        return
    if spec.level >= MAX_NESTING:
        message = f"jobs nest at most {MAX_NESTING} levels: submit this one by itself"
        yield Problem(render(path), _LIMIT, message)
    if job.get("id") is not None:
        message = "a dependent's id is made of its parent's and its name: leave this out"
        yield Problem(render((*path, "id")), _DEPENDENT, message)


def inherited_label_problems(spec: Outline, inherited: Mapping[str, Any]) -> Iterator[Problem]:
    """Dependents that would have too many labels: they take those of their parents as well."""
    own = spec.fields.get("labels")
    labels = {**inherited, **(own if isinstance(own, dict) else {})}
    if inherited and len(labels) > MAX_LABELS:
        message = f"with its parents' labels it has {len(labels)}; at most {MAX_LABELS} are allowed"
        yield Problem(render((*spec.path, "labels")), _LIMIT, message)
    for dependent in spec.dependents:
        if dependent.job is not None:
            yield from inherited_label_problems(dependent.job, labels)


def id_length_problems(spec: JobSpec, job_id: str, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Dependents whose ids would be longer than Temporal keeps, given the id of their parent."""
    for place, dependent in enumerate(spec.dependents):
        where = (*path, "dependents", place)
        id_ = dependent_id(job_id, dependent.name, _PARKS)
        if len(id_) > MAX_WORKFLOW_ID:
            message = f"its job id would have up to {len(id_)} characters; at most {MAX_WORKFLOW_ID} are allowed"
            yield Problem(render((*where, "name")), _LIMIT, f"{message}: use a shorter key or shorter names")
        else:
            yield from id_length_problems(dependent.job, id_, (*where, "job"))
