"""The group `perdure audit`; loaded by main when one of its commands is asked for."""

import typer

from perdure.cli.api_command import api_command
from perdure.cli.audit.listing import list_entries
from perdure.cli.option import Options, takes_options

app = typer.Typer(name="audit", no_args_is_help=True, add_completion=False)


@app.callback()
@takes_options
def audit(options: Options) -> None:
    """See who made keys, saw payloads, started bulk actions or was refused.

    Decisions about one job are in its journal: perdure jobs get ID --journal.
    """


app.command("list")(api_command(list_entries))
