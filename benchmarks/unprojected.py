"""`python -m benchmarks.unprojected`: a worker without projector, sweep and the like, to see what those cost.

`benchmarks.projection` starts it in the place of `python -m worker`. Users cannot have this: rows would be missing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from worker import __main__ as process
from worker import app


@asynccontextmanager
async def _no_services(*_anything: Any) -> AsyncIterator[None]:
    yield


if __name__ == "__main__":
    app.running_services = _no_services  # type: ignore[assignment, attr-defined]
    process._end(process.main())  # noqa: SLF001  the end of the process it stands for
