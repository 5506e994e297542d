"""The roles, each allowing all that the one before it allows (contract 10); routes name the one they need."""

from enum import StrEnum


class Role(StrEnum):
    """viewer reads; operator also submits and decides; admin also rules keys and the projection."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def allows(self, needed: "Role") -> bool:
        """Whether this role may do what asks for `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
