"""The dashboard's packages: pinned, from whatever registry the machine uses, for every platform."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "dashboard"
PACKAGE: dict[str, Any] = json.loads((DASHBOARD / "package.json").read_text())
LOCK: dict[str, Any] = json.loads((DASHBOARD / "package-lock.json").read_text())
LOCKED: dict[str, dict[str, Any]] = {name: entry for name, entry in LOCK["packages"].items() if name}


def test_no_file_names_a_registry() -> None:
    settings = (DASHBOARD / ".npmrc").read_text().splitlines()
    assert {"omit-lockfile-registry-resolved=true", "audit=false", "fund=false"} <= set(settings)
    assert not [name for name, entry in LOCKED.items() if "resolved" in entry]
    assert not [line for line in settings if line.startswith("registry") or "://" in line]


def test_every_package_is_pinned() -> None:
    wanted = PACKAGE.get("dependencies", {}) | PACKAGE["devDependencies"]
    assert not [name for name, version in wanted.items() if re.fullmatch(r"\d+\.\d+\.\d+", version) is None]
    assert {name: LOCKED[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_what_is_installed_here_is_checked_by_its_hash() -> None:
    unchecked = [name for name, entry in LOCKED.items() if "integrity" not in entry and not entry.get("optional")]
    assert unchecked == []


def test_other_platforms_are_in_the_lock_too() -> None:
    """A registry that lacks some leaves them out when the lock is written, and then `npm ci` refuses the lock."""
    names = {name.rpartition("node_modules/")[2] for name in LOCKED}
    wanted = {optional for entry in LOCKED.values() for optional in entry.get("optionalDependencies", {})}
    assert wanted - names == set()


def test_the_commands_are_there_that_make_calls() -> None:
    assert {"build", "check", "format", "types"} <= PACKAGE["scripts"].keys()
