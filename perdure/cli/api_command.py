"""What makes a function a command that calls the API: a session for it, an exit code for its errors."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec

import typer
from rich.console import Console

from perdure.cli import failure, screen
from perdure.cli.option import Options, Output, takes_options
from perdure.cli.target import find_target
from perdure.client import ClientError, PerdureClient

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with."""

    client: PerdureClient
    json: bool
    yes: bool
    out: Console
    err: Console

    def confirm(self, question: str) -> None:
        """Ask, if there is somebody to ask and no `--yes`.

        Raises:
            typer.Abort: the answer is no.
        """
        if not self.yes and self.err.is_terminal:
            typer.confirm(question, abort=True, err=True)


def api_command(command: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """The command with the common options; it gets a `Session` and may raise any `ClientError`."""

    @functools.wraps(command)
    def wrapper(options: Options, /, *args: P.args, **kwargs: P.kwargs) -> None:
        err = screen.messages()
        with _client(options) as client:
            session = Session(client, options.output is Output.JSON, bool(options.yes), screen.results(), err)
            try:
                command(session, *args, **kwargs)
            except ClientError as error:
                failure.show(error, err)
                raise typer.Exit(failure.exit_code(error)) from None

    return takes_options(wrapper)


def _client(options: Options) -> PerdureClient:
    target = find_target(options.server, options.api_key, Path.cwd())
    try:
        return PerdureClient(target.server, api_key=target.api_key)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
