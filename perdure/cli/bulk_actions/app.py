"""The group `perdure bulk-actions`; loaded by main when one of its commands is asked for."""

import typer

from perdure.cli.api_command import api_command
from perdure.cli.bulk_actions.follow import abort, get, list_
from perdure.cli.bulk_actions.start import start
from perdure.cli.option import Options, takes_options

app = typer.Typer(name="bulk-actions", no_args_is_help=True, add_completion=False)


@app.callback()
@takes_options
def bulk_actions(options: Options) -> None:
    """Retry, skip or discard many parked jobs at once, carefully.

    What would it be? Add --dry-run. First ten, then the others: --canary 10. Not all at once: --rate 20.
    """


app.command("start")(api_command(start))
app.command("list")(api_command(list_))
app.command("get")(api_command(get))
app.command("abort")(api_command(abort))
