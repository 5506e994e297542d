"""Opens the one guarded HTTP client of a worker process; its composition root calls this."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from perdure import __version__
from perdure.egress.backend import GuardedBackend, Resolver, SystemResolver
from perdure.egress.policy import EgressPolicy
from perdure.egress.traced import TracedTransport
from perdure.egress.transport import GuardedTransport
from perdure.telemetry.trace.tracing import Tracing

USER_AGENT = f"perdure/{__version__}"


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
        async with httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"},
            timeout=httpx.Timeout(30.0),
        ) as client:
            yield client
    finally:
        system.close()
