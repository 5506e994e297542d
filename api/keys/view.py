"""From stored keys to what the API shows; pure. Used by the key routes."""

from datetime import UTC, datetime

from api.keys.schemas import KeyStatus, KeyView, NewKeyView, PrincipalView
from perdure.security.key import PresentedKey
from perdure.security.principal import Principal
from perdure.store.key import ApiKey

_SAME = ("id", "name", "tenant", "payloads", "created_at", "created_by", "expires_at", "rotated_at", "revoked_at")


def key_view(key: ApiKey) -> KeyView:
    """The key without its secret."""
    shown = {name: getattr(key, name) for name in (*_SAME, "role", "revoked_by")}
    return KeyView(**shown, status=_status(key), previous_valid_until=key.previous_until)


def new_key_view(key: ApiKey, secret: PresentedKey) -> NewKeyView:
    """The key with its secret."""
    return NewKeyView(**dict(key_view(key)), key=secret.text)


def principal_view(principal: Principal) -> PrincipalView:
    """Who somebody is."""
    return PrincipalView(**{name: getattr(principal, name) for name in PrincipalView.model_fields})


def _status(key: ApiKey) -> KeyStatus:
    if key.revoked_at is not None:
        return KeyStatus.REVOKED
    return KeyStatus.ACTIVE if key.active(datetime.now(UTC)) else KeyStatus.EXPIRED
