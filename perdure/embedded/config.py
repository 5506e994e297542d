"""What an embedded stack is told: where its data are, its ports, what to run."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import perdure
from perdure.embedded.error import MissingPartError

DEFAULT_DATA_DIR = Path(".perdure")
_PYTHON = (sys.executable, "-P", "-m")  # -P: an `api/` in the user's own directory is not ours


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Port 0 means a free one. `env` goes to API and worker over the user's own environment.

    With `ephemeral` the data live in a temporary directory, removed at the end; `data_dir` is not used.
    """

    data_dir: Path = DEFAULT_DATA_DIR
    ephemeral: bool = False
    api_port: int = 8080
    temporal_port: int = 7233
    ui_port: int = 8233
    env: Mapping[str, str] = field(default_factory=dict)
    api: tuple[str, ...] = (*_PYTHON, "api")
    worker: tuple[str, ...] = (*_PYTHON, "worker")
    migrate: tuple[str, ...] = (*_PYTHON, "perdure.store.migrate")
    start_timeout: float = 60.0  # seconds a service may take until it is ready


def application_root() -> Path:
    """Return the directory that holds `api/`, `worker/` and `examples/`: the checkout, or the wheel's data.

    Raises MissingPartError where Perdure was installed without them.
    """
    package = Path(os.path.abspath(perdure.__file__)).parent  # noqa: PTH100 (keep symlinks as the user has them)
    # The data first: beside an installed `perdure`, an `api/` is somebody else's. A checkout has no such data.
    for root in (package / "_application", package.parent):
        if all((root / folder / "__init__.py").is_file() for folder in ("api", "worker")):
            return root
    raise MissingPartError(
        f"Perdure's API and worker are neither in {package / '_application'} nor beside {package}: the embedded stack "
        "runs from a checkout (clone the repository, run `make setup` there and start .venv/bin/perdure) or from a "
        "whole wheel (pip install --force-reinstall 'perdure[embedded]')."
    )
