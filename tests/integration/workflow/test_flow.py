"""The order steps run in, what they see of each other, and what the job returns."""

import asyncio
from typing import Any

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.server.partner import Partner


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": id_}, **fields}


def compute(id_: str, expression: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "COMPUTE", "with": {"expression": expression}, **fields}


async def test_outputs_of_earlier_steps_reach_later_ones(bench: Bench) -> None:
    result = await bench.run(
        [compute("twice", "input.n * 2"), compute("text", "'n is ' + string(steps.twice.output)")],
        input={"n": 21},
        output={"text": "${ steps.text.output }", "n": "${ steps.twice.output }"},
    )
    assert result.output == {"text": "n is 42", "n": 42}


async def test_the_default_output_is_that_of_the_last_steps(bench: Bench) -> None:
    steps = [compute("a", "1"), compute("b", "2", depends_on=["a"]), compute("c", "3", depends_on=["a"])]
    assert (await bench.run(steps)).output == {"b": 2, "c": 3}


async def test_b1_sleep_waits_as_long_as_it_says(bench: Bench) -> None:
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "${ input }"}}], input="700ms")
    started = asyncio.get_running_loop().time()
    result = await bench.finish(handle)
    assert result.status is JobStatus.COMPLETED
    assert asyncio.get_running_loop().time() - started > 0.5


async def test_b4_branches_run_in_parallel_and_a_join_waits_for_both(bench: Bench) -> None:
    wait = {"type": "WAIT", "with": {"name": "go"}}
    steps = [
        {"id": "left", **wait, "depends_on": []},
        {"id": "right", **wait, "depends_on": []},
        log("join", depends_on=["left", "right"]),
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "right", "WAITING")
    states = await bench.states(handle)
    assert (states["left"], states["join"]) == ("WAITING", "PENDING")
    await handle.execute_update("deliver", {"name": "go"})
    assert (await bench.states(handle))["join"] == "PENDING"
    await handle.execute_update("deliver", {"name": "go"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_false_condition_skips_the_step_and_counts_as_met(bench: Bench) -> None:
    steps = [
        compute("no", "1", when="${ input.go }"),
        compute("after", "steps.no.output == null && steps.no.status == 'SKIPPED'"),
    ]
    assert (await bench.run(steps, input={"go": False})).output == {"after": True}


async def test_an_expression_that_fails_parks_its_step_not_the_workflow_task(bench: Bench) -> None:
    handle = await bench.start([log("bad", **{"with": {"message": "${ input.none.of.this }"}})], input={})
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.cancel()


async def test_a_condition_that_is_no_boolean_fails_its_step(bench: Bench) -> None:
    result = await bench.run([log("a", when="${ input }")], input="yes", dead_letter={"enabled": False})
    assert result.error is not None
    assert (result.status, result.error.code, result.error_step) == (JobStatus.FAILED, "ENGINE.EXPRESSION", "a")


async def test_a_failing_output_expression_fails_the_job_with_its_code(bench: Bench) -> None:
    result = await bench.run([log("a")], output="${ steps.a.output.nothing }")
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "ENGINE.EXPRESSION")


async def test_the_idempotency_key_is_the_same_over_attempts(bench: Bench, partner: Partner) -> None:
    partner.answers["/pay"] = [500, 503, 200]
    handle = await bench.start(
        [
            {
                "id": "pay",
                "type": "HTTP_CALL",
                "with": {"url": f"{partner.url}/pay", "method": "POST"},
                "retry": {"initial_interval": "10ms"},
            }
        ]
    )
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.keys["/pay"] == [f"{handle.id}/pay"] * 3


async def test_two_hundred_parallel_steps_complete(bench: Bench) -> None:
    result = await bench.run([log(f"s{n}", depends_on=[]) for n in range(200)])
    assert result.status is JobStatus.COMPLETED


async def test_b13_numbers_and_text_stay_exact(bench: Bench) -> None:
    value = {"price": 19.99, "one": 1.0, "big": 9007199254740991, "text": "مرحبا 👋🏽", "none": None}
    result = await bench.run(
        [compute("same", "input"), compute("twice", "input.price * 2")],
        input=value,
        output={"same": "${ steps.same.output }", "twice": "${ steps.twice.output }"},
    )
    assert result.output == {"same": value, "twice": 39.98}


async def test_no_failed_workflow_task_was_seen(bench: Bench) -> None:
    """Runs last in this module: nothing above made a workflow task fail."""
    queue = f"perdure-{bench.queue}"
    wedged = bench.client.list_workflows(f'TaskQueue="{queue}" AND TemporalReportedProblems IS NOT NULL')
    assert [execution.id async for execution in wedged] == []


async def test_a_sleep_until_a_time_more_than_a_year_ahead_fails_and_does_not_end_early(bench: Bench) -> None:
    steps = [{"id": "nap", "type": "SLEEP", "with": {"until": "${ input.time }"}}]
    result = await bench.run(steps, input={"time": "2999-01-01T00:00:00Z"}, dead_letter={"enabled": False})
    assert result.error is not None
    assert (result.error.code, result.error_step) == ("STEP.PARAMETERS", "nap")
    assert result.error.message == "$.until: must be at most 365 days after the step begins"
