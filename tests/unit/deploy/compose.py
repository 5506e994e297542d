"""docker-compose.yml as the tests of this folder see it: parsed, anchors resolved."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[3]
SECRETS_MOUNT = "/run/secrets/"
OWN = ("migrate", "api", "worker")
"""The services that run our image."""


def load_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


COMPOSE: dict[str, Any] = load_yaml("docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def environment(service: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[service].get("environment", {})
    return found


def binds(service: str) -> dict[Path, str]:
    """Host path -> container path of what is mounted from the checkout."""
    volumes = [volume.split(":") for volume in SERVICES[service].get("volumes", [])]
    return {ROOT / parts[0]: parts[1] for parts in volumes if parts[0].startswith(".")}


def is_one_shot(service: str) -> bool:
    return str(SERVICES[service]["restart"]).startswith("on-failure")


def seconds(duration: str) -> int:
    match = re.fullmatch(r"(\d+)s", duration)
    assert match, duration
    return int(match[1])


def make_secrets(directory: Path) -> str:
    """Runs `deploy/make-secrets` for `directory`; returns what it said."""
    command = ["/bin/sh", str(ROOT / "deploy/make-secrets"), str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
