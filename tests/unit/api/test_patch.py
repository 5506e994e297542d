"""A retry's patch is checked against the job's own spec, and nothing else of that spec is judged again."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.jobs.patch import check_patch
from perdure.admission.admission import admit
from perdure.admission.problem import AdmissionError
from perdure.contract.command import RetryCommand
from perdure.contract.execution import JobStart, JobState, StepState, UnitState
from perdure.contract.limit import JobLimits
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.record import JobRecord, StepRecord

UNDO = {"type": "LOG", "with": {"message": "undone"}}
STEPS: list[dict[str, Any]] = [
    {"id": "fetch", "type": "HTTP_CALL", "with": {"method": "POST", "url": "http://a.example", "json": {"a": 1}}},
    {"id": "total", "type": "COMPUTE", "with": {"expression": "input.n"}, "compensate": UNDO},
    {"id": "note", "type": "LOG", "with": {"message": "x"}},
]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def start(carried: JobState | None = None, limits: JobLimits | None = None) -> JobStart:
    spec = admit({"name": "x", "input": {"url": "http://a.example", "n": 1}, "steps": STEPS}).spec
    return JobStart(spec=spec, tenant="default", carried=carried, limits=limits or JobLimits())


def job(**statuses: StepStatus) -> JobRecord:
    """Every step parked, but for those said to be otherwise."""
    steps = [
        StepRecord(
            id=step["id"], type=step["type"], position=place, status=statuses.get(step["id"], StepStatus.DEAD_LETTERED)
        )
        for place, step in enumerate(STEPS)
    ]
    fields: dict[str, Any] = {"type": "INLINE", "queue": "default", "priority": 3, "last_event_id": 9, "run_id": "r"}
    fields |= {"created_at": NOW, "run_started_at": NOW, "status": JobStatus.DEAD_LETTERED, "steps": steps}
    return JobRecord(id="default:x", tenant="default", name="x", **fields)


def check(patch: dict[str, Any], *, now: JobRecord | None = None, given: JobStart | None = None, **fields: Any) -> None:
    check_patch(given or start(), now or job(), RetryCommand(patch=patch, **fields))


def problems(patch: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(AdmissionError) as refused:
        check(patch, **fields)
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
    check(patch)


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
    told = problems({"zz": {"x": 1}, "fetch": {"nope": 1}, "total": {"expression": "1 +"}})
    assert {path for path, _ in told} == {"$.patch.zz", "$.patch.fetch.nope", "$.patch.total.expression"}


def test_only_what_runs_again_can_be_patched() -> None:
    url = {"fetch": {"url": "http://b.example"}}
    assert problems(url, steps=["total"]) == [("$.patch.fetch", "API.FIELD.VALUE")]
    check(url, steps=["fetch.7"])
    check({"fetch.7": {"url": "http://b.example"}})


def test_where_nothing_is_parked_only_the_patch_itself_is_judged() -> None:
    none = {step["id"]: StepStatus.COMPLETED for step in STEPS}
    moved_on = job(**none).model_copy(update={"status": JobStatus.RUNNING})
    check({"fetch": {"url": "http://b.example"}}, now=moved_on)
    assert problems({"fetch": {"nope": 1}}, now=moved_on)[0][0] == "$.patch.fetch.nope"


def test_earlier_patches_count() -> None:
    before = JobState(steps={"fetch": StepState(patch={"json": None, "body": "text"})})
    check({"fetch": {"body": "other"}}, given=start(before))
    assert problems({"fetch": {"body": "other"}}) == [("$.patch.fetch", "API.SPEC.PARAMETER")]


def test_a_parked_compensation_is_patched_by_its_own_parameters() -> None:
    compensating = job(total=StepStatus.COMPLETED)
    for key in ("total.compensate", "total.7.compensate", "total"):
        check({key: {"message": "undone by hand"}}, now=compensating)
    place = '$.patch["total.compensate"].expression'
    assert problems({"total.compensate": {"expression": "1"}}) == [(place, "API.SPEC.PARAMETER")]
    assert problems({"total": {"expression": "1"}}, now=compensating) == [
        ("$.patch.total.expression", "API.SPEC.PARAMETER")
    ]
    assert problems({"note.compensate": {"message": "x"}})[0][1] == "API.SPEC.STEP_UNKNOWN"


def test_what_begins_again_is_patched_itself_although_it_completed() -> None:
    check({"total": {"expression": "input.n * 2"}}, now=job(total=StepStatus.COMPLETED), from_step="total")


def test_earlier_patches_of_a_compensation_count() -> None:
    undone = {"total.compensate": UnitState(patch={"level": "warning"})}
    before = JobState(steps={"total": StepState(compensations=undone)})
    check({"total.compensate": {"message": "x"}}, given=start(before))


def test_a_patch_is_bounded() -> None:
    small = start(limits=JobLimits(output_bytes=100))
    assert problems({"note": {"message": "x" * 100}}, given=small) == [("$.patch", "API.SPEC.LIMIT")]
