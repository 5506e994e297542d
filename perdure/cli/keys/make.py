"""`perdure keys create` and `rotate`: the secret alone on stdout, this once; all else on stderr."""

from typing import Annotated

import typer

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs.format import moment
from perdure.cli.keys.key_id import KeyId
from perdure.client import NewKey
from perdure.client import key as calls
from perdure.client.call import Call
from perdure.contract.duration import parse_duration


def _span(text: str | None) -> str | None:
    if text is not None:
        try:
            parse_duration(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return text


Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="SPAN", callback=_span, help="How long it counts: 12h, 90d. Default: for ever."),
]


def create(
    session: Session,
    name: Annotated[str, typer.Option("--name", help="For people; jobs it submits carry key:NAME.")],
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="viewer, operator or admin.")],
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", help="Its tenant; * for every one. Default: your own key's, else `default`."),
    ] = None,
    expires: Expires = None,
    *,
    payloads: Annotated[bool, typer.Option("--payloads", help="It may see inputs, outputs and error details.")] = False,
) -> None:
    """Make a key. It is printed once and can never be shown again."""
    call = calls.create_key(name, role, tenant=tenant, payloads=payloads, expires_in=expires)
    _show_once(session, call, "made")


def rotate(
    session: Session,
    key_id: KeyId,
    grace: Annotated[
        str | None,
        typer.Option("--grace", metavar="SPAN", callback=_span, help="How long the old secret still counts."),
    ] = None,
    expires: Expires = None,
) -> None:
    """Give a key a new secret; id, name and role stay. The old secret counts no more, or for --grace."""
    session.confirm(f"Rotate {key_id}?")
    _show_once(session, calls.rotate_key(key_id, grace=grace, expires_in=expires), "rotated")


def _show_once(session: Session, call: Call[NewKey], done: str) -> None:
    exchange = session.client.exchange(call)
    if session.json:
        screen.raw(exchange.answer.content)
        return
    key = exchange.value
    screen.raw(screen.printable(key.key).encode())  # never wrapped
    until = f", until {moment(key.expires_at)}" if key.expires_at else ""
    grants = ", may see payloads" if key.payloads else ""
    about = f"Key {key.id} ({key.name}) is {done}: {key.role} of tenant {key.tenant}{grants}{until}."
    session.err.print(screen.printable(about))
    session.err.print("Keep it now: it cannot be shown again.", style="dim")
