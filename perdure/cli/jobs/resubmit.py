"""`perdure jobs resubmit`: a closed job done again, as a new one."""

from typing import Annotated

import typer

from perdure.cli.api_command import Session
from perdure.cli.jobs.job_id import JobId
from perdure.cli.jobs.option import Reason
from perdure.cli.jobs.submit import told
from perdure.cli.jobs.value import json_value
from perdure.client import decision as decisions


def resubmit(
    session: Session,
    job_id: JobId,
    *,
    reason: Reason = None,
    from_step: Annotated[
        str | None,
        typer.Option("--from-step", metavar="STEP", help="Begin here; the outputs of other completed steps are kept."),
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE", help="Instead of the original's input.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--id", metavar="KEY", help="Idempotency key of the new job: sent again, it is one.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay until the new job has ended.")] = False,
) -> None:
    """Do a job that has ended again, as a new job with the same spec. For open ones there is retry."""
    options: decisions.Resubmitted = {"reason": reason, "from_step": from_step, "idempotency_key": key}
    if input_ is not None:
        options["input"] = json_value(input_, "--input")
    told(session, session.client.exchange(decisions.resubmit(job_id, **options)), watch=watch)
