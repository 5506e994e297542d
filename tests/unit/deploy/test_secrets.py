"""The secrets: made once, right modes, each defined, mounted and read by the same name."""

import os
import re
import stat
from pathlib import Path

import pytest

from perdure.security.key import read_key, read_pepper
from tests.unit.deploy.compose import COMPOSE, SECRETS_MOUNT, SERVICES, binds, environment, make_secrets


def _contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir() if not path.name.startswith(".")}


def test_make_secrets_makes_exactly_what_compose_mounts(made: Path) -> None:
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == set(_contents(made))
    assert all(secret["file"] == f"./deploy/secrets/{name}" for name, secret in COMPOSE["secrets"].items())


def test_the_directory_is_closed_and_the_files_can_be_read_in_any_container(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE((made / name).stat().st_mode) for name in _contents(made)} == {0o444}


def test_modes_do_not_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_secrets(tmp_path / "secrets")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets/admin_key").stat().st_mode) == 0o444


def test_the_secrets_are_never_committed(made: Path) -> None:
    assert (made / ".gitignore").read_text() == "*\n"


def test_made_again_they_stay_and_a_lost_one_is_made_anew(made: Path) -> None:
    before = _contents(made)
    (made / "grafana_admin_password").unlink()
    said = make_secrets(made)
    after = _contents(made)
    assert said.count("kept ") == len(before) - 1
    assert after.pop("grafana_admin_password") != before.pop("grafana_admin_password")
    assert after == before


def test_the_api_takes_the_key_and_the_pepper(made: Path) -> None:
    assert read_key(made / "admin_key").text == (made / "admin_key").read_text()
    assert len(read_pepper(made / "api_key_pepper")) == 43


def test_passwords_are_long_different_and_need_no_escaping(made: Path) -> None:
    values = [value for name, value in _contents(made).items() if name != "admin_key"]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch("[A-Za-z0-9]{43}", value) for value in values)


def _read_by(service: str) -> set[str]:
    texts = [*environment(service).values()]
    texts += [path.read_text() for path in binds(service) if path.is_file()]
    # SECRETS_DIR stands for the mount in databases.sql.
    pattern = rf"(?:{SECRETS_MOUNT}|:-/run/secrets\}}/)([a-z_]+)"
    return {name for text in texts for name in re.findall(pattern, text)}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_mounts_the_secrets_it_reads_and_no_other(service: str) -> None:
    assert _read_by(service) == set(SERVICES[service].get("secrets", []))


def test_every_secret_is_used() -> None:
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
