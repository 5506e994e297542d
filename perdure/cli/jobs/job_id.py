"""Job ids as people type them; used by every command that names a job."""

from typing import Annotated

import typer

from perdure.contract.identifier import DEFAULT_TENANT, TENANT


def full_id(text: str) -> str:
    """`order-1` is `default:order-1`; what begins with a tenant stays as it is."""
    tenant, colon, _ = text.partition(":")
    return text if colon and TENANT.fullmatch(tenant) else f"{DEFAULT_TENANT}:{text}"


JobId = Annotated[
    str,
    typer.Argument(metavar="ID", help="Id of the job: `default:order-1`, or `order-1` for short.", callback=full_id),
]
