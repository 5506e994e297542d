"""When a job stops starting steps so that it can continue as new, and for how long it does that."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

from perdure.contract.name import TIMER_DRAIN
from workflows.job.deadline import Deadline

PATCH = "drain-deadline"
PATIENCE = timedelta(minutes=1)
"""How long steps that could start wait for those that run. A child job, or a long backoff, may take days."""
BREATH = 4_096
"""Events after which a drain that was given up is tried again."""
LAST = 40_000
"""Events from which on it is not given up any more: Temporal ends a workflow at 51,200."""


NEVER = 1_000_000


class Drain:
    """Whether nothing more should start. Nothing in flight is carried over continue-as-new (evidence)."""

    def __init__(self, on_given_up: Callable[[], None]) -> None:
        self._resume_at = 0
        self._watching = False
        self._on_given_up = on_given_up
        self._deadline = Deadline(TIMER_DRAIN, self._give_up)

    def wanted(self) -> bool:
        """Whether the history is long enough to continue as new, as soon as nothing is in flight."""
        info = workflow.info()
        length = info.get_current_history_length()
        if not info.is_continue_as_new_suggested() or length < self._resume_at:
            return False
        if not self._watching and length < LAST and workflow.patched(PATCH):
            self._watching = True
            self._deadline.start(PATIENCE)
        return True

    def never(self) -> None:
        """The job cannot continue as new: go on in this run, as far as its history reaches."""
        self._deadline.stop()
        self._resume_at = NEVER

    def stop(self) -> None:
        """Stop the timer: the job ends, or continues as new."""
        self._deadline.stop()

    def _give_up(self) -> None:
        self._watching = False
        self._resume_at = workflow.info().get_current_history_length() + BREATH
        self._on_given_up()
