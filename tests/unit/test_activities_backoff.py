"""The wait between attempts, by properties."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.activity import Info
from temporalio.common import RetryPolicy as TemporalPolicy
from temporalio.testing import ActivityEnvironment

from activities.policy import attempts_left, policy_in_force, time_allowed
from perdure.contract.backoff import LONGEST_RETRY_AFTER, base_delay, retry_delay
from perdure.contract.duration import parse_duration
from perdure.contract.ledger import AttemptLedger, AttemptRecord
from perdure.contract.limit import MAX_ATTEMPTS
from perdure.contract.spec import RetryPolicy
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepInput

durations = st.builds("{}{}".format, st.integers(1, 1_000), st.sampled_from(["ms", "s", "m"]))
policies = st.builds(
    RetryPolicy,
    initial_interval=durations,
    maximum_interval=durations,
    backoff_coefficient=st.floats(1, 100),
    jitter=st.floats(0, 1),
)
attempts = st.integers(1, MAX_ATTEMPTS)


@given(policies, attempts)
def test_the_base_never_falls_and_never_passes_the_cap(policy: RetryPolicy, attempt: int) -> None:
    delay = base_delay(policy, attempt)
    cap = parse_duration(policy.maximum_interval)
    assert timedelta(0) < delay <= cap
    assert base_delay(policy, attempt + 1) >= delay
    assert base_delay(policy, 1) == min(cap, parse_duration(policy.initial_interval))


@given(policies, attempts, st.floats(0, 1))
def test_the_jitter_stays_in_its_bounds(policy: RetryPolicy, attempt: int, draw: float) -> None:
    base, delay = base_delay(policy, attempt), retry_delay(policy, attempt, draw)
    cap = parse_duration(policy.maximum_interval)
    rounding = timedelta(milliseconds=1)
    assert rounding <= delay <= cap
    assert base * (1 - policy.jitter) - rounding <= delay <= base * (1 + policy.jitter) + rounding


@given(policies, attempts, st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_retry_after_only_ever_makes_it_longer(
    policy: RetryPolicy, attempt: int, draw: float, asked: timedelta
) -> None:
    alone = retry_delay(policy, attempt, draw)
    delay = retry_delay(policy, attempt, draw, asked)
    assert delay == max(alone, min(asked, LONGEST_RETRY_AFTER))


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (999, 300)])
def test_the_defaults_double_up_to_five_minutes(attempt: int, seconds: int) -> None:
    assert base_delay(RetryPolicy(), attempt) == timedelta(seconds=seconds)


def test_attempt_1000_with_the_largest_coefficient_does_not_overflow() -> None:
    policy = RetryPolicy(initial_interval="1ms", maximum_interval="365d", backoff_coefficient=100)
    assert base_delay(policy, 1000) == timedelta(days=365)


def test_the_draw_in_the_middle_changes_nothing() -> None:
    assert retry_delay(RetryPolicy(), 3, 0.5) == timedelta(seconds=4)


# What the server's own idea of the policy changes (`temporal activity update-options`).


def info(**changes: Any) -> Info:
    return replace(ActivityEnvironment.default_info(), **{"is_local": False, **changes})


def call(retry: RetryPolicy, **changes: Any) -> StepInput:
    fields: dict[str, Any] = {
        "job_id": "default:1",
        "job_name": "n",
        "job_type": "INLINE",
        "tenant": "default",
        "step_id": "one",
        "step_type": "LOG",
        "params": {},
        "idempotency_key": "default:1/one",
        "retry": retry,
        "timeout": "60s",
    }
    return StepInput(**{**fields, **changes})


def as_scheduled(policy: RetryPolicy, made: int = 0) -> TemporalPolicy:
    """As the workflow hands it to Temporal."""
    longest = parse_duration(policy.maximum_interval)
    return TemporalPolicy(
        initial_interval=min(parse_duration(policy.initial_interval), longest),
        backoff_coefficient=policy.backoff_coefficient,
        maximum_interval=longest,
        maximum_attempts=policy.maximum_attempts - made,
    )


@given(policies, attempts)
def test_what_the_server_tells_of_an_unchanged_policy_changes_no_wait(policy: RetryPolicy, attempt: int) -> None:
    told = policy_in_force(info(retry_policy=as_scheduled(policy)), call(policy))
    assert base_delay(told, attempt) == base_delay(policy, attempt)
    assert told.jitter == policy.jitter


@given(st.integers(2, MAX_ATTEMPTS), st.integers(0, 20), st.integers(1, MAX_ATTEMPTS))
def test_attempts_run_out_where_the_spec_says_however_many_were_made_before(
    allowed: int, made: int, attempt: int
) -> None:
    policy = RetryPolicy(maximum_attempts=allowed)
    before = AttemptLedger()
    for number in range(1, min(made, allowed - 1) + 1):
        before = before.put(AttemptRecord(attempt=number, outcome=AttemptOutcome.FAILED))
    step = call(policy, before=before)
    left = allowed - before.count - attempt
    assert attempts_left(info(attempt=attempt, retry_policy=as_scheduled(policy, before.count)), step) == left
    assert attempts_left(info(attempt=attempt, retry_policy=None), step) == left


def test_changed_options_are_in_force() -> None:
    changed = TemporalPolicy(
        initial_interval=timedelta(milliseconds=1500),
        backoff_coefficient=3,
        maximum_interval=timedelta(seconds=9),
        maximum_attempts=0,
    )
    step = call(RetryPolicy(maximum_attempts=2, jitter=0.5))
    told = policy_in_force(info(retry_policy=changed), step)
    waits = [base_delay(told, attempt).total_seconds() for attempt in (1, 2, 3)]
    assert (waits, told.jitter) == ([1.5, 4.5, 9], 0.5)
    assert attempts_left(info(retry_policy=changed, attempt=50), step) is None


def test_a_local_try_follows_the_spec() -> None:
    once = TemporalPolicy(maximum_attempts=1)
    step = call(RetryPolicy(maximum_attempts=4))
    local = info(is_local=True, retry_policy=once, start_to_close_timeout=timedelta(seconds=1))
    assert (attempts_left(local, step), time_allowed(local, step)) == (3, "60s")
