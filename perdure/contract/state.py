"""The states of jobs, steps and attempts (contract section 4); used by the workflow, the fold and the API."""

from enum import StrEnum


class JobStatus(StrEnum):
    """State of a job. The last six are final."""

    SCHEDULED = "SCHEDULED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    DEAD_LETTERED = "DEAD_LETTERED"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"

    @property
    def final(self) -> bool:
        """Whether a job in this state has ended."""
        return self in FINAL_JOB_STATUSES


FINAL_JOB_STATUSES = frozenset(
    {
        JobStatus.COMPLETED,
        JobStatus.COMPLETED_WITH_ERRORS,
        JobStatus.FAILED,
        JobStatus.CANCELED,
        JobStatus.TIMED_OUT,
        JobStatus.TERMINATED,
    }
)


class StepStatus(StrEnum):
    """State of a step. DEAD_LETTERED is open: a person decides. What follows it is final."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    WAITING = "WAITING"
    DEAD_LETTERED = "DEAD_LETTERED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    OMITTED = "OMITTED"
    CANCELED = "CANCELED"
    COMPENSATED = "COMPENSATED"

    @property
    def final(self) -> bool:
        """Whether a step in this state has ended."""
        return self in FINAL_STEP_STATUSES


FINAL_STEP_STATUSES = frozenset(
    {
        StepStatus.COMPLETED,
        StepStatus.FAILED,
        StepStatus.SKIPPED,
        StepStatus.OMITTED,
        StepStatus.CANCELED,
        StepStatus.COMPENSATED,
    }
)
MET_STEP_STATUSES = frozenset({StepStatus.COMPLETED, StepStatus.SKIPPED, StepStatus.COMPENSATED})
"""A dependency in one of these counts as met."""


class AttemptOutcome(StrEnum):
    """How one attempt at a step ended."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    LOST = "LOST"
    CANCELED = "CANCELED"


class Resolution(StrEnum):
    """Why a job that was dead-lettered ended FAILED."""

    DISMISSED = "DISMISSED"
    EXPIRED = "EXPIRED"


class Effect(StrEnum):
    """What repeating an attempt that may already have run would do."""

    IDEMPOTENT = "idempotent"
    AT_MOST_ONCE = "at_most_once"
