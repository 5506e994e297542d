"""How a job ends that cannot go on, or that a person or the clock ended; used by its main coroutine."""

from perdure.contract.error import ErrorClass, error_info
from workflows.job.ending import Ending, EndingKind
from workflows.job.state import JobRun
from workflows.job.unit import Unit


def out_of_time(job: JobRun) -> Ending:
    """Its `timeout` of running time has passed."""
    message = f"the job ran longer than its timeout of {job.spec.timeout}"
    return Ending(
        EndingKind.TIMED_OUT, error_info("ENGINE.JOB_TIMEOUT", ErrorClass.TIMEOUT, message, job_type=job.spec.type)
    )


def too_large(job: JobRun, message: str) -> Ending:
    """It would hold more than it may."""
    error = error_info("ENGINE.STATE_TOO_LARGE", ErrorClass.PERMANENT, message, job_type=job.spec.type)
    return Ending(EndingKind.FAILED, error)


def discarded(job: JobRun) -> Ending:
    """A retry or a skip came in the same workflow task as the discard: nothing is parked any more."""
    message = "the job was discarded; what had failed was retried or skipped at the same moment"
    error = error_info("STEP.FAILED", ErrorClass.PERMANENT, message, job_type=job.spec.type)
    return Ending(EndingKind.DISCARDED, error)


def with_error_of(kind: EndingKind, unit: Unit | None) -> Ending:
    """Because of a unit that failed, or was parked."""
    return Ending(kind, unit.error, unit.id.step) if unit else Ending(kind)
