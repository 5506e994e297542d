"""The embedded stack: Postgres, Temporal, worker and API, started in order, supervised, stopped in order.

For `perdure dev`, the demo and tests:

    async with EmbeddedStack(StackConfig(ephemeral=True), on_event=print) as stack:
        print(stack.info.api_url)
"""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perdure.embedded.child import run_once
from perdure.embedded.config import StackConfig
from perdure.embedded.data_dir import DataDir, open_data_dir
from perdure.embedded.error import StackError
from perdure.embedded.event import Event, Listener, Ready, Stopping
from perdure.embedded.info import Pids, StackInfo, remove_info, write_info
from perdure.embedded.plan import Plan, make_plan
from perdure.embedded.process import end_leftovers, require_psutil
from perdure.embedded.supervisor import Service, Supervisor


class EmbeddedStack:
    """Entering it starts everything and returns when all is ready; leaving it stops everything.

    Raises StackError from `async with` when it cannot start, and from `watch` when a service keeps dying. A
    start that is cancelled stops what it had started. `on_event` is called from the event loop.
    """

    def __init__(self, config: StackConfig, on_event: Listener | None = None) -> None:
        self._config = config
        self._listener = on_event
        self._hurry = asyncio.Event()
        self._supervisors: dict[str, Supervisor] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._complete = False
        self._data: DataDir | None = None
        self._plan: Plan | None = None

    @property
    def info(self) -> StackInfo:
        """Addresses and the pids of now. Raises StackError while the stack is not ready."""
        if self._plan is None or not self._complete:
            raise StackError("The embedded stack is not ready.")
        pids = {name: supervisor.pid for name, supervisor in self._supervisors.items()}
        return self._plan.info(Pids(**pids))

    @property
    def data(self) -> DataDir:
        """Raises StackError before the start."""
        if self._data is None:
            raise StackError("The embedded stack is not started.")
        return self._data

    @property
    def log_dir(self) -> Path | None:
        """Where the services' logs are; None before the start, and once an ephemeral stack is gone."""
        return self._data.log if self._data is not None and self._data.log.is_dir() else None

    @property
    def plan(self) -> Plan:
        """Raises StackError before the start."""
        if self._plan is None:
            raise StackError("The embedded stack is not started.")
        return self._plan

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except OSError as error:
            await self._stop()
            raise StackError(f"The embedded stack cannot start: {error}") from error
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def watch(self) -> None:
        """Return never. Raises StackError with the reason when the stack cannot go on."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def hurry(self) -> None:
        """Cut the graces of the stop short: what has not ended is killed. Nothing that was stored is lost."""
        self._hurry.set()

    async def _start(self) -> None:
        require_psutil()
        self._data = open_data_dir(self._config.data_dir, ephemeral=self._config.ephemeral)
        await end_leftovers(self._data.path)
        self._plan = plan = make_plan(self._config, self._data)
        self._supervise("postgres", plan.postgres)
        self._supervise("temporal", plan.temporal)
        await self._unless_failed(self._supervisors["postgres"].ready.wait())
        await self._unless_failed(self._migrate())
        await self._unless_failed(self._supervisors["temporal"].ready.wait())
        self._supervise("worker", plan.worker)
        self._supervise("api", plan.api)
        for supervisor in self._supervisors.values():
            await self._unless_failed(supervisor.ready.wait())
        self._complete = True
        write_info(self._data.path, self.info)

    async def _migrate(self) -> None:
        began = time.monotonic()
        await run_once(self.plan.migration, "Migrating the database")
        self._tell(Ready("migrations", time.monotonic() - began))

    def _supervise(self, key: str, service: Service) -> None:
        supervisor = Supervisor(
            service, tell=self._tell, on_ready=self._refresh_info, start_timeout=self._config.start_timeout
        )
        self._supervisors[key] = supervisor
        self._tasks.append(asyncio.create_task(supervisor.run(), name=f"supervise {service.name}"))

    def _refresh_info(self) -> None:
        if self._complete:
            write_info(self.data.path, self.info)

    async def _unless_failed(self, work: Coroutine[Any, Any, object]) -> None:
        """Await `work`; raise instead what ends the supervision of a service meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
            for ended in (*self._tasks, task):
                if ended.done():
                    ended.result()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _tell(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)

    async def _stop(self) -> None:
        """Stop everything, also when cancelled meanwhile: a cancelled stop would leave processes."""
        stopping = asyncio.create_task(self._stop_all())
        while not stopping.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(stopping)
        stopping.result()

    async def _stop_all(self) -> None:
        self._complete = False
        if self._tasks:
            self._tell(Stopping())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._data is None:
            return
        try:
            remove_info(self._data.path)
            await self._stop_services()
            await end_leftovers(self._data.path)
        finally:
            self._data.close()

    async def _stop_services(self) -> None:
        for key in ("api", "worker", "temporal", "postgres"):
            if supervisor := self._supervisors.get(key):
                await supervisor.stop(self._hurry)
        if self._plan is not None:
            self._plan.postgres.remove_socket_dir()
