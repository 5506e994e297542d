"""Bulk actions for the clients: what the API answers about them, and the requests, as data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict
from urllib.parse import quote

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, body, key_header, query_params
from perdure.client.view import Page, View

_PATH = "/v1/bulk-actions"


class BulkDryRun(View):
    """What a bulk action would be about."""

    total: int
    not_parked: int = 0
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
    filter: dict[str, Any] | None = None
    rate_per_second: float | None = None
    canary: int | None = None
    requested_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    problem: str | None = None
    links: dict[str, str | None] = Field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether no more decisions are sent."""
        return self.finished_at is not None

    @property
    def decided(self) -> int:
        """Jobs of which it is known what became of the decision."""
        return sum(number for status, number in self.counts.items() if status not in ("PENDING", "NOT_SENT"))

    def older_than(self, other: "BulkAction") -> bool:
        """Whether this shows less than `other` does."""
        return self.decided < other.decided

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
    units: list[str] | None = None
    status: str
    code: str | None = None
    detail: str | None = None
    decided_at: datetime | None = None


class BulkItemPage(View):
    """A page of the jobs of a bulk action."""

    data: list[BulkItem]
    page: Page = Page()


class ParkedFilter(TypedDict, total=False):
    """Which parked units are meant; at least one field. Times are RFC 3339, ages durations such as `2h`."""

    error_code: str
    error_class: str
    fingerprint: str
    http_status: int
    step: str
    type: str
    queue: str
    labels: Mapping[str, str]
    since: str
    until: str
    older_than: str
    younger_than: str
    q: str


class BulkOptions(TypedDict, total=False):
    """Which jobs (`ids`, or all that `filter` means now), and how carefully.

    `canary` jobs first, the others only if these do well `canary_within` that time (`5m`); `rate_per_second` at most.
    `step` and `output` are of a skip; `force`, of a retry, repeats what may have taken effect.
    """

    ids: Sequence[str]
    filter: ParkedFilter
    canary: int
    canary_within: str
    rate_per_second: float
    step: str
    output: Any
    force: bool


def wanted(action: str, reason: str, options: BulkOptions) -> dict[str, Any]:
    """The body of the request: `action` is retry, skip or discard."""
    return {"action": action, "reason": reason, **options}


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


def list_items(
    action_id: str, *, status: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[BulkItemPage]:
    """A page of its jobs."""
    params = query_params({"status": status, "limit": limit, "cursor": cursor})
    return Call("GET", f"{_action_path(action_id)}/items", Answer.reader(BulkItemPage), params)


def abort(action_id: str, reason: str) -> Call[BulkAction]:
    """Send no more decisions."""
    content = body({"reason": reason})
    return Call("POST", f"{_action_path(action_id)}/abort", Answer.reader(BulkAction), content=content)


def _action_path(action_id: str) -> str:
    return f"{_PATH}/{quote(action_id, safe='', errors='backslashreplace')}"
