"""How the CLI finds the API: options, environment, the stack that runs in this directory or above."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perdure.cli.target import DEFAULT_SERVER, find_target
from perdure.embedded.info import LOCK_FILE, Pids, StackInfo, write_info

STACK_URL = "http://127.0.0.1:18080"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PERDURE_SERVER", "PERDURE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Puts a running stack into a directory; its lock is held until the test ends."""
    locks = []

    def start(directory: Path) -> None:
        data_dir = directory / ".perdure"
        data_dir.mkdir(parents=True)
        key = data_dir / "admin-key"
        key.write_text("pdr_stack_key\n")
        pids = Pids(api=1, worker=1, temporal=1, postgres=1)
        info = StackInfo(
            api_url=STACK_URL,
            dashboard_url=STACK_URL,
            temporal_address="127.0.0.1:1",
            temporal_ui_url=STACK_URL,
            database_url="postgresql://x",
            admin_api_key_file=str(key),
            pids=pids,
        )
        write_info(data_dir, info)
        locks.append(os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT))
        fcntl.flock(locks[-1], fcntl.LOCK_EX)
        os.write(locks[-1], str(os.getpid()).encode())

    yield start
    for lock in locks:
        os.close(lock)


def test_the_stack_of_a_parent_directory_is_found_with_its_key(tmp_path: Path, stack: Callable[[Path], None]) -> None:
    stack(tmp_path / "project")
    below = tmp_path / "project" / "a" / "b"
    below.mkdir(parents=True)
    found = find_target(None, None, below)
    assert (found.server, found.api_key) == (STACK_URL, "pdr_stack_key")


def test_the_nearest_stack_is_taken(tmp_path: Path, stack: Callable[[Path], None]) -> None:
    stack(tmp_path)
    stack(tmp_path / "inner")
    assert find_target(None, None, tmp_path / "inner").found == tmp_path / "inner" / ".perdure"


def test_the_stack_s_key_never_goes_to_another_server(tmp_path: Path, stack: Callable[[Path], None]) -> None:
    stack(tmp_path)
    assert find_target("http://elsewhere:8080", None, tmp_path).api_key is None
    assert find_target(f"{STACK_URL}/", None, tmp_path).api_key == "pdr_stack_key"


def test_options_outrank_environment_and_both_the_stack(
    tmp_path: Path, stack: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack(tmp_path)
    monkeypatch.setenv("PERDURE_SERVER", "http://env:1")
    monkeypatch.setenv("PERDURE_API_KEY", "env-key")
    assert find_target(None, None, tmp_path).server == "http://env:1"
    assert find_target(None, None, tmp_path).api_key == "env-key"
    assert find_target("http://option:1", "option-key", tmp_path).server == "http://option:1"
    assert find_target("http://option:1", "option-key", tmp_path).api_key == "option-key"


def test_without_any_stack_the_usual_address_is_tried_without_a_key(tmp_path: Path) -> None:
    found = find_target(None, None, tmp_path)
    assert (found.server, found.api_key, found.found) == (DEFAULT_SERVER, None, None)


def test_a_stack_that_has_stopped_does_not_count(tmp_path: Path, stack: Callable[[Path], None]) -> None:
    stack(tmp_path)
    (tmp_path / ".perdure" / LOCK_FILE).unlink()
    assert find_target(None, None, tmp_path).found is None


def test_a_stack_file_of_another_user_is_not_believed(
    tmp_path: Path, stack: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack(tmp_path)
    owner = os.geteuid()
    monkeypatch.setattr("perdure.cli.target.os.geteuid", lambda: owner + 1)
    assert find_target(None, None, tmp_path).found is None


def test_a_key_file_that_is_gone_leaves_the_call_without_a_key(tmp_path: Path, stack: Callable[[Path], None]) -> None:
    stack(tmp_path)
    (tmp_path / ".perdure" / "admin-key").unlink()
    assert find_target(None, None, tmp_path).api_key is None
