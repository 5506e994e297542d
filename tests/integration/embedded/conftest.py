"""The stack that tests of this folder share when they only look at it."""

from collections.abc import Iterator

import pytest

from tests.integration.embedded.dev_process import DevProcess

USER_ENVIRONMENT = {
    "PERDURE_BODY_LIMIT_BYTES": "2048",
    "PERDURE_API_PORT": "1",
    "TEMPORAL_ADDRESS": "elsewhere:7233",
    "PGHOST": "elsewhere",
}


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevProcess]:
    directory = tmp_path_factory.mktemp("embedded")
    settings = {"env": {"PERDURE_HTTP_ALLOW_PRIVATE": "true"}}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in USER_ENVIRONMENT.items():
            patch.setenv(name, value)
        process = DevProcess(directory / "data", settings=settings)
    with process:
        process.ready()
        yield process
