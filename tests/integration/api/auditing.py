"""Reading the audit in tests."""

from typing import Any

from tests.integration.api.stack import Api, unique, until

AUDIT = "/v1/audit"


def tenant() -> str:
    return f"t{unique()[:12]}"


async def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    """What the first admin sees, oldest first."""
    answer = await api.client(api.admin).get(AUDIT, params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found[::-1]


async def entered(api: Api, number: int, **query: Any) -> list[dict[str, Any]]:
    """The same, once there are so many: not everything waits for its entry, nor for long."""

    async def there() -> list[dict[str, Any]] | None:
        found = await entries(api, **query)
        return found if len(found) >= number else None

    found: list[dict[str, Any]] = await until(there)
    assert len(found) == number
    return found
