"""How long to wait before the next attempt of a step; pure arithmetic, used by the step wrapper."""

import math
from datetime import timedelta

from perdure.contract.duration import parse_duration
from perdure.contract.spec import RetryPolicy

LONGEST_RETRY_AFTER = timedelta(hours=1)
"""A partner may ask for more with `Retry-After`; it is asked again after this."""

_SHORTEST = timedelta(milliseconds=1)


def base_delay(policy: RetryPolicy, attempt: int) -> timedelta:
    """The wait after `attempt` (from 1) failed: exponential, at most `maximum_interval`, without jitter."""
    initial = parse_duration(policy.initial_interval)
    longest = parse_duration(policy.maximum_interval)
    if initial >= longest:
        return longest
    # Compared as logarithms: 100.0 ** 999 does not fit a float.
    if (attempt - 1) * math.log(policy.backoff_coefficient) >= math.log(longest / initial):
        return longest
    return min(longest, initial * policy.backoff_coefficient ** (attempt - 1))


def retry_delay(policy: RetryPolicy, attempt: int, draw: float, retry_after: timedelta | None = None) -> timedelta:
    """The wait after `attempt` failed, spread by the policy's jitter and never above its maximum.

    Args:
        policy: the step's effective policy.
        attempt: the attempt that failed, from 1.
        draw: a random number from 0 to 1; 0.5 means no change.
        retry_after: what the other side asked for; followed when it is longer, up to an hour.
    """
    base = base_delay(policy, attempt)
    spread = base * (1 + policy.jitter * (2 * draw - 1))
    delay = min(parse_duration(policy.maximum_interval), max(_SHORTEST, spread))
    return max(delay, min(retry_after, LONGEST_RETRY_AFTER)) if retry_after is not None else delay
