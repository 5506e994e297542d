"""A spec accepted, or refused with every problem in it; called by the API's submission."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from perdure.admission.dependent_check import (
    dependent_problems,
    id_length_problems,
    inherited_label_problems,
)
from perdure.admission.expression_check import expression_problems, places
from perdure.admission.fingerprint import fingerprint
from perdure.admission.order_check import order_problems
from perdure.admission.outline import Outline, outline
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError, Problem
from perdure.admission.size_check import expression_size_problem, key_size_problems, spec_size_problems
from perdure.admission.step_check import step_problems
from perdure.admission.step_order import StepOrder
from perdure.admission.structure import check_structure
from perdure.contract.limit import JobLimits
from perdure.contract.spec import JobSpec, effective


@dataclass(frozen=True, slots=True)
class Admitted:
    """An accepted spec with every default filled in, and the fingerprint of what was sent."""

    spec: JobSpec
    fingerprint: str


def admit(document: Any, limits: JobLimits | None = None) -> Admitted:
    """Accept a JSON document (as `read_json` gives it) as a job spec.

    Raises:
        AdmissionError: API.VALIDATION with all problems at once, structure and meaning.
    """
    spec, structural = check_structure(JobSpec, document)
    semantic = list(islice(_semantic_problems(outline(document)), MAX_PROBLEMS + 1))
    if spec is None or semantic:
        raise AdmissionError("API.VALIDATION", _merged(structural, semantic))
    complete = effective(spec)
    too_large = list(spec_size_problems(complete, limits or JobLimits()))
    if too_large:
        raise AdmissionError("API.VALIDATION", too_large)
    return Admitted(complete, fingerprint(document))


def check_ids(admitted: Admitted, job_id: str) -> None:
    """Check what depends on the job's id, once it is known.

    Raises:
        AdmissionError: API.VALIDATION for ids of dependents that would be too long.
    """
    problems = list(islice(id_length_problems(admitted.spec, job_id), MAX_PROBLEMS + 1))
    if problems:
        raise AdmissionError("API.VALIDATION", problems)


def _semantic_problems(spec: Outline) -> Iterator[Problem]:
    oversized = expression_size_problem(place for job in spec.jobs() for place in places(job))
    for job in spec.jobs():
        order = StepOrder.of(job)
        yield from order_problems(job, order)
        yield from step_problems(job)
        yield from key_size_problems(job)
        yield from dependent_problems(job)
        if oversized is None:
            yield from expression_problems(places(job), order)
    if oversized is not None:
        yield oversized
    yield from inherited_label_problems(spec, {})


def _merged(structural: list[Problem], semantic: list[Problem]) -> Iterator[Problem]:
    """One account of each place: what the meaning says is the better one."""
    told = {problem.path for problem in semantic}
    return chain((problem for problem in structural if problem.path not in told), semantic)
