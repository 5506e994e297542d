"""Fixtures all tests share: real servers, one a session."""

from collections.abc import Iterator

import pytest
import structlog

from perdure.garbage import settle_garbage_collection
from tests.server.partner import Partner, running_partner
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
