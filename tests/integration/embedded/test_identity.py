"""As root below a private home, as root without user namespaces, as an ordinary user."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from perdure.embedded.binary import find_binaries
from perdure.embedded.info import StackInfo
from perdure.embedded.postgres_place import choose_place
from tests.integration.embedded.dev_process import DevProcess, python_environment

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try what root meets")
# Entering a user namespace as root takes this capability: without it, it is as where namespaces are forbidden.
NO_NAMESPACE = ("setpriv", "--bounding-set=-setfcap", "--inh-caps=-setfcap")


@pytest.fixture
def private_home() -> Iterator[Path]:
    """A 0700 home with a long path below it, which no socket path has room for."""
    home = Path(tempfile.mkdtemp(prefix="perdure home [1] "))
    try:
        yield home
    finally:
        shutil.rmtree(home)


@pytest.fixture
def shared_postgres() -> Iterator[None]:
    """Removes what a test leaves where other accounts reach it."""
    shared = Path("/var/lib/perdure")
    before = set(shared.iterdir()) if shared.exists() else None
    yield
    if shared.exists():
        for path in set(shared.iterdir()) - (before or set()):
            shutil.rmtree(path)
    if before is None:
        shutil.rmtree(shared, ignore_errors=True)


def _permissions(path: Path) -> dict[Path, tuple[int, int, int]]:
    return {one: (one.stat().st_mode, one.stat().st_uid, one.stat().st_gid) for one in (path, *path.parents)}


def _use(info: StackInfo) -> None:
    psql, url = find_binaries().postgres / "bin/psql", info.database_url.replace("+asyncpg", "")
    subprocess.run([psql, url, "-c", "SELECT 1"], check=True, capture_output=True)


@as_root
def test_root_below_a_private_home_works_and_changes_no_permission(private_home: Path) -> None:
    deep = private_home / ("deep" * 30)
    deep.mkdir(mode=0o700)
    before = {**_permissions(deep), **_permissions(find_binaries().postgres)}
    with DevProcess(deep / "data") as dev:
        info = dev.ready()
        _use(info)
        status = Path(f"/proc/{info.pids.postgres}/status").read_text()
        assert psutil.Process(info.pids.postgres).name() == "postgres"
        assert "in a user namespace" in dev.output
        assert "CapEff:\t0000000000000000" in status
        assert dev.end(signal.SIGTERM) == 0
    assert {**_permissions(deep), **_permissions(find_binaries().postgres)} == before


@as_root
def test_root_with_the_binaries_below_a_private_home_needs_no_copy_of_them(private_home: Path) -> None:
    binaries = find_binaries()
    copy = private_home / "postgres"
    shutil.copytree(binaries.postgres, copy)
    moved = type(binaries)(binaries.temporal, copy, binaries.postgres_version)
    place = choose_place(private_home / "home", moved)
    assert place.become.startswith("namespace:")
    assert place.bin == copy / "bin"


@as_root
def test_root_where_namespaces_are_forbidden_runs_postgres_as_nobody(private_home: Path) -> None:
    private_home.chmod(0o711)
    before = _permissions(private_home)
    with DevProcess(private_home / "data", prefix=NO_NAMESPACE) as dev:
        info = dev.ready()
        _use(info)
        assert psutil.Process(info.pids.postgres).uids().real == pwd.getpwnam("nobody").pw_uid
        assert not (dev.data_dir / "postgres").is_symlink()
        assert dev.end(signal.SIGTERM) == 0
        assert dev.processes() == []
    assert _permissions(private_home) == before
    with DevProcess(private_home / "data") as dev:  # namespaces are allowed again
        info = dev.ready()
        _use(info)
        assert psutil.Process(info.pids.postgres).uids().real == 0


@as_root
def test_where_nobody_cannot_reach_the_data_postgres_moves_to_where_it_can(
    private_home: Path, shared_postgres: None
) -> None:
    before = _permissions(private_home)
    for _ in range(2):
        with DevProcess(private_home / "data", prefix=NO_NAMESPACE) as dev:
            info = dev.ready()
            _use(info)
            assert (dev.data_dir / "postgres").readlink().parent == Path("/var/lib/perdure")
            assert dev.end(signal.SIGTERM) == 0
    assert _permissions(private_home) == before


@as_root
def test_ordinary_user_runs_it_and_another_user_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.chown(directory, pwd.getpwnam("nobody").pw_uid, -1)
        prefix = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
        python = _python_for(prefix)
        with DevProcess(directory / "data", prefix=prefix, python=python) as dev:
            info = dev.ready()
            assert psutil.Process(info.pids.postgres).uids().real == pwd.getpwnam("nobody").pw_uid
            assert "as the user who started it" in dev.output
            assert (dev.data_dir.stat().st_mode & 0o777) == 0o700
            _use(info)
            assert dev.end(signal.SIGTERM) == 0
            assert dev.processes() == []
        root = DevProcess(directory / "data")
        assert root.process.wait(60) == 1
        assert "belongs to the stack of another user" in root.output


def _python_for(prefix: tuple[str, ...]) -> str:
    """A Python of this version that the user may run, with this environment's packages."""
    same = f"assert sys.version_info[:2] == {tuple(sys.version_info[:2])}"
    check = f"import os, sys, psutil, pydantic; {same}; assert os.access(sys.executable, os.X_OK)"
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*prefix, python, "-c", check]
        if subprocess.run(command, check=False, capture_output=True, env=python_environment()).returncode == 0:
            return python
    pytest.skip("no Python here can be run by another user")
