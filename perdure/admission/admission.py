"""A spec accepted, or refused with every problem in it; called by the API's submission."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

from perdure.admission.child_check import (
    child_problems,
    child_structure_problems,
    id_length_problems,
    inherited_label_problems,
)
from perdure.admission.expression_check import expression_problems, places
from perdure.admission.fan_out_check import fan_out_problems
from perdure.admission.fingerprint import fingerprint
from perdure.admission.flow_check import flow_problems
from perdure.admission.order_check import order_problems
from perdure.admission.outline import Outline, outline
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError, Problem
from perdure.admission.sense_check import sense_problems
from perdure.admission.size_check import (
    expression_size_problem,
    key_size_problems,
    schema_size_problem,
    spec_size_problems,
)
from perdure.admission.step_check import step_problems
from perdure.admission.step_order import StepOrder
from perdure.admission.structure import check_structure
from perdure.contract.limit import JobLimits
from perdure.contract.spec import JobSpec, effective


@dataclass(frozen=True, slots=True)
class Admitted:
    """An accepted spec with every default filled in, the fingerprint of what was sent, and what `check_ids` reads."""

    spec: JobSpec
    fingerprint: str
    outline: Outline


def admit(
    document: Any, limits: JobLimits | None = None, now: datetime | None = None, *, again: bool = False
) -> Admitted:
    """Accept a JSON document (as `read_json` gives it) as a job spec.

    Args:
        document: the spec as sent.
        limits: those the job will run under.
        now: with a time zone; without it a `start_at` may be any time ahead.
        again: a spec that was accepted before: what makes no sense in it is let pass.

    Raises:
        AdmissionError: API.VALIDATION with all problems at once, structure and meaning.
    """
    limits, sketch = limits or JobLimits(), outline(document)
    spec, structural = check_structure(JobSpec, document)
    structural += islice(child_structure_problems(sketch), MAX_PROBLEMS + 1)
    found = _semantic_problems(sketch, limits, now)
    if not again:
        found = chain(found, *(sense_problems(job) for job in sketch.jobs()))
    semantic = list(islice(found, MAX_PROBLEMS + 1))
    if spec is None or structural or semantic:
        raise AdmissionError("API.VALIDATION", _merged(structural, semantic))
    complete = effective(spec)
    too_large = list(spec_size_problems(complete, limits))
    if too_large:
        raise AdmissionError("API.VALIDATION", too_large)
    return Admitted(complete, fingerprint(document), sketch)


def check_ids(admitted: Admitted, job_id: str) -> None:
    """Check what depends on the job's id, once it is known.

    Raises:
        AdmissionError: API.VALIDATION for ids of jobs within it that would be too long.
    """
    problems = list(islice(id_length_problems(admitted.outline, job_id), MAX_PROBLEMS + 1))
    if problems:
        raise AdmissionError("API.VALIDATION", problems)


def _semantic_problems(spec: Outline, limits: JobLimits, now: datetime | None) -> Iterator[Problem]:
    oversized = expression_size_problem(place for job in spec.jobs() for place in places(job))
    too_much_schema = schema_size_problem(spec)
    for job in spec.jobs():
        order = StepOrder.of(job)
        yield from order_problems(job, order)
        yield from step_problems(job, schemas=too_much_schema is None)
        yield from key_size_problems(job)
        yield from flow_problems(job, now)
        yield from child_problems(job)
        if oversized is None:
            yield from expression_problems(places(job), order)
    yield from filter(None, (oversized, too_much_schema))
    yield from fan_out_problems(spec, limits.items)
    yield from inherited_label_problems(spec, {})


def _merged(structural: list[Problem], semantic: list[Problem]) -> Iterator[Problem]:
    """One account of each place: what the meaning says is the better one."""
    told = {problem.path for problem in semantic}
    return chain((problem for problem in structural if problem.path not in told), semantic)
