"""Options that several decisions take; used by the commands of `jobs` and `dead-letters`."""

from typing import Annotated

import typer

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept in the job's journal.")]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency key: the same decision under it is taken once."),
]
Steps = Annotated[
    list[str] | None,
    typer.Option(
        "--step",
        metavar="STEP",
        help="Only this: a step, an item (`fetch.7`), a compensation (`fetch.compensate`); may be repeated."
        " Default: all that is parked.",
    ),
]
FromStep = Annotated[
    str | None, typer.Option("--from-step", metavar="STEP", help="Begin again at this step: with everything after it.")
]
PatchText = Annotated[
    str | None,
    typer.Option(
        "--patch",
        metavar="JSON|@FILE",
        help='Replace fields of `with`, by step: \'{"book": {"url": "https://…"}}\'.',
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Also repeat an at_most_once step that may have taken effect (needs --reason).")
]
