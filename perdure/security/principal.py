"""Who makes a request; made by authentication, asked by every route that touches a job or a key."""

from dataclasses import dataclass
from datetime import datetime

from perdure.contract.identifier import DEFAULT_TENANT, tenant_of
from perdure.security.role import Role

EVERY_TENANT = "*"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `actor` is how histories and the journal name it.

    `payloads`: may see inputs, outputs and error details as they are. `expires_at`: from when on it is nobody.
    """

    actor: str
    tenant: str
    role: Role
    payloads: bool = False
    key_id: str | None = None
    expires_at: datetime | None = None

    @property
    def scope(self) -> str | None:
        """The one tenant whose jobs and keys it sees; None for every tenant."""
        return None if self.tenant == EVERY_TENANT else self.tenant

    @property
    def home(self) -> str:
        """The tenant its submissions belong to."""
        return DEFAULT_TENANT if self.tenant == EVERY_TENANT else self.tenant

    def sees(self, job_id: str) -> bool:
        """Whether the job belongs to a tenant of this principal. To all others it does not exist."""
        return self.scope is None or tenant_of(job_id) == self.scope
