"""Keeps one service running: starts it, sees it ready, restarts it when it dies; used by the stack."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from perdure.embedded.child import Child, Launch, StopStep, with_tail
from perdure.embedded.error import ServiceFailedError
from perdure.embedded.event import Died, Listener, Ready, Stopped, describe_status

_POLL = 0.05  # seconds between two looks whether it is ready
_BACKOFF = (0.2, 0.5, 1.0, 2.0)  # seconds before a restart, by how many lives before it were short
_SHORT_LIFE = 10.0  # seconds; a longer one shows that a restart helps


class Service(Protocol):
    """What the supervisor needs to know of a service."""

    @property
    def name(self) -> str: ...

    @property
    def stop_steps(self) -> tuple[StopStep, ...]: ...

    def launch(self) -> Launch: ...

    async def prepare(self) -> None:
        """Run before every start."""

    async def probe(self, pid: int) -> str | None:
        """Return None when it is ready, else what it waits for."""


class Supervisor:
    """`run` is to be a task. `ready` is set from the first readiness on; `on_ready` is called at each one."""

    def __init__(self, service: Service, *, tell: Listener, on_ready: Callable[[], None], start_timeout: float) -> None:
        self.service = service
        self.ready = asyncio.Event()
        self._tell = tell
        self._on_ready = on_ready
        self._start_timeout = start_timeout
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The pid of the newest process; 0 before the first start."""
        return self._child.pid if self._child else 0

    async def run(self) -> None:
        """Never return. Raises ServiceFailedError when restarting does not help."""
        short_lives = 0
        while True:
            began = time.monotonic()
            child = await self._start()
            status = await self._watch(child, began)
            short_lives = short_lives + 1 if time.monotonic() - began < _SHORT_LIFE else 1
            delay = self._restart_delay(status, short_lives)
            self._tell(Died(self.service.name, child.pid, status, child.tail(), delay))
            if delay is None:
                raise ServiceFailedError(self._reason(status, short_lives))
            await asyncio.sleep(delay)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Stop the process. The task of `run` is to be ended before."""
        if self._child is None or self._child.ended:
            return
        began = time.monotonic()
        forced = await self._child.stop(self.service.stop_steps, hurry)
        self._tell(Stopped(self.service.name, time.monotonic() - began, forced))

    async def _start(self) -> Child:
        try:
            await self.service.prepare()
            self._child = await Child.start(self.service.launch())
        except OSError as error:
            raise ServiceFailedError(f"{self.service.name} cannot be started: {error}") from error
        return self._child

    async def _watch(self, child: Child, began: float) -> int:
        """Return its exit status; tell meanwhile when it is ready."""
        probing = asyncio.create_task(self._await_ready(child, began))
        exited = asyncio.create_task(child.wait())
        try:
            await asyncio.wait({probing, exited}, return_when=asyncio.FIRST_COMPLETED)
            if probing.done():
                probing.result()
            return await exited
        finally:
            probing.cancel()
            exited.cancel()

    async def _await_ready(self, child: Child, began: float) -> None:
        while (problem := await self._problem(child)) is not None:
            # A restarted one may have to wait for another that is being restarted: no limit then.
            if not self.ready.is_set() and time.monotonic() - began > self._start_timeout:
                reason = f"{self.service.name} was not ready within {self._start_timeout:.0f} s: {problem}"
                raise ServiceFailedError(with_tail(reason, child.tail()))
            await asyncio.sleep(_POLL)
        again = self.ready.is_set()
        self.ready.set()
        self._on_ready()
        self._tell(Ready(self.service.name, time.monotonic() - began, child.pid, again))

    async def _problem(self, child: Child) -> str | None:
        try:
            return await self.service.probe(child.pid)
        except OSError as error:
            return str(error)

    def _restart_delay(self, status: int, short_lives: int) -> float | None:
        if not self.ready.is_set() and status >= 0:
            return None  # it gave up by itself, and would do so again
        return _BACKOFF[short_lives - 1] if short_lives <= len(_BACKOFF) else None

    def _reason(self, status: int, short_lives: int) -> str:
        cause = describe_status(status)
        if not self.ready.is_set() and status >= 0:
            return f"{self.service.name} did not start ({cause})."
        return f"{self.service.name} died {short_lives} times in a row (at last: {cause})."
