"""Makes the entry of what a principal did or was refused in a request. Used wherever the API does such things."""

from collections.abc import Mapping
from typing import TypedDict, Unpack

from api.context import RequestContext
from perdure.security.audit import AuditEntry, AuditEvent
from perdure.security.principal import Principal


class Facts(TypedDict, total=False):
    """What it was about; see `AuditEntry`."""

    job_id: str | None
    subject: str
    reason: str | None
    data: Mapping[str, object]


def entry_of(
    context: RequestContext, principal: Principal, event: AuditEvent, tenant: str, **facts: Unpack[Facts]
) -> AuditEntry:
    """The entry, as of now. `tenant`: who may read it."""
    return AuditEntry(
        type=event,
        tenant=tenant,
        actor=principal.actor,
        actor_key_id=principal.key_id,
        request_id=context.request_id,
        trace_id=context.trace_id,
        **facts,
    )
