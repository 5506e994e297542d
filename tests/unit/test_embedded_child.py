"""Child processes: logs, tails, stopping in steps, and that none outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from perdure.embedded import child as child_module
from perdure.embedded.child import Child, Launch, StopStep, run_once
from perdure.embedded.error import ServiceFailedError
from perdure.embedded.event import describe_status

TERM = StopStep(signal.SIGTERM, 5)
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True)); "
    "print('up', flush=True); time.sleep(60)"
)


def _launch(directory: Path, code: str, **more: object) -> Launch:
    argv = (sys.executable, "-I", "-c", code)
    return Launch(argv=argv, env=os.environ, cwd=directory, log=directory / "log", **more)  # type: ignore[arg-type]


async def _logged(path: Path, text: str) -> None:
    async with asyncio.timeout(60):
        while text not in path.read_text():
            await asyncio.sleep(0.01)


async def test_tail_is_of_this_start_only_and_without_control_characters(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("an earlier start\n")
    child = await Child.start(_launch(tmp_path, r"print('\x1b[31mred\x1b[0m\x07 é\n' * 40)"))
    assert await child.wait() == 0
    assert child.tail().splitlines() == ["red é"] * 15
    assert (tmp_path / "log").read_text().startswith("an earlier start\n")


async def test_long_log_is_set_aside_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_LOG_LIMIT", 10)
    (tmp_path / "log").write_text("more than ten bytes")
    await (await Child.start(_launch(tmp_path, "print('new')"))).wait()
    assert (tmp_path / "log").read_text() == "new\n"
    assert (tmp_path / "log.1").read_text() == "more than ten bytes"


async def test_pid_is_the_programs_own_in_a_session_of_its_own(tmp_path: Path) -> None:
    child = await Child.start(_launch(tmp_path, "import os; print(os.getpid(), os.getsid(0))"))
    await child.wait()
    assert child.tail() == f"{child.pid} {child.pid}"


async def test_stop_goes_on_to_the_next_step_and_at_last_kills(tmp_path: Path) -> None:
    child = await Child.start(_launch(tmp_path, STUBBORN))
    await _logged(tmp_path / "log", "up")
    steps = (StopStep(signal.SIGTERM, 0.2), StopStep(signal.SIGTERM, 0.2))
    assert await child.stop(steps, asyncio.Event()) is True
    assert await child.wait() == -signal.SIGKILL
    assert child.tail() == "up\nno\nno"


async def test_hurry_cuts_the_grace_short(tmp_path: Path) -> None:
    child = await Child.start(_launch(tmp_path, STUBBORN))
    await _logged(tmp_path / "log", "up")
    hurry = asyncio.Event()
    stopping = asyncio.create_task(child.stop((StopStep(signal.SIGTERM, 60),), hurry))
    await _logged(tmp_path / "log", "no")
    hurry.set()
    assert await asyncio.wait_for(stopping, 5) is True


async def test_what_a_child_left_behind_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; "
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)"
    )
    child = await Child.start(_launch(tmp_path, code))
    await child.wait()
    left = int(child.tail())
    async with asyncio.timeout(60):
        while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


async def test_cancelled_command_is_killed(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    task = asyncio.create_task(run_once(_launch(tmp_path, code), "waiting"))
    async with asyncio.timeout(60):
        while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "log").read_text()), 0)


async def test_failed_command_says_how_and_with_which_words(tmp_path: Path) -> None:
    with pytest.raises(ServiceFailedError, match=r"asking failed \(exit code 4\):\nno idea"):
        await run_once(_launch(tmp_path, "print('no idea'); exit(4)"), "asking")


async def test_program_that_cannot_be_executed_is_named(tmp_path: Path) -> None:
    launch = Launch(argv=(str(tmp_path / "gone"),), env={}, cwd=tmp_path, log=tmp_path / "log")
    with pytest.raises(ServiceFailedError, match=f"cannot start {tmp_path}/gone: .*No such file"):
        await run_once(launch, "starting")


async def test_input_comes_from_the_file_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("hello")
    launch = _launch(tmp_path, "import sys; print(sys.stdin.read())", stdin=tmp_path / "in")
    assert await run_once(launch, "reading") == "hello"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = f"""
import asyncio, os, pathlib, time
from perdure.embedded.child import Child, Launch
async def main():
    here = pathlib.Path({str(tmp_path)!r})
    code = {STUBBORN!r}
    await Child.start(Launch((os.sys.executable, "-c", code), dict(os.environ), here, here / "log"))
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", parent])
    deadline = time.monotonic() + 60
    while not (tmp_path / "log").exists() or "up" not in (tmp_path / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (child,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_shim_refuses_when_its_parent_is_gone_already() -> None:
    shim = Path(child_module.__file__).with_name("exec_shim.py")
    command = [sys.executable, "-I", "-S", str(shim), "1", "9", "self", "--", "/bin/echo", "started"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (126, "")


@pytest.mark.parametrize(
    ("status", "said"), [(0, "exit code 0"), (-9, "killed by SIGKILL"), (-35, "killed by signal 35")]
)
def test_status_is_described(status: int, said: str) -> None:
    assert describe_status(status) == said
