"""What the database knows of the API key that is used: whose it is, what it may do, whether it still counts."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.doctor.clock import now
from perdure.doctor.finding import Finding, ok, problem
from perdure.security.key import PresentedKey, key_hash, parse_key, read_pepper, same_hash
from perdure.security.principal import EVERY_TENANT
from perdure.settings import Settings
from perdure.store.key import ApiKey, get_key

_CHECK = "key"
_OTHER = "Use another key (PERDURE_API_KEY or --api-key)."


async def examine_key(connection: AsyncConnection, settings: Settings, text: str) -> Finding:
    """Whether the key counts, and its role and tenant."""
    key = parse_key(text)
    if key is None:
        return problem(_CHECK, "the key has not the form pdr_<id>_<secret>", _OTHER)
    stored = await get_key(connection, key.id)
    if stored is None:
        return problem(_CHECK, f"no key pdr_{key.id}_… is stored in this database", _OTHER)
    return _fits(settings, key, stored) or judge_key(stored, now())


def judge_key(stored: ApiKey, at: datetime) -> Finding:
    """Whether a stored key counts at this moment."""
    named = f"pdr_{stored.id}_… ({stored.name})"
    if stored.revoked_at is not None and stored.revoked_at <= at:
        return problem(_CHECK, f"{named} was revoked at {stored.revoked_at:%Y-%m-%d %H:%M:%SZ}", _OTHER)
    if stored.expires_at is not None and stored.expires_at <= at:
        return problem(_CHECK, f"{named} expired at {stored.expires_at:%Y-%m-%d %H:%M:%SZ}", _OTHER)
    tenant = "every tenant" if stored.tenant == EVERY_TENANT else f"tenant {stored.tenant}"
    until = "" if stored.expires_at is None else f", until {stored.expires_at:%Y-%m-%d %H:%M:%SZ}"
    return ok(_CHECK, f"{named}: role {stored.role}, {tenant}{until}")


def _fits(settings: Settings, key: PresentedKey, stored: ApiKey) -> Finding | None:
    """What is wrong with secret or pepper; None where nothing is, or where the pepper is not at hand."""
    if settings.api_key_pepper_file is None:
        return None
    try:
        pepper = read_pepper(settings.api_key_pepper_file)
    except (OSError, ValueError):  # told with the files
        return None
    if same_hash(stored.hash, key_hash(pepper, key)):
        return None
    what = f"pdr_{key.id}_… is not what is stored under its id: its secret is wrong, or the pepper file was replaced"
    return problem(
        _CHECK, what, "Use the key that was stored, or put the old file of PERDURE_API_KEY_PEPPER_FILE back."
    )
