"""Bounds of a spec that no single field shows: expressions in all, and bytes once defaults are filled in."""

from collections.abc import Iterable, Iterator
from typing import Any

from perdure.admission.expression_check import Place
from perdure.admission.json_path import render
from perdure.admission.outline import Outline
from perdure.admission.problem import Problem
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import JobLimits
from perdure.contract.spec import JobSpec
from perdure.expressions import expression_size
from perdure.expressions.limit import SCHEMA_BYTES, TEMPLATE_LENGTH

FAIRNESS_KEY_BYTES = 64
"""Temporal's bound."""
_CODE = "API.SPEC.LIMIT"


def expression_size_problem(found: Iterable[Place]) -> Problem | None:
    """The problem of a spec with more expressions than admission reads; the others are then not looked for."""
    total = 0
    for place in found:
        total += expression_size(place.value)
        if total > TEMPLATE_LENGTH:
            message = (
                f"the expressions of a job have at most {TEMPLATE_LENGTH} characters together (a short one counts 50):"
                " pass data through `input` instead"
            )
            return Problem(render(place.path), _CODE, message)
    return None


def schema_size_problem(spec: Outline) -> Problem | None:
    """The problem of a spec with more JSON Schema than admission reads; what is wrong in it is then not told."""
    total = 0
    for job in spec.jobs():
        for step in job.steps:
            total += json_bytes(step.params["schema"]) if step.type == "WAIT" and "schema" in step.params else 0
            if total > SCHEMA_BYTES:
                message = f"the schemas of a job have at most {SCHEMA_BYTES} bytes together: describe less"
                return Problem(render((*step.path, "with", "schema")), _CODE, message)
    return None


def key_size_problems(spec: Outline) -> Iterator[Problem]:
    """A fairness key that Temporal would refuse: it counts bytes."""
    key: Any = spec.fields.get("fairness_key")
    if isinstance(key, str) and len(key) <= FAIRNESS_KEY_BYTES < len(key.encode()):
        message = f"has {len(key.encode())} bytes in UTF-8; at most {FAIRNESS_KEY_BYTES} are allowed"
        yield Problem(render((*spec.path, "fairness_key")), _CODE, message)


def spec_size_problems(spec: JobSpec, limits: JobLimits) -> Iterator[Problem]:
    """A spec that fills the job's whole state by itself."""
    size = json_bytes(spec.model_dump(mode="json", by_alias=True))
    if size > limits.state_bytes:
        message = (
            f"with all defaults filled in the spec has {size} bytes; spec, outputs and result of a job"
            f" have at most {limits.state_bytes} together: send less input or fewer steps"
        )
        yield Problem("$", _CODE, message)
