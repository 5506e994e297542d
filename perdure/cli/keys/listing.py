"""`perdure keys list`: keys, newest first."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs.format import moment
from perdure.cli.paging import joined, pages
from perdure.client import Key
from perdure.client import key as calls

_PAGE = 200
_STYLES = {"ACTIVE": "green", "REVOKED": "red", "EXPIRED": "dim"}


def list_keys(
    session: Session,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Revoked and expired ones too.")] = False,
) -> None:
    """List the keys that open something, newest first."""
    fetched = list(pages(session.client, lambda cursor: calls.list_keys(limit=_PAGE, cursor=cursor)))
    if session.json:
        screen.raw(joined([exchange.answer.content for exchange in fetched]))
        return
    keys = [key for exchange in fetched for key in exchange.value.data if all_ or key.status == "ACTIVE"]
    if keys:
        session.out.print(_table(keys))
    else:
        session.err.print("No keys.")


def _table(keys: list[Key]) -> Table:
    table = screen.table("id", "name", "tenant", "role", "payloads", "state", "created", "by", "expires")
    for key in keys:
        table.add_row(
            Text(screen.printable(key.id), "bold"),
            screen.printable(key.name),
            screen.printable(key.tenant),
            screen.printable(key.role),
            "shown" if key.payloads else "masked",
            Text(screen.printable(key.status), _STYLES.get(key.status, "")),
            moment(key.created_at),
            screen.printable(key.created_by or "-"),
            moment(key.expires_at),
        )
    return table
