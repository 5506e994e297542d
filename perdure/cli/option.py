"""The options every command takes, before or after its name: output, server, key, consent."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

P = ParamSpec("P")


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Options:
    """What was given; None where nothing was."""

    output: Output | None = None
    server: str | None = None
    api_key: str | None = None
    yes: bool | None = None

    def over(self, outer: "Options") -> "Options":
        """These options, and those of `outer` (given further left) where these are silent."""
        pairs = ((getattr(self, one.name), getattr(outer, one.name)) for one in fields(self))
        return Options(*(inner if inner is not None else beside for inner, beside in pairs))


_TYPES: dict[str, Any] = {
    "output": Annotated[
        Output | None,
        typer.Option("-o", "--output", show_default=False, help="table (default), or the API's JSON and nothing else."),
    ],
    "server": Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            show_default=False,
            help="URL of the API. Default: PERDURE_SERVER, else the stack that runs here.",
        ),
    ],
    "api_key": Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            show_default=False,
            help="API key. Better in PERDURE_API_KEY: others can see a command line.",
        ),
    ],
    "yes": Annotated[
        bool | None, typer.Option("--yes", "-y", show_default=False, help="Answer every question with yes.")
    ],
}


def takes_options(command: Callable[Concatenate[Options, P], None]) -> Callable[..., None]:
    """The command with the common options added; it gets them, merged, as its first argument."""

    @functools.wraps(command)
    def wrapper(ctx: typer.Context, **arguments: Any) -> None:
        given = Options(**{name: arguments.pop(name) for name in _TYPES})
        ctx.obj = given.over(ctx.obj or Options())
        # typer passes what the signature below names, so the types hold
        return command(ctx.obj, **arguments)  # type: ignore[call-arg]

    _sign(wrapper, list(inspect.signature(command).parameters.values())[1:])
    return wrapper


def _sign(wrapper: Callable[..., None], own: list[inspect.Parameter]) -> None:
    """Give the wrapper the signature that typer reads: the context, the command's own, the common ones."""
    kind = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter("ctx", kind, annotation=typer.Context)
    common = [inspect.Parameter(name, kind, default=None, annotation=annotation) for name, annotation in _TYPES.items()]
    parameters = [context, *(one.replace(kind=kind) for one in own), *common]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {one.name: one.annotation for one in parameters}
