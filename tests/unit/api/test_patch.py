"""A retry's patch is checked against the job's own spec, and nothing else of that spec is judged again."""

from typing import Any

import pytest

from api.jobs.patch import check_patch
from perdure.admission.admission import admit
from perdure.admission.problem import AdmissionError
from perdure.contract.execution import JobStart, JobState, StepState
from perdure.contract.limit import JobLimits

STEPS: list[dict[str, Any]] = [
    {"id": "fetch", "type": "HTTP_CALL", "with": {"method": "POST", "url": "http://a.example", "json": {"a": 1}}},
    {"id": "total", "type": "COMPUTE", "with": {"expression": "input.n"}},
    {"id": "note", "type": "LOG", "with": {"message": "x"}},
]


def start(carried: JobState | None = None, limits: JobLimits | None = None) -> JobStart:
    spec = admit({"name": "x", "input": {"url": "http://a.example", "n": 1}, "steps": STEPS}).spec
    return JobStart(spec=spec, tenant="default", carried=carried, limits=limits or JobLimits())


def problems(patch: dict[str, Any], steps: list[str] | None = None, **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(AdmissionError) as refused:
        check_patch(start(**fields), patch, steps)
    assert refused.value.code == "API.VALIDATION"
    return [(problem.path, problem.code) for problem in refused.value.problems]


@pytest.mark.parametrize(
    "patch",
    [
        {"fetch": {"url": "https://b.example/v2"}},
        {"fetch": {"url": "${ input.url }/v2", "headers": {"X-Key": "${ secrets.KEY }"}}},
        {"total": {"expression": "input.n * 2"}, "note": {"message": "${ steps.total.output }"}},
    ],
)
def test_a_patch_that_fits_is_taken(patch: dict[str, Any]) -> None:
    check_patch(start(), patch, None)


@pytest.mark.parametrize(
    ("patch", "place", "code"),
    [
        ({"zz": {"x": 1}}, "$.patch.zz", "STEP_UNKNOWN"),
        ({"fetch": {"nope": 1}}, "$.patch.fetch.nope", "PARAMETER"),
        ({"fetch": {"url": "no url"}}, "$.patch.fetch.url", "PARAMETER"),
        ({"fetch": {"body": "text"}}, "$.patch.fetch", "PARAMETER"),
        ({"fetch": {"url": None}}, "$.patch.fetch.url", "PARAMETER"),
        ({"fetch": {"headers": {"a b": "x"}}}, '$.patch.fetch.headers["a b"]', "PARAMETER"),
        ({"fetch": {"url": "${ steps.total.output }"}}, "$.patch.fetch.url", "EXPRESSION"),
        ({"total": {"expression": "1 +"}}, "$.patch.total.expression", "EXPRESSION"),
        ({"note": {"message": "${ nobody.there }"}}, "$.patch.note.message", "EXPRESSION"),
    ],
)
def test_a_patch_that_does_not_is_refused_with_its_place(patch: dict[str, Any], place: str, code: str) -> None:
    assert (place, f"API.SPEC.{code}") in problems(patch)


def test_every_problem_of_a_patch_is_told_at_once() -> None:
    told = problems({"fetch": {"nope": 1}, "total": {"expression": "1 +"}})
    assert {path for path, _ in told} == {"$.patch.fetch.nope", "$.patch.total.expression"}


def test_only_what_runs_again_can_be_patched() -> None:
    assert problems({"fetch": {"url": "http://b.example"}}, ["total"]) == [("$.patch.fetch", "API.FIELD.VALUE")]
    check_patch(start(), {"fetch": {"url": "http://b.example"}}, ["fetch.7"])


def test_earlier_patches_count() -> None:
    before = JobState(steps={"fetch": StepState(patch={"json": None, "body": "text"})})
    check_patch(start(before), {"fetch": {"body": "other"}}, None)
    assert problems({"fetch": {"body": "other"}}) == [("$.patch.fetch", "API.SPEC.PARAMETER")]


def test_a_patch_is_bounded() -> None:
    small = JobLimits(input_bytes=100)
    assert problems({"note": {"message": "x" * 100}}, limits=small) == [("$.patch", "API.SPEC.LIMIT")]
