"""What was done or refused at the API itself: the kinds of it, one such fact, and its log line.

Used by the API, and by the activity that ends a bulk action.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog

_log = structlog.get_logger("perdure.audit")


class AuditEvent(StrEnum):
    """What happened at the API (contract 8)."""

    ACCESS_DENIED = "ACCESS_DENIED"
    KEY_CREATED = "KEY_CREATED"
    KEY_ROTATED = "KEY_ROTATED"
    KEY_REVOKED = "KEY_REVOKED"
    PAYLOAD_VIEWED = "PAYLOAD_VIEWED"
    BULK_ACTION_STARTED = "BULK_ACTION_STARTED"
    BULK_ACTION_ABORTED = "BULK_ACTION_ABORTED"
    BULK_ACTION_ENDED = "BULK_ACTION_ENDED"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One fact. `tenant`: who may read it; `*`: only who may read of all tenants.

    `actor_key_id` says which key the actor had, for a name can be another key's later. `subject` is the id of what it
    is about, where that is no job. `data` never holds secrets or payloads.
    """

    type: AuditEvent
    tenant: str
    actor: str
    actor_key_id: str | None = None
    job_id: str | None = None
    subject: str | None = None
    reason: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def tell(entry: AuditEntry) -> None:
    """Write its log line: that is there also where its row cannot be."""
    names = ("tenant", "actor", "actor_key_id", "job_id", "subject", "reason", "request_id")
    _log.info("audit", audit=entry.type.value, **{name: getattr(entry, name) for name in names}, data=dict(entry.data))


def tell_unknown(*, key_id: str | None, **facts: str) -> None:
    """Write the log line of somebody who sent a key that opens nothing; there is no entry of whom nobody knows."""
    _log.info("audit", audit=AuditEvent.ACCESS_DENIED.value, actor=None, key_id=key_id, **facts)
