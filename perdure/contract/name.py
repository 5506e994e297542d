"""Names that must be spelled alike by client, workflow, worker and projection (contract section 7)."""

JOB_WORKFLOW = "Job"
TASK_QUEUE_PREFIX = "perdure-"

QUERY_STATE = "state"
COMMAND_RETRY = "retry"
COMMAND_SKIP = "skip"
COMMAND_DISCARD = "discard"
COMMAND_DELIVER = "deliver"
COMMAND_PAUSE = "pause"
COMMAND_RESUME = "resume"
COMMAND_CANCEL = "cancel"
COMMAND_APPROVE = "approve"
COMMAND_RETRY_NOW = "retry_now"
COMMAND_GIVE_UP = "give_up"

ACTIVITY_REQUEST_CANCEL = "perdure.request_cancel"
"""Internal activity: asks Temporal to cancel the job that runs it."""
IDENTITY_CANCEL = "perdure:cancel"
"""Whom that activity names where the command names nobody: the sender of the update, which only the history knows."""
IDENTITY_CANCELED_BEFORE = "perdure:canceled-before"
"""Whom it names where an earlier run was canceled, and a later one has to be asked to end so: nobody's decision."""
ACTIVITY_HOLD_STEPS = "perdure.hold_steps"
"""Internal activity: asks Temporal to pause, or to unpause, the open step activities of the job that runs it."""
HELD_REASON = "the job is paused"
"""Told to Temporal with each pause of that kind. What somebody paused for a reason of their own is theirs."""
ACTIVITY_NEXT_ATTEMPT = "perdure.next_attempt"
"""Internal activity: has Temporal begin the next attempt of steps of its job at once, or make none any more."""
ACTIVITY_LOCAL = "perdure.local"
"""Local activity: a batch of tries of cheap steps. Its ids begin with `INTERNAL_SUMMARY_PREFIX`."""

MEMO_FINGERPRINT = "fingerprint"
MEMO_SUBMITTED_BY = "submitted_by"
MEMO_REQUEST_ID = "request_id"
MEMO_TRACEPARENT = "traceparent"
MEMO_RESUBMIT_OF = "resubmit_of"
MEMO_REASON = "reason"
"""Why a job was resubmitted."""
MEMO_NOTES = "notes"

ATTRIBUTE_STATUS = "PerdureStatus"
ATTRIBUTE_TYPE = "PerdureType"
ATTRIBUTE_TENANT = "PerdureTenant"
ATTRIBUTE_CORRELATION_ID = "PerdureCorrelationId"

INTERNAL_SUMMARY_PREFIX = "perdure:"
"""Timers and activities of the engine itself carry a summary that begins so; steps carry their step id."""
TIMER_RETENTION = "perdure:retention"
TIMER_BUDGET = "perdure:budget"
TIMER_BACKOFF = "perdure:backoff"
"""With the unit behind it (`backoff_timer`); of jobs begun before that, alone."""
TIMER_JOB_TIMEOUT = "perdure:timeout"
TIMER_START = "perdure:start"
TIMER_WAIT = "perdure:wait"
TIMER_DRAIN = "perdure:drain"

MARK_CHANNEL = "perdure_mark"
"""Postgres channel; the payload of a NOTIFY is the id of a job that may have changed."""

RESULT_CANCELED = "CANCELED"


def task_queue(queue: str) -> str:
    """The Temporal task queue of a Perdure queue."""
    return TASK_QUEUE_PREFIX + queue


def backoff_timer(unit_id: str) -> str:
    """The summary of the timer on which a unit waits for its next attempt; `backoff_unit` reads it."""
    return f"{TIMER_BACKOFF}:{unit_id}"


def backoff_unit(summary: str | None) -> str | None:
    """The unit that waits for its next attempt on a timer of this summary; None where it is another timer."""
    named = summary is not None and summary.startswith(f"{TIMER_BACKOFF}:")
    return summary[len(TIMER_BACKOFF) + 1 :] if named and summary is not None else None


def activity_id(unit_id: str, round_: int) -> str:
    """The activity id of a round: `fetch`, `fetch.7`, `fetch.compensate`, later `fetch.r2`, `fetch.7.r2`."""
    return unit_id if round_ == 1 else f"{unit_id}.r{round_}"
