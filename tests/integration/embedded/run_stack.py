"""`perdure dev` with stand-ins for API and worker. Run as a script: run_stack.py '{"data_dir": ..., ...}'."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from perdure.cli.dev import _run, _Screen
from perdure.cli.screen import results
from perdure.embedded.config import StackConfig

_STAND_IN = Path(__file__).with_name("stand_in.py")


def stand_in(port_variable: str, *how: str) -> tuple[str, ...]:
    """The command of a stand-in."""
    return (sys.executable, "-I", str(_STAND_IN), port_variable, *how)


def stand_in_config(**settings: Any) -> StackConfig:
    """A configuration with free ports and stand-ins, where `settings` says nothing else."""
    return StackConfig(
        **{
            "api_port": 0,
            "temporal_port": 0,
            "ui_port": 0,
            "api": stand_in("PERDURE_API_PORT"),
            "worker": stand_in("PERDURE_WORKER_HEALTH_PORT"),
            "migrate": (sys.executable, "-c", "print('migrated')"),
            **settings,
        }
    )


def _from_json(text: str) -> StackConfig:
    settings = json.loads(text)
    for key, value in settings.items():
        if isinstance(value, list):
            settings[key] = tuple(value)
    return stand_in_config(**{**settings, "data_dir": Path(settings["data_dir"])})


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(_from_json(sys.argv[1]), _Screen(results()))))
