"""`perdure jobs cancel|terminate|pause|resume|retry`: decisions of a person, kept with who and why."""

from perdure.cli.api_command import Session
from perdure.cli.jobs.job_id import JobId
from perdure.cli.jobs.option import Force, FromStep, Key, PatchText, Reason, Steps
from perdure.cli.jobs.told import decide
from perdure.cli.jobs.value import json_object
from perdure.client import decision as decisions


def cancel(session: Session, job_id: JobId, reason: Reason = None) -> None:
    """Ask a job to stop. Running steps are told; what completed is compensated; it ends CANCELED, for good."""
    session.confirm(f"Cancel {job_id}?")
    decide(session, decisions.cancel(job_id, reason=reason), "{id} is asked to stop.")


def terminate(session: Session, job_id: JobId, reason: Reason = None) -> None:
    """End a job at once (admins only). No step is told, nothing is compensated: for jobs that cancel cannot end."""
    session.confirm(f"Terminate {job_id}? Nothing will be compensated.")
    decide(session, decisions.terminate(job_id, reason=reason), "{id} is terminated.")


def pause(session: Session, job_id: JobId, reason: Reason = None, key: Key = None) -> None:
    """Let no further step of a job start until it is resumed. What runs finishes."""
    call = decisions.pause(job_id, reason=reason, idempotency_key=key)
    decide(session, call, "{id} is paused. Let it go on: perdure jobs resume {id}")


def resume(session: Session, job_id: JobId, reason: Reason = None, key: Key = None) -> None:
    """Let a paused job go on."""
    decide(session, decisions.resume(job_id, reason=reason, idempotency_key=key), "{id} goes on.")


def retry(
    session: Session,
    job_id: JobId,
    *,
    reason: Reason = None,
    step: Steps = None,
    from_step: FromStep = None,
    patch: PatchText = None,
    key: Key = None,
    force: Force = False,
) -> None:
    """Bring a dead-lettered job home: what is parked runs again, completed steps do not."""
    options: decisions.Retried = {"reason": reason, "steps": step or (), "from_step": from_step, "force": force}
    options["idempotency_key"] = key
    if patch is not None:
        options["patch"] = json_object(patch, "--patch")
    decide(session, decisions.retry(job_id, **options), "{id} tries again: {steps}")
