"""API keys. Used by the API: authentication, and the routes that manage keys; roles and hashing are its business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.cursor import Keyset, decode, encode
from perdure.store.table import api_keys

_NAMES_LOCK = 0x7065726475726503
"""Advisory lock: "perdure" and 3. Held while a name is looked for and taken."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored. `tenant` may be `*`; `hash` is the HMAC of the secret, as hex digits.

    `previous_hash` is that of the secret before the last rotation; it counts until `previous_until`.
    """

    id: str
    tenant: str
    name: str
    role: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    payloads: bool = False
    created_by: str | None = None
    revoked_by: str | None = None
    rotated_at: datetime | None = None
    previous_hash: str | None = None
    previous_until: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


async def get_key(connection: AsyncConnection, key_id: str) -> ApiKey | None:
    """The key with that id, expired and revoked ones too."""
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == key_id))).one_or_none()
    return None if row is None else _key(row)


async def lock_key(connection: AsyncConnection, key_id: str) -> ApiKey | None:
    """The same; nobody else changes it until this transaction ends."""
    query = select(api_keys).where(api_keys.c.id == key_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _key(row)


async def list_keys(
    connection: AsyncConnection, tenant: str | None, cursor: str | None, limit: int
) -> tuple[Sequence[ApiKey], str | None]:
    """A page of the keys of a tenant (None: of all), newest first, and the cursor of the next page.

    Raises:
        CursorError: no page has given this cursor.
    """
    query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()).limit(limit + 1)
    if tenant is not None:
        query = query.where(api_keys.c.tenant == tenant)
    if cursor is not None:
        query = query.where(tuple_(api_keys.c.created_at, api_keys.c.id) < tuple_(*decode(cursor)))
    found = [_key(row) for row in await connection.execute(query)]
    page = found[:limit]
    return page, encode(Keyset(page[-1].created_at, page[-1].id)) if len(found) > limit else None


async def insert_key(connection: AsyncConnection, key: ApiKey) -> bool:
    """Store a key. False where its id is taken; the stored key stays as it is."""
    values = {column.name: getattr(key, column.name) for column in api_keys.columns}
    statement = insert(api_keys).values(values).on_conflict_do_nothing().returning(api_keys.c.id)
    return (await connection.execute(statement)).first() is not None


async def name_is_taken(connection: AsyncConnection, tenant: str, name: str, now: datetime, every: str) -> bool:
    """Whether a living key that acts in the same tenant has this name; `every` is the tenant that is all of them.

    Until the transaction ends nobody else takes a name.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(_NAMES_LOCK)))
    living = api_keys.c.revoked_at.is_(None) & or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    query = select(api_keys.c.id).where(api_keys.c.name == name, living).limit(1)
    if tenant != every:
        query = query.where(api_keys.c.tenant.in_((tenant, every)))
    return (await connection.execute(query)).first() is not None


async def update_key(connection: AsyncConnection, key_id: str, **changes: Any) -> ApiKey:
    """The key after these columns were set. The caller knows that there is such a key."""
    statement = update(api_keys).where(api_keys.c.id == key_id).values(changes).returning(*api_keys.c)
    return _key((await connection.execute(statement)).one())


def _key(row: Any) -> ApiKey:
    return ApiKey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
