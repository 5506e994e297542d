"""The wheel, built and installed into an environment of its own, as a user without the checkout has it."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from perdure.embedded.binary import find_binaries

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and sees this one's dependencies, but not the checkout."""

    directory: Path

    @property
    def python(self) -> Path:
        return self.directory / "bin/python"

    @property
    def perdure(self) -> Path:
        return self.directory / "bin/perdure"

    @property
    def site_packages(self) -> Path:
        (found,) = self.directory.glob("lib/python*/site-packages")
        return found

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_ASTRAY)}
        return {**kept, "NO_COLOR": "1"}

    def run(self, *words: str, cwd: Path, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, cwd=cwd, env=self.environment(), capture_output=True, text=True, timeout=seconds, check=False
        )


_ASTRAY = ("PERDURE_", "TEMPORAL_", "PYTHON", "VIRTUAL_ENV")


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the source distribution and the wheel, built from the checkout."""
    directory = tmp_path_factory.mktemp("dist")
    build(ROOT, directory)
    return directory


def build(project: Path, directory: Path, *words: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(directory), *words]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def content(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as opened:
        yield opened


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    directory = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(directory, symlinks=True)
    environment = Installed(directory)
    command = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--no-deps", "--no-index"]
    subprocess.run([*command, "--disable-pip-version-check", str(wheel)], check=True, capture_output=True, timeout=120)
    # What the wheel asks for is here already: seen by a path entry, whose own .pth files (the checkout) do not count.
    (environment.site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (directory / "bin/temporal").symlink_to(find_binaries().temporal)
    return environment
