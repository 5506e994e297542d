"""Secrets as `deploy/make-secrets` makes them."""

from pathlib import Path

import pytest

from tests.unit.deploy.compose import make_secrets


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory they are in."""
    directory = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets(directory)
    return directory
