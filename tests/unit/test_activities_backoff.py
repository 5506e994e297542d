"""The wait between attempts, by properties."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.contract.backoff import LONGEST_RETRY_AFTER, base_delay, retry_delay
from perdure.contract.duration import parse_duration
from perdure.contract.limit import MAX_ATTEMPTS
from perdure.contract.spec import RetryPolicy

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
