"""Cheap steps in a row and side by side are made in batches, and end as if each had been alone."""

import pytest

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.integration.workflow.local_batches import UNTIL_THERE, batches, compute, folded, log, many


async def test_steps_in_a_row_are_made_in_one_batch_and_told_in_order(bench: Bench) -> None:
    handle = await bench.start([log("a"), compute("b", "1 + 1"), log("c")], output="${ steps.b.output }")
    assert (await bench.finish(handle)).output == 2
    assert await batches(handle) == [["a", "b", "c"]]
    job, journal = await folded(bench, handle)
    assert [(row.step_id, row.type.value) for row in journal if row.step_id] == [
        (step, kind) for step in "abc" for kind in ("STEP_SCHEDULED", "STEP_STARTED", "STEP_COMPLETED")
    ]
    attempts = [attempt for step in job.steps for attempt in step.attempts]
    assert [attempt.attempt for attempt in attempts] == [1, 1, 1]
    assert attempts == sorted(attempts, key=lambda attempt: (attempt.started_at, attempt.ended_at))


async def test_a_fork_and_its_join_are_made_in_one_batch(bench: Bench) -> None:
    steps = [
        log("root", depends_on=[]),
        log("left", depends_on=["root"]),
        log("right", depends_on=["root"]),
        log("join", depends_on=["left", "right"]),
        log("apart", depends_on=[]),
    ]
    handle = await bench.start(steps)
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert [sorted(batch) for batch in await batches(handle)] == [["apart", "join", "left", "right", "root"]]
    await folded(bench, handle)


async def test_a_step_that_needs_the_output_before_it_waits_for_its_turn(bench: Bench) -> None:
    steps = [
        compute("a", "20"),
        compute("b", "steps.a.output + 1"),
        compute("c", "has(steps.b.output) ? 1 : 2"),
        log("d", **{"with": {"message": "it is ${ steps.c.status }"}}),
    ]
    handle = await bench.start(steps, output=["${ steps.b.output }", "${ steps.c.output }"])
    assert (await bench.finish(handle)).output == [21, 1]
    assert await batches(handle) == [["a"], ["b"], ["c"], ["d"]]


async def test_what_an_earlier_batch_gave_may_be_used_ahead(bench: Bench) -> None:
    steps = [compute("a", "20"), {"id": "nap", "type": "SLEEP", "with": {"duration": "10ms"}}]
    handle = await bench.start([*steps, log("b"), compute("c", "steps.a.output + 1"), log("d")])
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a"], ["b", "c", "d"]]


async def test_conditions_and_fan_outs_have_their_turn_and_no_earlier(bench: Bench) -> None:
    steps = [
        log("a"),
        log("asked", when="${ input.go }"),
        log("not_asked", when="${ !input.go }"),
        compute("each", "item", **many("${ input.rows }")),
        compute("sum", "steps.each.output"),
    ]
    handle = await bench.start(steps, input={"go": True, "rows": [3, 4]})
    assert (await bench.finish(handle)).output == {"sum": [3, 4]}
    assert await batches(handle) == [["a"], ["asked"], ["each.0", "each.1"], ["sum"]]
    job, _ = await folded(bench, handle)
    assert [step.status for step in job.steps][:3] == ["COMPLETED", "COMPLETED", "SKIPPED"]


async def test_a_failure_in_the_middle_parks_its_step_and_nothing_after_it_ran(bench: Bench) -> None:
    handle = await bench.start([log("a"), compute("bad", "1 / 0"), log("c"), log("d")])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    assert await batches(handle) == [["a", "bad"]]
    assert (await bench.states(handle))["c"] == "PENDING"
    await handle.execute_update("retry", {"actor": "me", "patch": {"bad": {"expression": "1"}}})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert (await batches(handle))[1:] == [["bad.r2"], ["c", "d"]] or (await batches(handle))[1:] == [
        ["bad.r2", "c", "d"]
    ]
    job, journal = await folded(bench, handle)
    assert [(row.step_id, row.type.value) for row in journal if row.type.value.startswith("STEP_")][:6] == [
        ("a", "STEP_SCHEDULED"), ("a", "STEP_STARTED"), ("a", "STEP_COMPLETED"),
        ("bad", "STEP_SCHEDULED"), ("bad", "STEP_STARTED"), ("bad", "STEP_ATTEMPT_FAILED"),
    ]  # fmt: skip
    assert [step.attempt_count for step in job.steps] == [1, 2, 1, 1]


async def test_a_failure_that_is_tolerated_or_caught_lets_the_rest_go_on(bench: Bench) -> None:
    steps = [
        compute("bad", "1 / 0", continue_on_error=True),
        log("b"),
        compute("worse", "input.nothing", catch=[{"output": "plan b"}]),
        log("d"),
    ]
    handle = await bench.start(steps, output="${ steps.worse.output }")
    result = await bench.finish(handle)
    assert (result.status, result.output) == (JobStatus.COMPLETED_WITH_ERRORS, "plan b")
    assert await batches(handle) == [["bad"], ["b", "worse"], ["d"]] or await batches(handle) == [["bad"], ["b"], ["d"]]
    await folded(bench, handle)


async def test_a_failed_job_omits_what_was_to_follow(bench: Bench) -> None:
    steps = [log("a"), compute("bad", "1 / 0"), log("c"), log("d")]
    handle = await bench.start(steps, dead_letter={"enabled": False})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    job, _ = await folded(bench, handle)
    assert [step.status for step in job.steps] == ["COMPLETED", "FAILED", "OMITTED", "OMITTED"]


async def test_one_that_gives_too_much_runs_remotely_and_the_rest_has_its_turn_after_it(bench: Bench) -> None:
    handle = await bench.start([log("a"), compute("big", "input"), log("c"), log("d")], input="x" * 40_000, output=1)
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a", "big"], ["c", "d"]]
    job, _ = await folded(bench, handle)
    assert [step.attempt_count for step in job.steps] == [1, 1, 1, 1]


async def test_a_retryable_failure_goes_on_remotely_with_its_attempt_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = log("a", **{"with": {"message": "${ secrets.LOCAL_BATCH }"}}, retry=UNTIL_THERE)
    handle = await bench.start([secret, log("b"), log("c")])

    async def tried() -> bool:
        return bool(await batches(handle))

    await bench.eventually(tried)
    monkeypatch.setenv("PERDURE_SECRET_LOCAL_BATCH", "there by now")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a"], ["b", "c"]]
    job, _ = await folded(bench, handle)
    outcomes = [attempt.outcome for attempt in job.steps[0].attempts]
    assert (outcomes[0], outcomes[-1]) == ("FAILED", "COMPLETED")
