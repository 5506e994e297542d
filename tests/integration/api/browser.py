"""A client that keeps cookies and says of itself what a browser on a page of the server says."""

import httpx

from perdure.security.key import PresentedKey
from tests.integration.api.stack import Api

SAME = {"Sec-Fetch-Site": "same-origin"}
COOKIE = "perdure_session"


async def logged_in(api: Api, key: PresentedKey, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """With the session of the key. `headers` are sent with every request."""
    client = api.client(None)
    client.headers.update(SAME if headers is None else headers)
    answer = await client.post("/v1/session", json={"api_key": key.text})
    assert answer.status_code == 200, answer.text
    return client


def bearing(api: Api, cookie: str, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """With whatever cookie."""
    client = api.client(None)
    client.headers.update({**(SAME if headers is None else headers), "Cookie": f"{COOKIE}={cookie}"})
    return client
