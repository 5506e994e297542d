"""`python -m benchmarks.unprojected_api`: an API that writes no rows for lists; `benchmarks.projection` starts it."""

import os

from api import __main__ as process
from api.jobs.first_rows import FirstRows


def _nothing(_rows: FirstRows, _job: object) -> None:
    """Write none."""


if __name__ == "__main__":
    FirstRows.add = _nothing  # type: ignore[assignment, method-assign]
    os._exit(process.main())  # as the process it stands for
