"""API keys `pdr_<id>_<secret>`: their form, and the HMAC that is kept instead of the secret (contract 10)."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

_FORM = re.compile(r"pdr_([A-Za-z0-9]{4,40})_[A-Za-z0-9]{32,128}", re.ASCII)
_SHORTEST_PEPPER = 32
_ID = string.ascii_lowercase + string.digits
_ID_LENGTH = 12
_SECRET = string.ascii_letters + string.digits
_SECRET_LENGTH = 43
"""Of 62 characters: 256 bits."""


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key of the right form, as it came with a request. `text` is secret."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"PresentedKey({self.id})"


def new_key(key_id: str | None = None) -> PresentedKey:
    """A key nobody has had before; with `key_id`, a new secret for the key of that id."""
    key_id = key_id or _random(_ID, _ID_LENGTH)
    return PresentedKey(key_id, f"pdr_{key_id}_{_random(_SECRET, _SECRET_LENGTH)}")


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def parse_key(text: str) -> PresentedKey | None:
    """The key in `text`, or None where it does not have the form of one."""
    match = _FORM.fullmatch(text)
    return None if match is None else PresentedKey(match[1], text)


def key_hash(pepper: bytes, key: PresentedKey) -> str:
    """What is stored of a key: HMAC-SHA256 over the whole of it, as hex digits."""
    return hmac.new(pepper, key.text.encode("ascii"), hashlib.sha256).hexdigest()


def same_hash(one: str, other: str) -> bool:
    """Compares in a time that tells nothing about where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def read_pepper(file: Path) -> bytes:
    """The secret that keys are hashed with.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds fewer than 32 bytes.
    """
    pepper = file.read_bytes().strip()
    if len(pepper) < _SHORTEST_PEPPER:
        raise ValueError(f"{file} holds {len(pepper)} bytes; a pepper has at least {_SHORTEST_PEPPER}")
    return pepper


def read_key(file: Path) -> PresentedKey:
    """The API key a file holds.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    key = parse_key(file.read_bytes().strip().decode("ascii", "replace"))
    if key is None:
        raise ValueError(f"{file} does not hold an API key of the form pdr_<id>_<secret>")
    return key
