"""Opens the one guarded HTTP client of a worker process; its composition root calls this."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from perdure import __version__
from perdure.egress.backend import GuardedBackend, Resolver, SystemResolver
from perdure.egress.policy import EgressPolicy
from perdure.egress.traced import TracedTransport
from perdure.egress.transport import GuardedTransport
from perdure.telemetry.trace.tracing import Tracing

USER_AGENT = f"perdure/{__version__}"


class _NoCookies(httpx.Cookies):
    """Stays empty: answers are not even searched, which would cost as much as sending a request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Take none."""


class _Client(httpx.AsyncClient):
    """What one step gets from a partner is no business of another step's: its cookies stay empty."""

    @property
    def cookies(self) -> httpx.Cookies:
        """None at all."""
        return _NoCookies()

    @cookies.setter
    def cookies(self, _cookies: object) -> None:
        """Nobody's."""


@asynccontextmanager
async def guarded_client(
    policy: EgressPolicy, resolver: Resolver | None = None, tracing: Tracing | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A pooled client that follows no redirects by itself, keeps no cookies and ignores proxy variables.

    Certificates are checked against certifi's list, or SSL_CERT_FILE / SSL_CERT_DIR where set. `tracing` is told
    of its calls.
    """
    # httpx logs whole URLs and httpcore whole headers; both may hold secrets.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    system = SystemResolver()
    guarded = GuardedTransport(GuardedBackend(policy, resolver or system), tls=httpx.create_ssl_context())
    transport = TracedTransport(guarded, tracing or Tracing())
    try:
        async with _Client(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"},
            timeout=httpx.Timeout(30.0),
        ) as client:
            yield client
    finally:
        system.close()
