"""Deaths, signals and kills: what the stack restarts, when it gives up, and that nothing outlives it."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.integration.embedded.dev_process import DevProcess, eventually
from tests.integration.embedded.run_stack import stand_in

_SOCKET_DIR_LINE = 4
"""Of `postmaster.pid`. Where the socket is depends on how long the path of the test's directory is."""
API, WORKER = "PERDURE_API_PORT", "PERDURE_WORKER_HEALTH_PORT"


def test_killed_child_is_named_and_restarted_and_stack_json_tells_its_new_pid(tmp_path: Path) -> None:
    with DevProcess(tmp_path / "data") as dev:
        before = dev.ready().pids.model_dump()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not set(before.values()) & _pids(dev), "each has a new pid")
        assert all(_lives(pid) for pid in _pids(dev))
        for name, key in {"API": "api", "worker": "worker", "Temporal": "temporal", "Postgres": "postgres"}.items():
            assert f"{name} died (killed by SIGKILL, pid {before[key]}); restarting in 0.2 s." in dev.output
        assert dev.end(signal.SIGTERM) == 0
        assert dev.processes() == []


def test_repeated_deaths_stop_the_whole_with_the_reason(tmp_path: Path) -> None:
    with DevProcess(tmp_path / "data", settings={"worker": stand_in(WORKER, "dies")}) as dev:
        assert dev.process.wait(60) == 1
        assert dev.output.count("worker died (exit code 3, pid") == 5
        assert "  | stand-in gives up" in dev.output
        reason = "perdure dev: worker died 5 times in a row (at last: exit code 3)."
        assert f"{reason}\nLogs: {dev.data_dir}/log" in dev.output
        assert dev.processes() == []


def test_failed_migration_stops_the_start_with_its_last_words(tmp_path: Path) -> None:
    fails = (sys.executable, "-c", "import sys; print('no such table'); sys.exit(7)")
    with DevProcess(tmp_path / "data", settings={"migrate": fails}) as dev:
        assert dev.process.wait(60) == 1
        reason = "perdure dev: Migrating the database failed (exit code 7):\nno such table"
        assert f"{reason}\nLogs: {dev.data_dir}/log" in dev.output
        assert dev.processes() == []


@pytest.mark.parametrize("moment", ["postgres/data.partial", "log/api.log"])
def test_signal_during_the_start_stops_it_and_the_next_start_works(tmp_path: Path, moment: str) -> None:
    with DevProcess(tmp_path / "data") as dev:
        eventually((dev.data_dir / moment).exists, moment)
        assert dev.end(signal.SIGINT) == 0
        assert dev.processes() == []
        assert "Traceback" not in dev.output
    if moment == "postgres/data.partial":
        with DevProcess(tmp_path / "data") as dev:
            dev.ready()


def test_one_wish_to_stop_as_three_signals_to_the_whole_group_is_an_orderly_stop(tmp_path: Path) -> None:
    with DevProcess(tmp_path / "data") as dev:
        dev.ready()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            os.killpg(dev.process.pid, number)
        assert dev.process.wait(60) == 0
        assert dev.processes() == []
        for name in ("api", "worker"):
            assert dev.log(name) == "stand-in got signal 15\n"
        assert "killed" not in dev.output
        assert "database system is shut down" in dev.log("postgres")


def test_second_ctrl_c_does_not_wait_for_a_worker_that_takes_its_time(tmp_path: Path) -> None:
    with DevProcess(tmp_path / "data", settings={"worker": stand_in(WORKER, "stubborn")}) as dev:
        dev.ready()
        dev.process.send_signal(signal.SIGINT)
        eventually(lambda: "got signal 15" in dev.log("worker"), "the worker is asked to stop")
        time.sleep(1.1)  # a second wish to stop is told from a second signal of the first by its distance
        began = time.monotonic()
        assert dev.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 25, "it waited for the worker's grace"
        assert "worker      killed" in dev.output
        assert dev.processes() == []


def test_nothing_survives_the_kill_of_the_supervisor_and_a_start_at_once_works(tmp_path: Path) -> None:
    with DevProcess(tmp_path / "data") as dev:
        old = _pids(dev)
        data = dev.data_dir / "postgres/data"
        sockets = Path((data / "postmaster.pid").read_text().splitlines()[_SOCKET_DIR_LINE])
        assert dev.end(signal.SIGKILL) == -signal.SIGKILL
        _claim_to_be_postgres(data, sockets)
        with DevProcess(tmp_path / "data") as again:
            assert not old & _pids(again)
            assert not [pid for pid in old if _lives(pid)]
            assert again.end(signal.SIGTERM) == 0
            assert again.processes() == []


def _claim_to_be_postgres(data: Path, sockets: Path) -> None:
    """Leave lock files with the pid of a living process, as after a reboot they may have."""
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{data}\n")


def _pids(dev: DevProcess) -> set[int]:
    return set(dev.ready().pids.model_dump().values())


def _lives(pid: int) -> bool:
    """A dead child of a killed supervisor may wait for a while until init takes note."""
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
