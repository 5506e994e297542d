"""What writes in the background begins when something waits, goes on whatever happens, and ends in time."""

import asyncio

import pytest

from api import background_writer
from api.background_writer import BackgroundWriter


class Desk:
    """Where things wait; each is written by itself."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.written: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.writer = BackgroundWriter("test", lambda: bool(self.waiting), self._write)

    def add(self, *things: str) -> None:
        self.waiting += things
        self.writer.begin()

    async def _write(self) -> None:
        thing = self.waiting.pop(0)
        await self.open.wait()
        if thing == "bad":
            raise ValueError("nobody thought of this")
        self.written.append(thing)

    async def until(self, *things: str) -> None:
        async with asyncio.timeout(60):
            while self.written != [*things]:
                await asyncio.sleep(0.001)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(background_writer, "AGAIN_SECONDS", 0.01)
    return Desk()


async def test_what_is_added_is_written_and_then_what_is_added_later(desk: Desk) -> None:
    desk.add("a", "b")
    await desk.until("a", "b")
    desk.add("c")
    desk.add("d")
    await desk.until("a", "b", "c", "d")


async def test_something_unexpected_is_logged_and_the_others_are_written(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add("a", "bad", "b", "bad", "c")
    await desk.until("a", "b", "c")
    assert capsys.readouterr().out.count("ValueError: nobody thought of this") == 2


async def test_closing_writes_what_waits(desk: Desk) -> None:
    desk.add("a", "b", "c")
    await desk.writer.close(60)
    assert desk.written == ["a", "b", "c"]


async def test_closing_waits_no_longer_than_it_is_told(desk: Desk) -> None:
    desk.open.clear()
    desk.add("a", "b")
    await desk.writer.close(0.01)
    assert desk.written == []
    desk.open.set()
    await asyncio.sleep(0)
    assert desk.waiting == ["b"], "nothing is written any more"


async def test_closing_what_never_began_or_has_ended_is_no_trouble(desk: Desk) -> None:
    await desk.writer.close(60)
    desk.add("a")
    await desk.until("a")
    await desk.writer.close(60)
    await desk.writer.close(60)
