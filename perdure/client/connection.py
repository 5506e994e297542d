"""What both clients share: address, key, and a call turned into a request and back into a result."""

import ipaddress
from typing import Any, Generic, TypeVar

import httpx

import perdure
from perdure.client.answer import Answer
from perdure.client.call import Call
from perdure.client.error import UnreachableError, UnsendableError

T = TypeVar("T")
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Seconds. A decision may take the API several seconds (PERDURE_DECISION_TIMEOUT_SECONDS)."""
MAX_PORT = 65_535


class Exchange(Generic[T]):
    """A call and its successful answer: `value` is typed, `answer.text` the JSON as the API sent it."""

    def __init__(self, call: Call[T], answer: Answer) -> None:
        answer.check()
        self.answer = answer
        self.value: T = call.read(answer)


class Connection:
    """Address, key and time limits of one API.

    Raises:
        ValueError: `server` is not an http(s) URL, or the key has characters no header may hold.
    """

    def __init__(self, server: str, api_key: str | None) -> None:
        host = _host(server)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("the API key has characters that no key has; was the right file read?")
        self.server = server.rstrip("/")
        self._api_key = api_key
        self._loopback = _is_loopback(host)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of the httpx client. The environment's proxies never see loopback addresses."""
        headers = {"Accept": "application/json", "User-Agent": f"perdure/{perdure.__version__}"}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
        return {
            "base_url": self.server,
            "headers": headers,
            "timeout": TIMEOUT,
            "trust_env": not self._loopback,
        }

    def arguments(self, call: Call[Any]) -> dict[str, Any]:
        """Keyword arguments of `httpx.Client.request` for this call.

        Raises:
            UnsendableError: a parameter or header holds what no URL or header can.
        """
        _check(call)
        headers = dict(call.headers)
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        return {
            "method": call.method,
            "url": call.path,
            "params": list(call.params) or None,
            "headers": headers,
            "content": call.content,
        }

    def exchange(self, call: Call[T], response: httpx.Response) -> Exchange[T]:
        """The outcome of a call; raises what `Answer.check` and the call's reader raise."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Exchange(call, Answer(str(response.url), response.status_code, headers, response.content))

    def unreachable(self, error: httpx.RequestError) -> UnreachableError:
        """The same failure in the client's own terms."""
        return UnreachableError(self.server, str(error) or type(error).__name__)


def _check(call: Call[Any]) -> None:
    for name, value in call.headers.items():
        if not (value.isascii() and value.isprintable()):
            raise UnsendableError(f"{name} is printable ASCII, not {value!r}")
    for name, value in call.params:
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise UnsendableError(f"{name} is text, not {value!r}")


def _host(server: str) -> str:
    try:
        url = httpx.URL(server)
    except httpx.InvalidURL as error:
        raise ValueError(f"{server!r} is not a URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"the server is an http:// or https:// URL, not {server!r}")
    if url.port is not None and url.port > MAX_PORT:
        raise ValueError(f"the server URL {server!r} has a port above {MAX_PORT}")
    return url.host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
