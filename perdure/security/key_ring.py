"""Turns an API key into a principal, asking Postgres as seldom as contract 10 allows; used by the API."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.security.key import PresentedKey, key_hash, parse_key, same_hash
from perdure.security.principal import Principal
from perdure.security.role import Role
from perdure.store.key import ApiKey, get_key
from perdure.store.session import StoreUnavailableError, transaction

FRESH_SECONDS = 5.0
"""How long a key counts without being looked up again; so long a revoked key may live on."""
OUTAGE_SECONDS = 600.0
"""How long a key goes on working while Postgres cannot be asked."""
_PAUSE_SECONDS = 1.0
"""How long Postgres is left alone after it was found away, where a known key will do."""


@dataclass(frozen=True, slots=True)
class _Seen:
    key: ApiKey
    at: float


class KeyRing:
    """The keys that were presented and found valid, each with the time it was last looked up."""

    def __init__(self, engine: AsyncEngine, pepper: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._pepper = pepper
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._away_until = 0.0

    async def principal(self, text: str) -> Principal | None:
        """Who presents the key; None where it is malformed, unknown, wrong, expired or revoked.

        Raises:
            StoreUnavailableError: Postgres is away and this key was not seen lately.
        """
        presented = parse_key(text)
        if presented is None:
            return None
        key = await self._look_up(presented)
        expected = key.hash if key is not None else ""
        if not same_hash(key_hash(self._pepper, presented), expected) or key is None:
            return None
        return _principal(key)

    async def _look_up(self, presented: PresentedKey) -> ApiKey | None:
        seen = self._seen.get(presented.id)
        if seen is not None and self._usable(seen):
            return seen.key
        if seen is None:
            return await self._fetch(presented)
        return await self._refreshed(presented, seen)

    async def _refreshed(self, presented: PresentedKey, seen: _Seen) -> ApiKey | None:
        """Look a known key up again; of many requests at the same moment, one does it for all."""
        lock = self._locks.setdefault(presented.id, asyncio.Lock())
        async with lock:
            newest = self._seen.get(presented.id)
            if newest is not None and self._usable(newest):
                return newest.key
            try:
                return await self._fetch(presented)
            except StoreUnavailableError:
                self._away_until = self._clock() + _PAUSE_SECONDS
                if not self._usable(seen):
                    raise
                return seen.key

    def _usable(self, seen: _Seen) -> bool:
        away = self._clock() < self._away_until
        return self._clock() - seen.at <= (OUTAGE_SECONDS if away else FRESH_SECONDS)

    async def _fetch(self, presented: PresentedKey) -> ApiKey | None:
        async with transaction(self._engine) as connection:
            key = await get_key(connection, presented.id)
        # Only what was presented with its secret is kept: guesses cannot fill the memory.
        if key is not None and same_hash(key_hash(self._pepper, presented), key.hash):
            self._seen[presented.id] = _Seen(key, self._clock())
        elif key is None:
            self._seen.pop(presented.id, None)
        return key


def _principal(key: ApiKey) -> Principal | None:
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= datetime.now(UTC)):
        return None
    if key.role not in list(Role):
        return None
    return Principal(actor=f"key:{key.name}", tenant=key.tenant, role=Role(key.role))
