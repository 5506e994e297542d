"""What was done or refused at the API itself, a structured log line each (`audit` names it); called by the API."""

from enum import StrEnum

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


def record(event: AuditEvent, *, actor: str | None, request_id: str, **facts: str | bool | None) -> None:
    """Tell the event. `actor` is None where nobody is known; facts never hold secrets or payloads."""
    _log.info("audit", audit=event.value, actor=actor, request_id=request_id, **facts)
