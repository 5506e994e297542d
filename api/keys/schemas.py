"""What the key routes take and answer, field by field."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, WithJsonSchema

from api.jobs.schemas import Moment, PageView, View
from perdure.contract.command import Reason
from perdure.contract.duration import Duration
from perdure.contract.identifier import JOB_NAME_FORM, TENANT
from perdure.contract.model import Model
from perdure.security.principal import EVERY_TENANT
from perdure.security.role import Role


def _checked_tenant(text: str) -> str:
    if text != EVERY_TENANT and TENANT.fullmatch(text) is None:
        raise ValueError("a tenant is 1-40 of a-z, 0-9 and -, starting with a letter or digit, or * for all of them")
    return text


KeyName = Annotated[str, StringConstraints(pattern=JOB_NAME_FORM)]
TenantOrEvery = Annotated[
    str,
    AfterValidator(_checked_tenant),
    WithJsonSchema({"type": "string", "pattern": rf"^(\*|{TENANT.pattern})$"}),
]


class KeyRequest(Model):
    """A key to be made. Without `tenant` it is the maker's own, for a maker of all tenants `default`."""

    name: KeyName = Field(description="For people; jobs it submits carry `key:<name>`.")
    role: Role
    tenant: TenantOrEvery | None = Field(None, description="`*` is every tenant.")
    payloads: bool = Field(False, description="May see inputs, outputs and error details as they are.")
    expires_in: Duration | None = Field(None, description="From now on, such as `90d`; without it the key stays.")


class RotateRequest(Model):
    """How a key gets a new secret. The old one counts no more, or for `grace`."""

    grace: Duration | None = Field(None, description="How long the old secret still counts, such as `1h`.")
    expires_in: Duration | None = Field(None, description="From now on; without it the expiry stays as it was.")


class RevokeRequest(Model):
    """Why the key is to die."""

    reason: Reason | None = None


class KeyStatus(StrEnum):
    """Only an ACTIVE key opens anything."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class KeyView(View):
    """A key, without its secret: nobody knows that any more."""

    id: str
    name: str
    tenant: str
    role: Role | str = Field(description="A role that this version does not know opens nothing.")
    payloads: bool
    status: KeyStatus
    created_at: Moment
    created_by: str | None
    expires_at: Moment | None
    rotated_at: Moment | None
    previous_valid_until: Moment | None = Field(description="How long the secret before the last rotation counts.")
    revoked_at: Moment | None
    revoked_by: str | None


class NewKeyView(KeyView):
    """A key with its secret, which is shown this once."""

    key: str = Field(description="`pdr_<id>_<secret>`. Keep it now: it is not stored and cannot be shown again.")


class KeyPage(View):
    """A page of keys, newest first."""

    data: list[KeyView]
    page: PageView


class PrincipalView(View):
    """Who the key of the request is."""

    actor: str
    tenant: str
    role: Role
    payloads: bool
    key_id: str | None
    expires_at: Moment | None


class KeyListQuery(BaseModel):
    """Query of the list."""

    cursor: str | None = Field(None, max_length=1000, description="From the `page` before.")
    limit: int = Field(50, ge=1, le=200)
