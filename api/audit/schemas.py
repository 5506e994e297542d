"""What the audit route takes and answers, field by field."""

from typing import Any

from pydantic import BaseModel, Field

from api.jobs.schemas import Moment, PageView, Timestamp, View


class AuditEntryView(View):
    """One thing that was done or refused at the API itself. What jobs went through is in their journals."""

    seq: int = Field(description="Counts up as entries are written, with gaps.")
    at: Moment = Field(description="When it happened.")
    type: str
    tenant: str = Field(description="Whose it is; `*`: only principals of every tenant see it.")
    actor: str
    actor_key_id: str | None = Field(description="The key that the actor had: a name may be another key's later.")
    job_id: str | None
    subject: str | None = Field(description="Id of what it is about, where that is no job: a key, a bulk action.")
    reason: str | None
    request_id: str | None
    trace_id: str | None
    data: dict[str, Any]


class AuditPage(View):
    """A page of entries, newest first."""

    data: list[AuditEntryView]
    page: PageView


class AuditQuery(BaseModel):
    """Query of the list. Several types are alternatives; all else must fit."""

    type: list[str] = Field([], max_length=50, description="Repeated, or separated by commas.")
    actor: str | None = Field(None, max_length=255, description="As entries show it: `key:ops`.")
    job_id: str | None = Field(None, max_length=255)
    subject: str | None = Field(None, max_length=255, description="Id of a key or of a bulk action.")
    since: Timestamp | None = Field(None, description="At or after (RFC 3339).")
    until: Timestamp | None = Field(None, description="Before (RFC 3339).")
    cursor: str | None = Field(None, max_length=1000, description="From the `page` before.")
    limit: int = Field(50, ge=1, le=200)
