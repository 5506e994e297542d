"""The API key that is used: what it may do, and from the database why it does not count; for the doctor."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.doctor.clock import now
from perdure.doctor.finding import Finding, ok, problem
from perdure.security.key import parse_key, read_pepper
from perdure.security.key_ring import KeyRing
from perdure.security.principal import EVERY_TENANT
from perdure.settings import Settings
from perdure.store.key import ApiKey, get_key

_CHECK = "stored key"
_OTHER = "Use another key (PERDURE_API_KEY or --api-key)."
_REPLACED = "Use the key that was stored, or put the old file of PERDURE_API_KEY_PEPPER_FILE back."


def described(role: str, tenant: str, *, payloads: bool, expires_at: datetime | None) -> str:
    """What a key gives, in words."""
    where = "every tenant" if tenant == EVERY_TENANT else f"tenant {tenant}"
    grant = ", sees payloads" if payloads else ""
    until = "" if expires_at is None else f", until {expires_at:%Y-%m-%d %H:%M:%SZ}"
    return f"role {role}, {where}{grant}{until}"


async def examine_key(engine: AsyncEngine, connection: AsyncConnection, settings: Settings, text: str) -> Finding:
    """Whether the key counts here, and if not, why."""
    key = parse_key(text)
    if key is None:
        return problem(_CHECK, "the key has not the form pdr_<id>_<secret>", _OTHER)
    stored = await get_key(connection, key.id)
    if stored is None:
        return problem(_CHECK, f"no key pdr_{key.id}_… is stored in this database", _OTHER)
    judged = judge_key(stored, now())
    pepper = _pepper(settings)
    if judged.remedy is not None or pepper is None or await KeyRing(engine, pepper).principal(text) is not None:
        return judged
    what = f"pdr_{key.id}_… is not what is stored under its id: its secret is wrong, or the pepper file was replaced"
    return problem(_CHECK, what, _REPLACED)


def judge_key(stored: ApiKey, at: datetime) -> Finding:
    """Whether a stored key counts at this moment."""
    named = f"pdr_{stored.id}_… ({stored.name})"
    if stored.revoked_at is not None and stored.revoked_at <= at:
        return problem(_CHECK, f"{named} was revoked at {stored.revoked_at:%Y-%m-%d %H:%M:%SZ}", _OTHER)
    if stored.expires_at is not None and stored.expires_at <= at:
        return problem(_CHECK, f"{named} expired at {stored.expires_at:%Y-%m-%d %H:%M:%SZ}", _OTHER)
    gives = described(stored.role, stored.tenant, payloads=stored.payloads, expires_at=stored.expires_at)
    return ok(_CHECK, f"{named}: {gives}")


def _pepper(settings: Settings) -> bytes | None:
    """None where it is not at hand; what is wrong with its file is told with the files."""
    if settings.api_key_pepper_file is None:
        return None
    try:
        return read_pepper(settings.api_key_pepper_file)
    except (OSError, ValueError):
        return None
