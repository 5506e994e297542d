"""API keys. Used by the API's authentication; hashing and roles are its business."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import api_keys


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored. `tenant` may be `*`; `hash` is the HMAC of the secret, as hex digits."""

    id: str
    tenant: str
    name: str
    role: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


async def get_key(connection: AsyncConnection, key_id: str) -> ApiKey | None:
    """The key with that id, expired and revoked ones too."""
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == key_id))).one_or_none()
    return None if row is None else ApiKey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


async def insert_key(connection: AsyncConnection, key: ApiKey) -> bool:
    """Store a key. False where its id is taken; the stored key stays as it is."""
    values = {column.name: getattr(key, column.name) for column in api_keys.columns}
    statement = insert(api_keys).values(values).on_conflict_do_nothing().returning(api_keys.c.id)
    return (await connection.execute(statement)).first() is not None
