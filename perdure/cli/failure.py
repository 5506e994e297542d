"""Errors as people read them, and the exit code each leads to; used by every command that calls the API."""

from rich.console import Console
from rich.text import Text

from perdure.cli.exit_code import ExitCode
from perdure.cli.screen import printable
from perdure.client import ClientError, NotAuthorisedError, NotFoundError, ProblemError, StillOpenError

KEY_HINT = "Give a key with PERDURE_API_KEY or --api-key, or work where `perdure dev` runs (or below)."


def exit_code(error: ClientError) -> ExitCode:
    """The exit code of a command that ended with this error."""
    if isinstance(error, NotAuthorisedError):
        return ExitCode.NOT_AUTHORISED
    if isinstance(error, NotFoundError):
        return ExitCode.NOT_FOUND
    if isinstance(error, StillOpenError):
        return ExitCode.NOT_COMPLETED
    return ExitCode.FAILED


def show(error: ClientError, console: Console, *, about: str | None = None) -> None:
    """Print the error to `console`; `about` is what the places in it refer to (a file name)."""
    if isinstance(error, ProblemError):
        _show_problem(error, console, about)
    else:
        console.print(Text.assemble(("Error: ", "bold red"), printable(str(error))))


def _show_problem(error: ProblemError, console: Console, about: str | None) -> None:
    title = printable(error.title or f"HTTP {error.status}")
    place = (f"{printable(about)}: " if about is not None else "", "bold")
    console.print(Text.assemble(("Error: ", "bold red"), place, title, (f"  [{printable(error.code)}]", "dim")))
    if error.detail and error.detail != error.title and not error.errors:
        console.print(f"  {printable(error.detail)}")
    for item in error.errors:
        console.print(
            Text.assemble(
                "  - ",
                (printable(item.path or "$"), "bold"),
                f": {printable(item.message)}",
                (f"  [{printable(item.code)}]", "dim"),
            )
        )
    for line in _hints(error):
        console.print(Text(f"  {line}", "dim"))


def _hints(error: ProblemError) -> list[str]:
    hints = []
    if error.status == 401:  # noqa: PLR2004  Unauthorized
        hints.append(KEY_HINT)
    if error.retry_after is not None:
        hints.append(f"Try again in {error.retry_after:g} s.")
    if error.request_id and error.status >= 500:  # noqa: PLR2004  the server's own failure
        hints.append(f"Request id for the API's log: {printable(error.request_id)}")
    return hints
