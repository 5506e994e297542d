"""The network backend under the guarded client: it resolves, checks and connects to the address it checked.

Every connection passes here, those of redirects too, so no spelling of a host and no second answer of a
name server (DNS rebinding) leads past the check.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore

from perdure.egress.address import Address, parse_address
from perdure.egress.policy import EgressPolicy
from perdure.egress.stream import ClosingStream

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""From host and port to addresses, preferred first. Raises OSError."""

_LAST_PORT = 65_535
RESOLVER_THREADS = 200
"""As many as a worker runs steps: a name server that does not answer holds up nobody else."""


class SystemResolver:
    """The operating system's resolver, in threads of its own: slow names must not hold up other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="egress-resolver")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of `host`. Raises OSError when it has none."""
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._threads, _resolve, host, port)
        return list(dict.fromkeys(answers))

    def close(self) -> None:
        """Let the threads go; what they still resolve is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _resolve(host: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as problem:  # an empty or overlong label
        raise OSError(str(problem)) from None
    addresses = (parse_address(str(answer[4][0])) for answer in answers)
    return [address for address in addresses if address is not None]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects only to what the policy accepts."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of the host's addresses.

        Raises:
            httpcore.UnsupportedProtocol: there is no such port.
            EgressBlockedError: the host has an address that may not be reached.
            httpcore.ConnectError: the name does not resolve, or nothing answers there.
            httpcore.ConnectTimeout: it took longer than `timeout` seconds.
        """
        if not 0 < port <= _LAST_PORT:
            raise httpcore.UnsupportedProtocol(f"there is no port {port}")
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._addresses(host, port)
                self._policy.check(host, port, addresses)
                stream = await self._connect(addresses, port, timeout, local_address, socket_options)
                return ClosingStream(stream)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"no connection to {host} within {timeout} s") from None

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002  the interface of httpcore
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Refused: a socket file is on this machine."""
        raise httpcore.ConnectError("sockets of this machine are not reached")

    async def sleep(self, seconds: float) -> None:
        """Wait; httpcore asks for it between its own connection retries, which are off."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        literal = parse_address(host)
        if literal is not None:
            return [literal]
        try:
            addresses = await self._resolver(host, port)
        except OSError as problem:
            raise httpcore.ConnectError(f"{host} does not resolve: {problem}") from None
        if not addresses:
            raise httpcore.ConnectError(f"{host} does not resolve to any address")
        return addresses

    async def _connect(
        self,
        addresses: Sequence[Address],
        port: int,
        seconds: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.AsyncNetworkStream:
        # An address that swallows packets must not use up the time of the ones after it.
        share = None if seconds is None else seconds / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(addresses[-1]), port, seconds, local_address, socket_options)
