"""`perdure keys revoke`: the end of a key."""

from typing import Annotated

import typer

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.keys.key_id import KeyId
from perdure.client import key as calls


def revoke(
    session: Session,
    key_id: KeyId,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; noted by the API.")] = None,
) -> None:
    """End a key for good: at once, at other API processes within 5 seconds."""
    session.confirm(f"Revoke {key_id}?")
    exchange = session.client.exchange(calls.revoke_key(key_id, reason=reason))
    if session.json:
        screen.raw(exchange.answer.content)
    else:
        key = exchange.value
        session.out.print(screen.printable(f"Key {key.id} ({key.name}) is revoked."))
