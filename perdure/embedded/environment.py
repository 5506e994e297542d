"""The environment of the stack's children: the user's own, less what leads astray, plus the stack's."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from perdure.embedded.config import StackConfig
from perdure.embedded.port import LOOPBACK
from perdure.embedded.process import OWNER_VARIABLE
from perdure.embedded.secret import Secrets

# A profile for another Temporal, or libpq's variables (PGHOST, PGSSLMODE, ...), are not meant for these.
_ASTRAY = re.compile(r"TEMPORAL_.*|PG[A-Z]+")


def base_environment(user: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """Return what every child gets. The mark lets a later start find what a killed stack left."""
    kept = {name: value for name, value in user.items() if not _ASTRAY.fullmatch(name)}
    return {**kept, "TEMPORAL_CONFIG_FILE": os.devnull, OWNER_VARIABLE: str(data_dir.resolve())}


def application_environment(
    base: Mapping[str, str],
    config: StackConfig,
    root: Path,
    secrets: Secrets,
    *,
    database_url: str,
    api_port: int,
    temporal_port: int,
    ui_port: int,
    worker_health_port: int,
) -> dict[str, str]:
    """Return the environment of migrations, API and worker. `root` is where `api/` and `worker/` are."""
    paths = [str(root), *filter(None, [base.get("PYTHONPATH")])]
    return {
        **base,
        **config.env,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "PERDURE_TEMPORAL_ADDRESS": f"{LOOPBACK}:{temporal_port}",
        "PERDURE_TEMPORAL_NAMESPACE": "default",
        "PERDURE_TEMPORAL_UI_URL": f"http://{LOOPBACK}:{ui_port}",
        "PERDURE_DATABASE_URL": database_url,
        "PERDURE_API_HOST": LOOPBACK,
        "PERDURE_API_PORT": str(api_port),
        "PERDURE_API_KEY_PEPPER_FILE": str(secrets.pepper_file),
        "PERDURE_BOOTSTRAP_ADMIN_KEY_FILE": str(secrets.admin_key_file),
        "PERDURE_WORKER_HEALTH_PORT": str(worker_health_port),
    }
