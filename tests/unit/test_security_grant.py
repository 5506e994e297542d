"""Nobody gives more than they have: tenant, role, payloads, time."""

from datetime import UTC, datetime, timedelta

import pytest

from perdure.security.grant import Grant, excess
from perdure.security.principal import Principal
from perdure.security.role import Role

SOON = datetime(2030, 1, 1, tzinfo=UTC)
LATER = SOON + timedelta(days=1)
ROOT = Principal("key:root", "*", Role.ADMIN, payloads=True)
ACME = Principal("key:acme", "acme", Role.ADMIN)
BRIEF = Principal("key:brief", "*", Role.ADMIN, payloads=True, expires_at=SOON)
OPERATOR = Principal("key:ops", "acme", Role.OPERATOR, payloads=True)


def grant(
    tenant: str = "acme", role: Role = Role.VIEWER, expires_at: datetime | None = None, *, payloads: bool = False
) -> Grant:
    return Grant(tenant, role, payloads, expires_at)


@pytest.mark.parametrize(
    ("giver", "given"),
    [
        (ROOT, grant("*", Role.ADMIN, payloads=True)),
        (ROOT, grant("acme", Role.ADMIN, LATER)),
        (ACME, grant("acme", Role.ADMIN)),
        (BRIEF, grant("*", Role.ADMIN, SOON, payloads=True)),
    ],
)
def test_what_one_has_can_be_given(giver: Principal, given: Grant) -> None:
    assert excess(giver, given) is None


@pytest.mark.parametrize(
    ("giver", "given", "said"),
    [
        (ACME, grant("*"), "tenant acme only"),
        (ACME, grant("other"), "admin of other is needed"),
        (ACME, grant(payloads=True), "lacks the grant payloads"),
        (OPERATOR, grant(role=Role.ADMIN), "cannot give the role admin"),
        (BRIEF, grant(), "expires at 2030-01-01T00:00:00Z"),
        (BRIEF, grant(expires_at=LATER), "shorter expires_in"),
    ],
)
def test_more_than_one_has_cannot(giver: Principal, given: Grant, said: str) -> None:
    assert said in (excess(giver, given) or "")
