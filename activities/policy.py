"""The terms an attempt runs under: the spec's, unless `temporal activity update-options` changed them meanwhile."""

from datetime import timedelta

from temporalio import activity

from perdure.contract.duration import parse_duration
from perdure.contract.spec import RetryPolicy
from perdure.contract.step_call import StepInput

_MILLISECOND = timedelta(milliseconds=1)


def policy_in_force(info: activity.Info, call: StepInput) -> RetryPolicy:
    """How the server spaces the attempts of this activity. `maximum_attempts` is the spec's: see `attempts_left`."""
    now = info.retry_policy
    if now is None or info.is_local:
        return call.retry
    longest = now.maximum_interval or parse_duration(call.retry.maximum_interval)
    changed = {
        "initial_interval": _duration(now.initial_interval),
        "maximum_interval": _duration(longest),
        "backoff_coefficient": now.backoff_coefficient,
    }
    return call.retry.model_copy(update=changed)


def attempts_left(info: activity.Info, call: StepInput) -> int | None:
    """How often Temporal may still repeat this attempt; None: without end.

    Temporal counts the attempts of this activity; those of the round before it are in `call.before`.
    """
    now = info.retry_policy
    if now is None or info.is_local:
        return call.retry.maximum_attempts - call.before.tries - info.attempt
    return now.maximum_attempts - info.attempt if now.maximum_attempts else None


def time_allowed(info: activity.Info, call: StepInput) -> str:
    """What one attempt may take, as a duration."""
    now = info.start_to_close_timeout
    if now is None or info.is_local or now == parse_duration(call.timeout):
        return call.timeout
    return _duration(now)


def _duration(span: timedelta) -> str:
    milliseconds = max(1, span // _MILLISECOND)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
