"""The group `perdure projection`; loaded by main when one of its commands is asked for."""

import typer

from perdure.cli.api_command import api_command
from perdure.cli.option import Options, takes_options
from perdure.cli.projection.operate import check, rebuild

app = typer.Typer(name="projection", no_args_is_help=True, add_completion=False)


@app.callback()
@takes_options
def projection(options: Options) -> None:
    """Compare the tables with Temporal's histories, and mend them. An admin key is needed."""


app.command("check")(api_command(check))
app.command("rebuild")(api_command(rebuild))
