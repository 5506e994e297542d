"""Where the API is and which key opens it: options, environment, then the stack that runs here."""

import os
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.config import DEFAULT_DATA_DIR
from perdure.embedded.info import STACK_FILE, StackInfo, find_running

DEFAULT_SERVER = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Target:
    """Address and key of an API. `found`: the embedded stack they were taken from, for messages."""

    server: str
    api_key: str | None
    found: Path | None = None


def find_target(server: str | None, api_key: str | None, directory: Path) -> Target:
    """The API that was named, or the embedded stack of `directory` or the nearest parent that has one.

    The stack's admin key goes to that stack alone, never to a server named otherwise.
    """
    server = server or os.environ.get("PERDURE_SERVER") or None
    api_key = api_key or os.environ.get("PERDURE_API_KEY") or None
    stack = find_stack(directory)
    if stack is None:
        return Target(server or DEFAULT_SERVER, api_key)
    path, info = stack
    if server is not None and server.rstrip("/") != info.api_url.rstrip("/"):
        return Target(server, api_key)
    return Target(info.api_url, api_key or _read_key(info), path)


def find_stack(directory: Path) -> tuple[Path, StackInfo] | None:
    """The data directory and addresses of the stack running in `directory` or the nearest parent with one."""
    for place in (directory, *directory.parents):
        data_dir = place / DEFAULT_DATA_DIR
        if _is_mine(data_dir / STACK_FILE) and (info := find_running(data_dir)) is not None:
            return data_dir, info
    return None


def _is_mine(path: Path) -> bool:
    """Whether this user wrote the file: somebody else's could name a server to send a key of ours to."""
    try:
        return path.stat().st_uid == os.geteuid()
    except (OSError, AttributeError):  # AttributeError: Windows, where no stack runs
        return False


def _read_key(info: StackInfo) -> str | None:
    try:
        return Path(info.admin_api_key_file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
