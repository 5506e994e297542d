"""API keys for the clients: what the API answers about them, and the requests, as data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, body, query_params
from perdure.client.view import Page, View

_PATH = "/v1/api-keys"


class Key(View):
    """An API key without its secret. `status`: ACTIVE, EXPIRED or REVOKED."""

    id: str
    name: str
    tenant: str
    role: str
    payloads: bool = False
    status: str = ""
    created_at: datetime | None = None
    created_by: str | None = None
    expires_at: datetime | None = None
    rotated_at: datetime | None = None
    previous_valid_until: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class NewKey(Key):
    """A key with its secret, `pdr_<id>_<secret>`, which the API tells this once."""

    key: str = Field(repr=False)


class KeyPage(View):
    """One page of keys, newest first."""

    data: list[Key]
    page: Page = Page()


class Me(View):
    """Whose key a client sends."""

    actor: str
    tenant: str
    role: str
    payloads: bool = False
    key_id: str | None = None
    expires_at: datetime | None = None


class KeyOptions(TypedDict, total=False):
    """What a new key may have beside name and role. `tenant` may be `*`; `expires_in` is like `90d`."""

    tenant: str | None
    payloads: bool
    expires_in: str | None


def me() -> Call[Me]:
    """Whose key it is."""
    return Call("GET", "/v1/me", Answer.reader(Me))


def create_key(name: str, role: str, **options: Unpack[KeyOptions]) -> Call[NewKey]:
    """Make a key."""
    return Call("POST", _PATH, Answer.reader(NewKey), content=_body({"name": name, "role": role, **options}))


def list_keys(*, limit: int | None = None, cursor: str | None = None) -> Call[KeyPage]:
    """One page of keys, newest first."""
    return Call("GET", _PATH, Answer.reader(KeyPage), query_params({"limit": limit, "cursor": cursor}))


def rotate_key(key_id: str, *, grace: str | None = None, expires_in: str | None = None) -> Call[NewKey]:
    """Give a key a new secret; the old one counts for `grace` (such as `1h`), or no more."""
    content = _body({"grace": grace, "expires_in": expires_in})
    return Call("POST", f"{_key_path(key_id)}/rotate", Answer.reader(NewKey), content=content)


def revoke_key(key_id: str, *, reason: str | None = None) -> Call[Key]:
    """End a key for good."""
    return Call("POST", f"{_key_path(key_id)}/revoke", Answer.reader(Key), content=_body({"reason": reason}))


def _key_path(key_id: str) -> str:
    return f"{_PATH}/{quote(key_id, safe='', errors='backslashreplace')}"


def _body(fields: Mapping[str, Any]) -> bytes:
    return body({name: value for name, value in fields.items() if value is not None})
