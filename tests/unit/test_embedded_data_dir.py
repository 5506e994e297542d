"""The data directory, its lock, its secrets and `stack.json`."""

import fcntl
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.embedded.data_dir import open_data_dir
from perdure.embedded.error import DataDirError
from perdure.embedded.info import Pids, StackInfo, find_running, remove_info, write_info
from perdure.embedded.secret import keep_secrets, new_api_key

INFO = StackInfo(
    api_url="http://127.0.0.1:1",
    dashboard_url="http://127.0.0.1:1/",
    temporal_address="127.0.0.1:2",
    temporal_ui_url="http://127.0.0.1:3",
    database_url="postgresql+asyncpg://perdure:x@/perdure?host=/s",
    admin_api_key_file="/k",
    pids=Pids(api=1, worker=2, temporal=3, postgres=4),
)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_lock_is_exclusive_names_its_holder_and_is_free_after_close(tmp_path: Path) -> None:
    data = open_data_dir(tmp_path / "a" / "data")
    with pytest.raises(DataDirError, match=f"{tmp_path}/a/data is in use .* pid {os.getpid()}"):
        open_data_dir(tmp_path / "a" / "data")
    data.close()
    open_data_dir(tmp_path / "a" / "data").close()


def test_a_look_at_the_lock_does_not_refuse_a_start(tmp_path: Path) -> None:
    data = open_data_dir(tmp_path)
    write_info(tmp_path, INFO)
    data.close()
    assert find_running(tmp_path) is None
    open_data_dir(tmp_path).close()


def test_what_a_killed_stack_left_is_not_taken_for_the_one_that_starts(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    write_info(tmp_path, INFO)
    (tmp_path / "lock").write_text(f"{gone.pid}\n")
    with (tmp_path / "lock").open() as starting:  # has the lock, and has not come further
        fcntl.flock(starting, fcntl.LOCK_EX)
        assert find_running(tmp_path) is None
    data = open_data_dir(tmp_path)
    assert find_running(tmp_path) is None
    assert not (tmp_path / "stack.json").exists()
    write_info(tmp_path, INFO)
    assert find_running(tmp_path) == INFO
    data.close()


def test_what_is_made_is_private_and_what_was_there_keeps_its_mode(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    data = open_data_dir(there)
    assert _mode(there) == 0o755
    assert {_mode(data.secret), _mode(data.log), _mode(data.temporal)} == {0o700}
    data.close()
    made = open_data_dir(tmp_path / "made")
    assert _mode(made.path) == (0o711 if os.geteuid() == 0 else 0o700)
    assert (made.path / ".gitignore").read_text() == "*\n"
    made.close()


def test_ephemeral_directory_is_gone_after_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    data = open_data_dir(tmp_path / "unused", ephemeral=True)
    data.postgres.symlink_to(elsewhere)
    assert data.path.parent == tmp_path
    data.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_path_that_cannot_be_a_directory_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" if kind == "file" else tmp_path / "file" / "data"
    with pytest.raises(DataDirError, match=r"cannot be used: .*Choose another one with --data-dir"):
        open_data_dir(path)


def test_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_data_dir(tmp_path).close()
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    with pytest.raises(DataDirError, match=rf"another user \(uid {real}; you are uid {real + 1}\)"):
        open_data_dir(tmp_path)


def test_secrets_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    first = keep_secrets(tmp_path)
    contents = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert keep_secrets(tmp_path) == first
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == contents
    assert {_mode(path) for path in tmp_path.iterdir()} == {0o600}
    assert len(set(contents.values())) == 3


def test_secret_file_left_empty_by_a_crash_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "admin-key").touch()
    assert keep_secrets(tmp_path).admin_key_file.read_text().startswith("pdr_")


def test_api_key_has_the_documented_form() -> None:
    keys = {new_api_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"pdr_[a-z0-9]{12}_[A-Za-z0-9-]{43}", key) for key in keys)


def test_find_running_gives_what_was_written_while_the_lock_is_held(tmp_path: Path) -> None:
    assert find_running(tmp_path / "nowhere") is None
    data = open_data_dir(tmp_path / "data")
    assert find_running(data.path) is None
    write_info(data.path, INFO)
    assert find_running(data.path) == INFO
    assert _mode(data.path / "stack.json") == 0o600
    write_info(data.path, INFO)
    remove_info(data.path)
    remove_info(data.path)
    assert find_running(data.path) is None
    data.close()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\x00", json.dumps({"api_url": 1})])
def test_find_running_does_not_trip_over_a_file_that_is_not_ours(tmp_path: Path, content: str) -> None:
    data = open_data_dir(tmp_path)
    (tmp_path / "stack.json").write_text(content)
    assert find_running(tmp_path) is None
    data.close()


def test_stack_json_has_the_documented_fields(tmp_path: Path) -> None:
    write_info(tmp_path, INFO)
    written = json.loads((tmp_path / "stack.json").read_text())
    addresses = "api_url dashboard_url worker_url temporal_address temporal_ui_url database_url"
    assert " ".join(written) == f"{addresses} admin_api_key_file pids"
    assert list(written["pids"]) == ["api", "worker", "temporal", "postgres"]
