"""Fixtures all tests share: real servers, one a session."""

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from perdure.garbage import collection_paused, settle_garbage_collection
from tests.server.partner import Partner, running_partner
from tests.server.schedule import Schedule
from tests.server.stack import Stack, running_stack
from tests.server.temporal import running_temporal

# With rich installed a traceback is drawn with all locals otherwise: seconds in which the loop stands still.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# An example that takes longer than usual says that the machine is busy, and nothing of the code.
settings.register_profile("perdure", deadline=None)
settings.load_profile("perdure")

# Tests start hundreds of processes: what one of them has compiled, the others need not compile again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m alone` reads only the files with such tests: not hundreds of others for a dozen seconds."""
    if config.option.markexpr == "alone" and collection_path.suffix == ".py":
        return b"mark.alone" not in collection_path.read_bytes() or None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are made and none goes away: looking for garbage took a quarter of the time."""
    with collection_paused():
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Schedule | None:
    """Instead of xdist's own, where whole files are asked for."""
    return Schedule(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """As in a worker: looking again and again at thousands of tests stops every loop and workflow task meanwhile."""
    settle_garbage_collection()


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """host:port of a Temporal server of this session's own."""
    with running_temporal() as address:
        yield address


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack of this session's own, its HTTP steps free to reach this machine."""
    with running_stack(tmp_path_factory.mktemp("stack"), PERDURE_HTTP_ALLOWED_HOSTS="127.0.0.1") as running:
        yield running


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner's HTTP server, which counts what it is asked."""
    with running_partner() as running:
        yield running
