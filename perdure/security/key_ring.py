"""Turns an API key into a principal, asking Postgres as seldom as contract 10 allows; used by the API."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.security.key import PresentedKey, key_hash, parse_key, same_hash
from perdure.security.principal import Principal
from perdure.security.proof import Proof
from perdure.security.role import Role
from perdure.store.key import ApiKey, get_key
from perdure.store.session import StoreUnavailableError, transaction

FRESH_SECONDS = 5.0
"""How long a key counts without being looked up again; so long a key revoked elsewhere may live on."""
OUTAGE_SECONDS = 600.0
"""How long a key goes on working while Postgres cannot be asked."""
_PAUSE_SECONDS = 1.0
"""How long Postgres is left alone after it was found away."""
_NO_HASH = "0" * 64
"""Compared with where there is no hash, so that the comparison takes as long as any."""


@dataclass(frozen=True, slots=True)
class _Seen:
    key: ApiKey
    at: float


@dataclass(frozen=True, slots=True)
class _Outage:
    until: float
    cause: BaseException


class KeyRing:
    """The keys that were presented and found valid, each with the time it was last looked up."""

    def __init__(self, engine: AsyncEngine, pepper: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._pepper = pepper
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._away_until = 0.0
        # Apart from that: what strangers run into must not lengthen the life of keys that are known.
        self._outage: _Outage | None = None
        self._changes = 0

    async def principal(self, text: str) -> Principal | None:
        """Who presents the key; None where it is malformed, unknown, wrong, expired or revoked.

        Raises:
            StoreUnavailableError: Postgres is away and this key was not seen lately.
        """
        presented = parse_key(text)
        if presented is None:
            return None
        return await self.principal_by(Proof(presented.id, partial(same_hash, key_hash(self._pepper, presented))))

    async def principal_by(self, proof: Proof) -> Principal | None:
        """The same, whichever way the key is claimed; raises as well."""
        key = await self._look_up(proof)
        return _principal(key) if _fits(key, proof) and key is not None else None

    def hash(self, key: PresentedKey) -> str:
        """What is stored of a key."""
        return key_hash(self._pepper, key)

    def forget(self, key_id: str) -> None:
        """The stored key has changed: it is looked up before it counts again."""
        self._changes += 1
        self._seen.pop(key_id, None)

    async def _look_up(self, proof: Proof) -> ApiKey | None:
        arrived = self._clock()
        seen = self._seen.get(proof.key_id)
        if seen is not None and self._will_do(seen, proof, arrived):
            return seen.key
        # Of many requests at the same moment one asks for all.
        lock = self._locks.setdefault(proof.key_id, asyncio.Lock())
        async with lock:
            seen = self._seen.get(proof.key_id)
            if seen is not None and self._will_do(seen, proof, arrived):
                return seen.key
            return await (self._fetch(proof) if seen else self._fetch_unseen(proof))

    def _will_do(self, seen: _Seen, proof: Proof, arrived: float) -> bool:
        """Whether no look at Postgres is needed. Where the secret does not fit, it may have been changed elsewhere."""
        current = _fits(seen.key, proof) or seen.at >= arrived or self._away()
        return current and self._usable(seen)

    def _away(self) -> bool:
        return self._clock() < self._away_until

    def _usable(self, seen: _Seen) -> bool:
        return self._clock() - seen.at <= (OUTAGE_SECONDS if self._away() else FRESH_SECONDS)

    async def _fetch_unseen(self, proof: Proof) -> ApiKey | None:
        if self._outage is not None and self._clock() < self._outage.until:
            raise StoreUnavailableError(self._outage.cause) from self._outage.cause
        try:
            return await self._ask(proof)
        except StoreUnavailableError as error:
            self._outage = _Outage(self._clock() + _PAUSE_SECONDS, error.__cause__ or error)
            raise

    async def _fetch(self, proof: Proof) -> ApiKey | None:
        try:
            return await self._ask(proof)
        except StoreUnavailableError:
            self._away_until = self._clock() + _PAUSE_SECONDS
            seen = self._seen.get(proof.key_id)
            if seen is None or not self._usable(seen):
                raise
            return seen.key

    async def _ask(self, proof: Proof) -> ApiKey | None:
        began, changes = self._clock(), self._changes
        async with transaction(self._engine) as connection:
            key = await get_key(connection, proof.key_id)
        if key is None:
            self._seen.pop(proof.key_id, None)
        # Only what was presented with its secret is kept: guesses cannot fill the memory.
        # What was read before a change of this process is not kept either: a revoked key dies at once.
        elif (_fits(key, proof) or proof.key_id in self._seen) and changes == self._changes:
            self._seen[proof.key_id] = _Seen(key, began)
        return key


def _fits(key: ApiKey | None, proof: Proof) -> bool:
    """Whether the secret is the key's, or the one before it while that still counts."""
    current = proof.matches(key.hash if key else _NO_HASH)
    previous = proof.matches((key.previous_hash if key else None) or _NO_HASH)
    until = key.previous_until if key else None
    return current or (previous and until is not None and datetime.now(UTC) < until)


def _principal(key: ApiKey) -> Principal | None:
    if not key.active(datetime.now(UTC)) or key.role not in list(Role):
        return None
    return Principal(
        actor=f"key:{key.name}",
        tenant=key.tenant,
        role=Role(key.role),
        payloads=key.payloads,
        key_id=key.id,
        expires_at=key.expires_at,
    )
