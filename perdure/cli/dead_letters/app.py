"""The group `perdure dead-letters`; loaded by main when one of its commands is asked for."""

import typer

from perdure.cli.api_command import api_command
from perdure.cli.dead_letters.decide import discard, retry, skip
from perdure.cli.dead_letters.listing import get, groups, list_
from perdure.cli.dead_letters.retrying import give_up, retry_now, retrying
from perdure.cli.option import Options, takes_options

app = typer.Typer(name="dead-letters", no_args_is_help=True, add_completion=False)


@app.callback()
@takes_options
def dead_letters(options: Options) -> None:
    """Bring parked jobs home, or give them up. Every decision has a reason.

    A job is parked while a step of it has failed for good and nobody has decided what is to become of it.
    Many at once: perdure bulk-actions.
    """


app.command("list")(api_command(list_))
app.command("groups")(api_command(groups))
app.command("get")(api_command(get))
app.command("retry")(api_command(retry))
app.command("skip")(api_command(skip))
app.command("discard")(api_command(discard))
app.command("retrying")(api_command(retrying))
app.command("retry-now")(api_command(retry_now))
app.command("give-up")(api_command(give_up))
