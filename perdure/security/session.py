"""Sessions of people in a browser: text for a cookie that stands for an API key without holding it; used by the API.

Nothing is stored. The text names the key, when the session began, and a mark of the secret it was begun with, under an
HMAC: who rotates or revokes the key ends its sessions (docs/decisions/0031).
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from functools import partial

from perdure.security.key import PresentedKey, key_hash, same_hash
from perdure.security.proof import Proof

_FORM = re.compile(r"([A-Za-z0-9]{4,40})\.([0-9]{1,12})\.([0-9a-f]{64})\.([0-9a-f]{64})", re.ASCII)
_FAST_CLOCK_SECONDS = 60
"""How far ahead the clock of the API process that began a session may be."""
_HOUR = 3600


class Sessions:
    """Begins and reads sessions. `hours` is how long one counts, also of those begun under another setting."""

    def __init__(self, pepper: bytes, hours: float, clock: Callable[[], float] = time.time) -> None:
        self._pepper = pepper
        # Keys are hashed with the pepper itself, and begin with pdr_: neither can be taken for the other.
        self._secret = hmac.digest(pepper, b"perdure session 1", "sha256")
        self.seconds = round(hours * _HOUR)
        self._clock = clock

    def begin(self, key: PresentedKey) -> str:
        """The text of a session that begins now, for a key that was found valid."""
        claim = f"{key.id}.{int(self._clock())}.{self._mark(key_hash(self._pepper, key))}"
        return f"{claim}.{self._signature(claim)}"

    def read(self, text: str) -> Proof | None:
        """What the session claims; None where the text is not of our making, or the session is over."""
        match = _FORM.fullmatch(text)
        if match is None or not same_hash(match[4], self._signature(text[: match.end(3)])):
            return None
        age = self._clock() - int(match[2])
        if not -_FAST_CLOCK_SECONDS <= age < self.seconds:
            return None
        return Proof(match[1], partial(self._marks, match[3]))

    def _marks(self, mark: str, stored: str) -> bool:
        return same_hash(mark, self._mark(stored))

    def _mark(self, stored: str) -> str:
        """Of the secret whose hash is stored: what is in the database is not shown to browsers."""
        return self._hmac(f"secret {stored}")

    def _signature(self, claim: str) -> str:
        return self._hmac(f"claim {claim}")

    def _hmac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode("ascii"), hashlib.sha256).hexdigest()
