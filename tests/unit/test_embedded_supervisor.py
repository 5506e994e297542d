"""When the supervisor restarts, when it gives up, and what it says: with small real processes as services."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from perdure.embedded import supervisor as supervisor_module
from perdure.embedded.child import Launch, StopStep
from perdure.embedded.error import ServiceFailedError
from perdure.embedded.event import Died, Event, Ready, Stopped
from perdure.embedded.supervisor import Supervisor

FOREVER = "import time; time.sleep(60)"


@dataclass
class Script:
    """A service that runs `code`; ready at once, or never."""

    directory: Path
    code: str = FOREVER
    problem: str | None = None
    name: str = "script"
    stop_steps: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 5),)
    prepared: list[int] = field(default_factory=list)

    def launch(self) -> Launch:
        argv = (sys.executable, "-I", "-c", self.code)
        return Launch(argv=argv, env=os.environ, cwd=self.directory, log=self.directory / "log")

    async def prepare(self) -> None:
        self.prepared.append(1)

    async def probe(self, _pid: int, /) -> str | None:
        await asyncio.sleep(0)
        return self.problem


class Watched:
    """A supervisor, what it told, and the task that runs it."""

    def __init__(self, service: Script, start_timeout: float = 10.0) -> None:
        self.events: list[Event] = []
        self.supervisor = Supervisor(
            service, tell=self.events.append, on_ready=lambda: None, start_timeout=start_timeout
        )
        self.task = asyncio.create_task(self.supervisor.run())

    async def until(self, kind: type[Event], count: int = 1) -> None:
        async with asyncio.timeout(60):
            while sum(isinstance(event, kind) for event in self.events) < count:
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.supervisor.stop(asyncio.Event())


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "_BACKOFF", (0.0,) * 4)


async def test_killed_service_is_prepared_and_started_again(tmp_path: Path, no_backoff: None) -> None:
    service = Script(tmp_path)
    watched = Watched(service)
    await watched.until(Ready)
    first = watched.supervisor.pid
    os.kill(first, signal.SIGKILL)
    await watched.until(Ready, 2)
    assert watched.supervisor.pid != first
    assert len(service.prepared) == 2
    assert [event.again for event in watched.events if isinstance(event, Ready)] == [False, True]
    await watched.end()


async def test_delays_grow_and_the_fifth_short_life_is_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_BACKOFF", (0.0, 0.01, 0.02, 0.03))
    watched = Watched(Script(tmp_path, code="print('bye'); exit(3)"))
    watched.supervisor.ready.set()  # it was ready once, so ending by itself is a death like others
    with pytest.raises(ServiceFailedError, match=r"script died 5 times in a row \(at last: exit code 3\)"):
        await watched.task
    deaths = [event for event in watched.events if isinstance(event, Died)]
    assert [death.restart_in for death in deaths] == [0.0, 0.01, 0.02, 0.03, None]
    assert {(death.cause, death.tail) for death in deaths} == {("exit code 3", "bye")}


async def test_long_life_makes_up_for_earlier_deaths(
    tmp_path: Path, no_backoff: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_SHORT_LIFE", 0.0)
    watched = Watched(Script(tmp_path))
    for lives in range(1, 8):
        await watched.until(Ready, lives)
        os.kill(watched.supervisor.pid, signal.SIGKILL)
    await watched.until(Ready, 8)
    await watched.end()


async def test_service_that_ends_by_itself_before_it_was_ready_is_not_tried_again(tmp_path: Path) -> None:
    watched = Watched(Script(tmp_path, code="exit(7)", problem="not yet"))
    with pytest.raises(ServiceFailedError, match=r"script did not start \(exit code 7\)"):
        await watched.task
    assert len([event for event in watched.events if isinstance(event, Died)]) == 1


async def test_service_killed_before_it_was_ready_is_tried_again(tmp_path: Path, no_backoff: None) -> None:
    service = Script(tmp_path, problem="not yet")
    watched = Watched(service)
    async with asyncio.timeout(60):
        while not watched.supervisor.pid:
            await asyncio.sleep(0.01)
    service.problem = None
    os.kill(watched.supervisor.pid, signal.SIGKILL)
    await watched.until(Ready)
    await watched.end()


async def test_service_that_is_never_ready_fails_telling_what_it_waited_for(tmp_path: Path) -> None:
    code = "print('still thinking', flush=True); " + FOREVER
    watched = Watched(Script(tmp_path, code=code, problem="it says 503"), start_timeout=3)
    with pytest.raises(ServiceFailedError, match="not ready within 3 s: it says 503:\nstill thinking"):
        await watched.task
    await watched.end()
    with pytest.raises(ProcessLookupError):
        os.kill(watched.supervisor.pid, 0)


async def test_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    service = Script(tmp_path / "gone")
    with pytest.raises(ServiceFailedError, match=r"script cannot be started: .*gone"):
        await Watched(service).task


async def test_stop_before_the_start_and_twice_does_nothing(tmp_path: Path) -> None:
    watched = Watched(Script(tmp_path))
    await watched.supervisor.stop(asyncio.Event())
    await watched.until(Ready)
    await watched.end()
    await watched.supervisor.stop(asyncio.Event())
    assert len([event for event in watched.events if isinstance(event, Stopped)]) == 1
