"""The options that say which parked units are meant; used by the lists and by bulk actions."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from perdure.contract.error import ErrorClass

Code = Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only with this error code.")]
Class = Annotated[
    ErrorClass | None, typer.Option("--class", case_sensitive=False, metavar="CLASS", help="Only of this error class.")
]
Fingerprint = Annotated[
    str | None, typer.Option("--fingerprint", metavar="ID", help="Only this kind of failure, as `groups` shows it.")
]
HttpStatus = Annotated[int | None, typer.Option("--http-status", min=100, max=599, help="What the partner answered.")]
Step = Annotated[str | None, typer.Option("--at-step", metavar="STEP", help="Only parked at this step.")]
Type = Annotated[str | None, typer.Option("--type", help="Only jobs of this type.")]
Queue = Annotated[str | None, typer.Option("--queue", help="Only jobs of this queue.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Only jobs with this label; may be repeated.")
]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Parked at or after (RFC 3339).")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Parked before.")]
OlderThan = Annotated[str | None, typer.Option("--older-than", metavar="2h", help="Parked longer than so ago.")]
YoungerThan = Annotated[str | None, typer.Option("--younger-than", metavar="10m", help="Parked within so long.")]
Words = Annotated[str | None, typer.Option("-q", "--words", help="Words in the job's name, labels, code or message.")]

_OPTIONS: dict[str, Any] = {
    "error_code": Code,
    "error_class": Class,
    "fingerprint": Fingerprint,
    "http_status": HttpStatus,
    "step": Step,
    "type": Type,
    "queue": Queue,
    "labels": Labels,
    "since": Since,
    "until": Until,
    "older_than": OlderThan,
    "younger_than": YoungerThan,
    "q": Words,
}
Chosen = dict[str, Any]
"""What was given, by the names of the API."""

ALIVE = ("error_code", "fingerprint", "type", "queue", "labels", "q")
"""Those by which jobs that are retrying can be chosen too."""


def takes_filter(names: tuple[str, ...] = tuple(_OPTIONS)) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds an option for each of `names`; the command gets what was given of them as its argument `chosen`."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(*arguments: Any, **options: Any) -> None:
            given = {name: options.pop(name) for name in names}
            given["labels"] = pairs(given["labels"]) or None
            chosen = {name: value for name, value in given.items() if value is not None}
            command(*arguments, chosen=chosen, **options)

        signature = inspect.signature(command)
        own = [each for each in signature.parameters.values() if each.name != "chosen"]
        keyword = inspect.Parameter.KEYWORD_ONLY
        added = [inspect.Parameter(name, keyword, default=None, annotation=_OPTIONS[name]) for name in names]
        wrapper.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        return wrapper

    return add


def pairs(labels: list[str] | None) -> dict[str, str]:
    """KEY=VALUE options as a mapping.

    Raises:
        typer.BadParameter: one has another form.
    """
    found = {}
    for label in labels or ():
        key, equals, wanted = label.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"a label is KEY=VALUE, not {label!r}", param_hint="--label")
        found[key] = wanted
    return found
