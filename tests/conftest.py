"""Fixtures all tests share: real servers, one a session."""

from collections.abc import Iterator

import pytest

from tests.server.temporal import running_temporal


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """host:port of a Temporal server of this session's own."""
    with running_temporal() as address:
        yield address
