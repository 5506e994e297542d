"""What the audit says of bulk actions when they start or are aborted (of their end: the store). Used by the service."""

from fastapi import Request

from api.audit.entry import Facts, entry_of
from api.context import context_of
from perdure.security.audit import AuditEntry, AuditEvent
from perdure.security.principal import Principal
from perdure.store.bulk_action import BulkActionRow

_TOLD = ("filter", "step", "force", "rate_per_second")
"""Never the output of a skip: that is a payload."""


def started(request: Request, principal: Principal, action: BulkActionRow, total: int) -> AuditEntry:
    """The decision about so many jobs; each has it in its own journal too."""
    event, data = AuditEvent.BULK_ACTION_STARTED, {"action": action.action.value, "jobs": total}
    data |= {name: getattr(action, name) for name in _TOLD} | {"canary": action.canary or None}
    facts: Facts = {"subject": action.id, "reason": action.reason, "data": data}
    return entry_of(context_of(request), principal, event, action.tenant, **facts)


def aborted(request: Request, principal: Principal, action: BulkActionRow, reason: str) -> AuditEntry:
    """That it was to send no more."""
    event, context = AuditEvent.BULK_ACTION_ABORTED, context_of(request)
    return entry_of(context, principal, event, action.tenant, subject=action.id, reason=reason)
