"""The group `perdure jobs`; loaded by main when one of its commands is asked for."""

import typer

from perdure.cli.api_command import api_command
from perdure.cli.jobs.decide import cancel, pause, resume, retry, terminate
from perdure.cli.jobs.deliver import approve, deliver
from perdure.cli.jobs.diagnose import diagnose_job
from perdure.cli.jobs.get import get
from perdure.cli.jobs.listing import list_jobs
from perdure.cli.jobs.resubmit import resubmit
from perdure.cli.jobs.submit import submit
from perdure.cli.jobs.watch import watch
from perdure.cli.option import Options, takes_options

app = typer.Typer(name="jobs", no_args_is_help=True, add_completion=False)


@app.callback()
@takes_options
def jobs(options: Options) -> None:
    """Submit jobs, see how they are doing, decide over them.

    A job is named by its id (`default:order-1`); without a tenant (`order-1`) the tenant `default` is meant.
    """


app.command("submit")(api_command(submit))
app.command("get")(api_command(get))
app.command("diagnose")(api_command(diagnose_job))
app.command("list")(api_command(list_jobs))
app.command("watch")(api_command(watch))
app.command("cancel")(api_command(cancel))
app.command("terminate")(api_command(terminate))
app.command("pause")(api_command(pause))
app.command("resume")(api_command(resume))
app.command("retry")(api_command(retry))
app.command("resubmit")(api_command(resubmit))
app.command("deliver")(api_command(deliver))
app.command("approve")(api_command(approve))
