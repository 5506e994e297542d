"""What a key gives, and whether a principal may give it: nobody hands on more than they have (contract 10)."""

from dataclasses import dataclass
from datetime import datetime

from perdure.security.principal import Principal
from perdure.security.role import Role


@dataclass(frozen=True, slots=True)
class Grant:
    """What whoever holds a key may do, and for how long. `tenant` may be `*`."""

    tenant: str
    role: Role
    payloads: bool
    expires_at: datetime | None


def excess(giver: Principal, grant: Grant) -> str | None:
    """In which way the grant goes beyond what `giver` has, in words for the person; None where it does not."""
    if giver.scope is not None and grant.tenant != giver.scope:
        return f"this key manages the keys of tenant {giver.scope} only; the role admin of {grant.tenant} is needed"
    if not giver.role.allows(grant.role):
        return f"this key has the role {giver.role} and cannot give the role {grant.role}"
    if grant.payloads and not giver.payloads:
        return "this key lacks the grant payloads and cannot give it"
    if giver.expires_at is not None and (grant.expires_at is None or grant.expires_at > giver.expires_at):
        until = giver.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"this key expires at {until} and cannot make one that outlives it: give a shorter expires_in"
    return None
