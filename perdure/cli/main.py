"""The console script `perdure`: names every command; each is imported when it is asked for."""

import errno
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated, Any

import typer

import perdure
from perdure.cli.exit_code import ExitCode
from perdure.cli.lazy import LazyGroup
from perdure.cli.option import Options, takes_options
from perdure.cli.usage import own_words

_EMBEDDED = {"dev": "perdure.cli.dev:dev", "demo": "perdure.cli.demo.command:demo"}
"""Not on Windows, which lacks what the embedded stack is built on; all others speak HTTP from anywhere."""


class Commands(LazyGroup):
    """Every command that is worth an import of its own."""

    commands_at: Mapping[str, str] = {
        **(_EMBEDDED if find_spec("fcntl") else {}),
        "doctor": "perdure.cli.doctor:doctor",
        "jobs": "perdure.cli.jobs.app:app",
        "dead-letters": "perdure.cli.dead_letters.app:app",
        "bulk-actions": "perdure.cli.bulk_actions.app:app",
        "audit": "perdure.cli.audit.app:app",
        "keys": "perdure.cli.keys.app:app",
        "projection": "perdure.cli.projection.app:app",
    }

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options before the command."""
        with own_words():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Read the command's own options, and run it."""
        with own_words():
            return super().invoke(ctx)


_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}

app = typer.Typer(
    cls=Commands,
    name="perdure",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001  typer calls it with the flag's value
    if value:
        typer.echo(f"perdure {perdure.__version__}")
        raise typer.Exit


@app.callback()
@takes_options
def root(
    options: Options,
    version: Annotated[  # noqa: FBT002  handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Perdure: a durable job engine. Jobs are never lost, doubled or unexplained."""


@app.command("version")
@takes_options
def version(options: Options) -> None:
    """Print the version."""
    number = perdure.__version__
    typer.echo(f'{{"version": "{number}"}}' if options.output == "json" else f"perdure {number}")


def main() -> None:
    """Run the command line. Never returns: exits with a code of `ExitCode`."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # a terminal that cannot show a character must not stop the command
        stream.reconfigure(errors="replace")
    try:
        app(prog_name="perdure")
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        sys.stderr.write(f"Error: the result cannot be written: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(ExitCode.FAILED)  # what is still buffered would fail again, with a traceback
