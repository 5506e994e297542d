"""The audit for the clients: what the API answers about it, and the request, as data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, query_params
from perdure.client.view import Page, View


class AuditEntry(View):
    """One thing that was done or refused at the API itself. `subject`: id of a key or a bulk action."""

    seq: int
    at: datetime
    type: str
    tenant: str = ""
    actor: str = ""
    actor_key_id: str | None = None
    job_id: str | None = None
    subject: str | None = None
    reason: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class AuditPage(View):
    """One page of entries, newest first."""

    data: list[AuditEntry]
    page: Page = Page()


class AuditQuery(TypedDict, total=False):
    """What the list is narrowed to; types are alternatives, `since` and `until` RFC 3339 times."""

    types: Sequence[str]
    actor: str
    job_id: str
    subject: str
    since: str
    until: str
    limit: int
    cursor: str | None


def list_entries(**query: Unpack[AuditQuery]) -> Call[AuditPage]:
    """One page of entries, newest first."""
    types = [("type", one) for one in query.get("types", ())]
    single = {name: value for name, value in query.items() if name != "types"}
    return Call("GET", "/v1/audit", Answer.reader(AuditPage), [*types, *query_params(single)])
