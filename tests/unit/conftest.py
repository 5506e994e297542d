"""What the tests of the clients and of the CLI share."""

from collections.abc import Iterator

import pytest

from tests.unit.canned_api import CannedApi


@pytest.fixture
def api() -> Iterator[CannedApi]:
    """An API that answers what a test says."""
    api = CannedApi()
    yield api
    api.close()
