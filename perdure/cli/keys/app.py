"""The group `perdure keys`; loaded by main when one of its commands is asked for."""

import typer

from perdure.cli.api_command import api_command
from perdure.cli.keys.end import revoke
from perdure.cli.keys.listing import list_keys
from perdure.cli.keys.make import create, rotate
from perdure.cli.option import Options, takes_options

app = typer.Typer(name="keys", no_args_is_help=True, add_completion=False)


@app.callback()
@takes_options
def keys(options: Options) -> None:
    """Make, list, rotate and revoke API keys. An admin key is needed.

    Roles: viewer reads, operator also submits and decides, admin also manages keys.
    """


app.command("create")(api_command(create))
app.command("list")(api_command(list_keys))
app.command("rotate")(api_command(rotate))
app.command("revoke")(api_command(revoke))
