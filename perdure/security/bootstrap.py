"""Stores the first admin key when the API starts (contract 10); Postgres may come up later than the API."""

import asyncio
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.error import PerdureError
from perdure.security.audit import AuditEntry, AuditEvent, tell
from perdure.security.key import PresentedKey, key_hash, same_hash
from perdure.security.principal import EVERY_TENANT
from perdure.security.role import Role
from perdure.store.audit import add_entries
from perdure.store.key import ApiKey, get_key, insert_key
from perdure.store.session import transaction

_log = structlog.get_logger("perdure.security")
_PAUSE_SECONDS = 0.5
ADMIN_NAME = "admin"
ACTOR = "perdure:bootstrap"
"""Who made the first key: whoever wrote its file."""


async def keep_admin_key(engine: AsyncEngine, pepper: bytes, key: PresentedKey) -> None:
    """Returns once the key is stored; tries again for as long as Postgres cannot take it."""
    told = False
    while True:
        try:
            await _store(engine, pepper, key)
        except (PerdureError, SQLAlchemyError) as error:
            if not told:
                _log.warning("the first admin key is not stored yet", reason=str(error).splitlines()[0])
            told = True
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def _store(engine: AsyncEngine, pepper: bytes, key: PresentedKey) -> None:
    hashed = key_hash(pepper, key)
    entry = ApiKey(
        key.id, EVERY_TENANT, ADMIN_NAME, Role.ADMIN.value, hashed, created_at=datetime.now(UTC), payloads=True
    )
    made = _entry(entry)
    async with transaction(engine) as connection:
        new = await insert_key(connection, entry)
        if new:
            await add_entries(connection, [made])
        stored = await get_key(connection, key.id)
    if new:
        tell(made)
    if stored is not None and not same_hash(stored.hash, hashed):
        _log.error(
            "the first admin key does not fit what is stored under its id: was the pepper file"
            " (PERDURE_API_KEY_PEPPER_FILE) or the key file replaced?",
            key_id=key.id,
        )


def _entry(key: ApiKey) -> AuditEntry:
    facts = {"name": key.name, "role": key.role, "payloads": key.payloads, "expires_at": None}
    return AuditEntry(AuditEvent.KEY_CREATED, key.tenant, ACTOR, subject=key.id, data=facts)
