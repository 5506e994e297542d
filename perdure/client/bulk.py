"""Bulk actions for the clients: what the API answers about them, and the requests, as data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, body, key_header, query_params
from perdure.client.view import Page, View

_PATH = "/v1/bulk-actions"


class BulkDryRun(View):
    """What a bulk action would be about."""

    total: int
    sample: list[str]


class BulkAction(View):
    """A bulk action, and how far it is."""

    id: str
    action: str
    status: str
    reason: str = ""
    requested_by: str = ""
    total: int
    counts: dict[str, int] = Field(default_factory=dict)
    requested_at: datetime | None = None
    finished_at: datetime | None = None
    problem: str | None = None

    @property
    def well(self) -> bool:
        """Whether it ended and every job took the decision."""
        return self.status == "COMPLETED" and self.counts.get("ACCEPTED", 0) == self.total


class BulkActionPage(View):
    """A page of bulk actions, newest first."""

    data: list[BulkAction]
    page: Page = Page()


class BulkItem(View):
    """One job, and what became of it."""

    position: int
    job_id: str
    status: str
    code: str | None = None
    detail: str | None = None


class BulkItemPage(View):
    """A page of the jobs of a bulk action."""

    data: list[BulkItem]
    page: Page = Page()


def preview(fields: Mapping[str, Any]) -> Call[BulkDryRun]:
    """How many jobs the action would be about."""
    return Call("POST", _PATH, Answer.reader(BulkDryRun), content=body({**fields, "dry_run": True}))


def start(fields: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call[BulkAction]:
    """Start a bulk action: `action`, `reason`, `ids` or `filter`, and perhaps the rest of its fields."""
    return Call("POST", _PATH, Answer.reader(BulkAction), (), key_header(idempotency_key), body(fields))


def list_actions(*, limit: int | None = None, cursor: str | None = None) -> Call[BulkActionPage]:
    """A page of bulk actions."""
    return Call("GET", _PATH, Answer.reader(BulkActionPage), query_params({"limit": limit, "cursor": cursor}))


def get_action(action_id: str) -> Call[BulkAction]:
    """One bulk action."""
    return Call("GET", _action_path(action_id), Answer.reader(BulkAction))


def list_items(action_id: str, *, status: str | None = None, cursor: str | None = None) -> Call[BulkItemPage]:
    """A page of its jobs."""
    params = query_params({"status": status, "cursor": cursor})
    return Call("GET", f"{_action_path(action_id)}/items", Answer.reader(BulkItemPage), params)


def abort(action_id: str, reason: str) -> Call[BulkAction]:
    """Send no more decisions."""
    content = body({"reason": reason})
    return Call("POST", f"{_action_path(action_id)}/abort", Answer.reader(BulkAction), content=content)


def _action_path(action_id: str) -> str:
    return f"{_PATH}/{quote(action_id, safe='', errors='backslashreplace')}"
