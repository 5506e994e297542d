"""Which hosts HTTP steps may reach although their address is private; built from the settings."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from perdure.contract.error import ErrorClass, PerdureError
from perdure.egress.address import Address, reachable_privately, refusal


class EgressBlockedError(PerdureError):
    """The address is not public and no setting allows it."""

    def __init__(self, host: str, kind: str) -> None:
        super().__init__(
            "STEP.HTTP.BLOCKED",
            ErrorClass.PERMANENT,
            f"{host} is not reached: its address is not public ({kind}). "
            "An administrator can allow the host with PERDURE_HTTP_ALLOWED_HOSTS",
            {"host": host},
        )


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """`allowed_hosts` are hosts as URLs name them, `host` or `host:port`, IPv6 in brackets or bare."""

    allow_private: bool = False
    allowed_hosts: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, *, allow_private: bool, allowed_hosts: Iterable[str]) -> Self:
        """The policy of the settings `http_allow_private` and `http_allowed_hosts`."""
        return cls(allow_private, frozenset(_normal(host) for host in allowed_hosts))

    def check(self, host: str, port: int, addresses: Iterable[Address]) -> None:
        """Accept all `addresses` of a host, or none: one that is not public makes the name suspect.

        Raises:
            EgressBlockedError: one of them may not be reached.
        """
        if self._named(host, port):
            return
        for address in addresses:
            kind = refusal(address)
            if kind is not None and not (self.allow_private and reachable_privately(address)):
                raise EgressBlockedError(host, kind)

    def _named(self, host: str, port: int) -> bool:
        name = _normal(host)
        shown = f"[{name}]" if ":" in name else name
        return bool(self.allowed_hosts & {name, shown, f"{shown}:{port}"})


def _normal(host: str) -> str:
    return host.strip().lower().rstrip(".")
