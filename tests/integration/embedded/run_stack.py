"""`perdure dev` with stand-ins for API and worker. Run as a script: run_stack.py '{"data_dir": ..., ...}'."""

import asyncio
import json
import sys
from pathlib import Path

from perdure.cli.dev import _run, _Screen
from perdure.cli.screen import results
from perdure.embedded.config import StackConfig

_STAND_IN = str(Path(__file__).with_name("stand_in.py"))


def stand_in_config(**settings: object) -> StackConfig:
    """Free ports, and stand-ins where no commands are given."""
    commands = {
        "api": (sys.executable, "-I", _STAND_IN, "PERDURE_API_PORT"),
        "worker": (sys.executable, "-I", _STAND_IN, "PERDURE_WORKER_HEALTH_PORT"),
        "migrate": (sys.executable, "-c", "print('migrated')"),
    }
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    ports = {"api_port": 0, "temporal_port": 0, "ui_port": 0}
    return StackConfig(**{**ports, **commands, **given})  # type: ignore[arg-type]


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    if "data_dir" in wanted:
        wanted["data_dir"] = Path(wanted["data_dir"])
    sys.exit(asyncio.run(_run(stand_in_config(**wanted), _Screen(results()))))
