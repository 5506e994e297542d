"""The stack's own secrets: first admin key, pepper of the API keys, Postgres password; made once and kept."""

import os
import secrets
import string
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_ID = string.ascii_lowercase + string.digits
_SECRET = string.ascii_letters + string.digits
_SECRET_LENGTH = 43  # 256 bits
_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where they are kept, and the password (letters and digits only, so it needs no escaping anywhere)."""

    admin_key_file: Path
    pepper_file: Path
    database_password: str


def keep_secrets(directory: Path) -> Secrets:
    """Read the secrets in `directory`, making those that are not there yet."""
    admin_key, pepper = directory / "admin-key", directory / "api-key-pepper"
    _keep(admin_key, new_api_key())
    _keep(pepper, _random(_SECRET, _SECRET_LENGTH))
    password = _keep(directory / "postgres-password", _random(_SECRET, _SECRET_LENGTH))
    return Secrets(admin_key, pepper, password)


def new_api_key() -> str:
    """Return `pdr_<id>_<secret>`."""
    return f"pdr_{_random(_ID, _ID_LENGTH)}_{_random(_SECRET, _SECRET_LENGTH)}"


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _keep(path: Path, fresh: str) -> str:
    with suppress(FileNotFoundError):
        if kept := path.read_text().strip():
            return kept
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return fresh
