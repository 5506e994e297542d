"""`catch`, `continue_on_error`, `effect` and where attempts go on, at the level of the workflow."""

from typing import Any

import pytest

from perdure.contract.error import ErrorClass
from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.integration.workflow.test_parking import call, refused
from tests.server.partner import Partner


def failing(code: str, **fields: Any) -> dict[str, Any]:
    return {"id": "bad", "type": "FAIL", "with": {"code": code, "message": "broken"}, **fields}


def after(expression: str) -> dict[str, Any]:
    return {"id": "after", "type": "COMPUTE", "with": {"expression": expression}}


@pytest.mark.parametrize("pattern", ["MY.CODE", "MY.*", "*", "*.CODE"])
async def test_b5_a_failure_that_is_caught_completes_the_step_with_the_rules_output(bench: Bench, pattern: str) -> None:
    result = await bench.run(
        [failing("MY.CODE", catch=[{"errors": [pattern], "output": {"found": False}}]), after("steps.bad.output.found")]
    )
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"after": False})


async def test_the_first_rule_that_names_the_code_counts_and_others_do_not_catch(bench: Bench) -> None:
    rules = [{"errors": ["OTHER.*"], "output": 1}, {"errors": ["X", "MY.*"], "output": 2}, {"output": 3}]
    assert (await bench.run([failing("MY.CODE", catch=rules)])).output == {"bad": 2}
    result = await bench.run([failing("MY.CODE", catch=rules[:1])], dead_letter={"enabled": False})
    assert result.status is JobStatus.FAILED


async def test_a_caught_output_may_tell_the_error(bench: Bench) -> None:
    rule = {"output": "${ steps.bad.error.code }: ${ steps.bad.error.message }"}
    assert (await bench.run([failing("MY.CODE", catch=[rule])])).output == {"bad": "MY.CODE: broken"}


async def test_a_caught_item_tells_its_own_error(bench: Bench) -> None:
    rule = {"output": "${ item }: ${ steps.bad.error.message }"}
    step = failing("MY.CODE", catch=[rule], for_each={"items": [1, 2]})
    step["with"]["message"] = "no ${ item }"
    assert (await bench.run([step])).output == {"bad": ["1: no 1", "2: no 2"]}


async def test_a_caught_output_without_a_value_fails_the_step_with_both_problems_told(bench: Bench) -> None:
    result = await bench.run(
        [failing("MY.CODE", catch=[{"output": "${ input.nothing }"}])], input={}, dead_letter={"enabled": False}
    )
    assert result.error is not None
    assert result.error.code == "ENGINE.EXPRESSION"
    assert "catch" in result.error.message


async def test_b5_with_continue_on_error_the_job_goes_on_and_completes_with_errors(bench: Bench) -> None:
    result = await bench.run([failing("MY.CODE", continue_on_error=True), after("steps.bad.status")])
    assert (result.status, result.output) == (JobStatus.COMPLETED_WITH_ERRORS, {"after": "FAILED"})
    assert result.error is not None
    assert (result.error.code, result.error_step) == ("MY.CODE", "bad")


async def test_an_at_most_once_step_that_surely_had_no_effect_is_repeated(bench: Bench, partner: Partner) -> None:
    partner.answers["/pay"] = [503, 500, 200]
    quick = {"maximum_attempts": 4, "initial_interval": "10ms", "maximum_interval": "20ms"}
    result = await bench.run([call(partner, "pay", effect="at_most_once", retry=quick)])
    assert result.status is JobStatus.COMPLETED
    assert partner.calls == {"/pay": 3}


async def test_an_at_most_once_step_has_no_more_attempts_than_its_policy_allows(bench: Bench, partner: Partner) -> None:
    partner.answers["/pay"] = [500]
    quick = {"maximum_attempts": 3, "initial_interval": "10ms"}
    steps = [call(partner, "pay", effect="at_most_once", retry=quick)]
    result = await bench.run(steps, dead_letter={"enabled": False})
    assert result.error is not None
    assert (result.error.code, partner.calls["/pay"]) == ("STEP.HTTP.5XX", 3)


async def test_an_at_most_once_attempt_that_timed_out_is_left_to_a_person(bench: Bench, partner: Partner) -> None:
    partner.delays["/pay"] = 4
    handle = await bench.start([call(partner, "pay", effect="at_most_once", timeout="2s")])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    assert partner.calls["/pay"] == 1
    assert await refused(handle, "retry") == "API.FORCE_REQUIRED"
    assert await refused(handle, "retry", {"force": True}) == "API.FORCE_REQUIRED"
    partner.delays["/pay"] = 0
    await handle.signal("retry")
    assert (await bench.states(handle))["pay"] == "DEAD_LETTERED"
    await handle.execute_update("retry", {"force": True, "reason": "the partner has no such payment", "actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.calls["/pay"] == 2


async def test_a_step_whose_total_timeout_leaves_no_next_attempt_says_so(bench: Bench, partner: Partner) -> None:
    partner.answers["/pay"] = [500]
    slow = {"maximum_attempts": 5, "initial_interval": "5s", "backoff_coefficient": 1.0, "jitter": 0.0}
    step = call(partner, "pay", total_timeout="3s", retry=slow)
    result = await bench.run([step], dead_letter={"enabled": False})
    assert result.error is not None
    assert (result.error.code, result.error.error_class) == ("STEP.TOTAL_TIMEOUT", ErrorClass.TIMEOUT)
    assert result.error.details["code"] == "STEP.HTTP.5XX"
    caught = {**step, "catch": [{"errors": ["STEP.TOTAL_TIMEOUT"], "output": "late"}]}
    assert (await bench.run([caught])).output == {"pay": "late"}
