"""The stack that tests of this folder share when they only look at it."""

from collections.abc import Iterator

import pytest

from tests.integration.embedded.dev_process import DevProcess


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevProcess]:
    with DevProcess(tmp_path_factory.mktemp("embedded") / "data") as process:
        process.ready()
        yield process
