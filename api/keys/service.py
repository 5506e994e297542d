"""Making, rotating and revoking keys: within the admin's tenant, and never more than the admin has (contract 10)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request

from api.audit.entry import entry_of
from api.context import context_of
from api.keys.schemas import KeyRequest, RevokeRequest, RotateRequest
from api.problem import ApiError
from api.security import forbidden
from api.state import Services
from perdure.contract.duration import parse_duration
from perdure.security.audit import AuditEntry, AuditEvent, tell
from perdure.security.grant import Grant, excess
from perdure.security.key import PresentedKey, new_key
from perdure.security.principal import EVERY_TENANT, Principal
from perdure.security.role import Role
from perdure.store.audit import add_entries
from perdure.store.key import ApiKey, get_key, insert_key, lock_key, name_is_taken, update_key

_ID_FORM = re.compile(r"[A-Za-z0-9]{4,40}", re.ASCII)


async def create(
    request: Request, found: Services, principal: Principal, wanted: KeyRequest
) -> tuple[ApiKey, PresentedKey]:
    """Store a new key; returns it, and the secret that is kept nowhere.

    Raises:
        ApiError: API.FORBIDDEN for more than the principal has, API.CONFLICT for a name that is taken.
    """
    now = datetime.now(UTC)
    tenant = wanted.tenant or principal.home
    expires_at = _after(now, wanted.expires_in)
    _check(request, principal, Grant(tenant, wanted.role, wanted.payloads, expires_at))
    secret = new_key()
    key = ApiKey(
        secret.id,
        tenant,
        wanted.name,
        wanted.role.value,
        found.keys.hash(secret),
        created_at=now,
        expires_at=expires_at,
        payloads=wanted.payloads,
        created_by=principal.actor,
    )
    facts = {"role": key.role, "payloads": key.payloads, "expires_at": _said(expires_at)}
    entry = _entry(request, AuditEvent.KEY_CREATED, principal, key, facts)
    async with found.store.transaction() as connection:
        if await name_is_taken(connection, tenant, wanted.name, now, EVERY_TENANT):
            message = f"a key named {wanted.name!r} is there already: give this one another name, or revoke that one"
            raise ApiError("API.CONFLICT", message)
        await insert_key(connection, key)
        await add_entries(connection, [entry])
    tell(entry)
    return key, secret


async def one(found: Services, principal: Principal, key_id: str) -> ApiKey:
    """A key of a tenant of this principal.

    Raises:
        ApiError: API.NOT_FOUND.
    """
    async with found.store.transaction() as connection:
        return _own(principal, await get_key(connection, _checked_id(key_id)))


async def rotate(
    request: Request, found: Services, principal: Principal, key_id: str, wanted: RotateRequest
) -> tuple[ApiKey, PresentedKey]:
    """Give a key a new secret; whoever gets it gets all the key gives, so the rules are those of making one.

    Raises:
        ApiError: API.NOT_FOUND, API.FORBIDDEN, or API.CONFLICT for a key that is revoked or expired.
    """
    now = datetime.now(UTC)
    async with found.store.transaction() as connection:
        key = _own(principal, await lock_key(connection, _checked_id(key_id)))
        if not key.active(now):
            raise ApiError("API.CONFLICT", f"key {key.id} is revoked or expired and stays so: make a new one")
        expires_at = _after(now, wanted.expires_in) or key.expires_at
        _check(request, principal, Grant(key.tenant, Role(key.role), key.payloads, expires_at))
        secret = new_key(key.id)
        until = _after(now, wanted.grace)
        rotated = await update_key(
            connection,
            key.id,
            hash=found.keys.hash(secret),
            rotated_at=now,
            expires_at=expires_at,
            previous_hash=key.hash if until else None,
            previous_until=until,
        )
        facts = {"grace": wanted.grace, "expires_at": _said(expires_at)}
        entry = _entry(request, AuditEvent.KEY_ROTATED, principal, key, facts)
        await add_entries(connection, [entry])
    found.keys.forget(key.id)
    tell(entry)
    return rotated, secret


async def revoke(request: Request, found: Services, principal: Principal, key_id: str, wanted: RevokeRequest) -> ApiKey:
    """End a key for good: here at once, at other API processes within 5 s. One that is revoked stays as it is.

    Raises:
        ApiError: API.NOT_FOUND.
    """
    async with found.store.transaction() as connection:
        key = _own(principal, await lock_key(connection, _checked_id(key_id)))
        if key.revoked_at is not None:
            return key
        key = await update_key(connection, key.id, revoked_at=datetime.now(UTC), revoked_by=principal.actor)
        entry = _entry(request, AuditEvent.KEY_REVOKED, principal, key, {"reason": wanted.reason})
        await add_entries(connection, [entry])
    found.keys.forget(key.id)
    tell(entry)
    return key


def _checked_id(key_id: str) -> str:
    if _ID_FORM.fullmatch(key_id) is None:
        raise _not_found()
    return key_id


def _own(principal: Principal, key: ApiKey | None) -> ApiKey:
    if key is None or (principal.scope is not None and key.tenant != principal.scope):
        raise _not_found()
    return key


def _not_found() -> ApiError:
    return ApiError("API.NOT_FOUND", "there is no such key")


def _check(request: Request, principal: Principal, grant: Grant) -> None:
    message = excess(principal, grant)
    if message is not None:
        raise forbidden(request, principal, message)


def _after(now: datetime, span: str | None) -> datetime | None:
    return None if span is None else now + parse_duration(span)


def _entry(
    request: Request, event: AuditEvent, principal: Principal, key: ApiKey, facts: Mapping[str, Any]
) -> AuditEntry:
    """The entry about the key; of `facts` the `reason` is its own."""
    data = {"name": key.name, **facts}
    reason = data.pop("reason", None)
    return entry_of(context_of(request), principal, event, key.tenant, subject=key.id, reason=reason, data=data)


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
