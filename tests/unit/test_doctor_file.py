"""The doctor looks at files with secrets: there, right inside, and for their owner only."""

import os
from pathlib import Path

import pytest

from perdure.doctor.file import examine_files
from perdure.doctor.finding import Level
from perdure.embedded.info import STACK_FILE
from perdure.embedded.secret import Secrets, keep_secrets
from perdure.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data directory as a stack makes it."""
    home = tmp_path / "data"
    for directory in (home, home / "secret"):
        directory.mkdir(mode=0o700)
    (home / STACK_FILE).write_text("{}")
    (home / STACK_FILE).chmod(0o600)
    return home


@pytest.fixture
def secrets(home: Path) -> Secrets:
    return keep_secrets(home / "secret")


@pytest.fixture
def settings(secrets: Secrets) -> Settings:
    return Settings(api_key_pepper_file=secrets.pepper_file, bootstrap_admin_key_file=secrets.admin_key_file)


def test_what_a_stack_made_is_well(settings: Settings, home: Path) -> None:
    (finding,) = examine_files(settings, home)
    assert finding.level is Level.OK
    (finding,) = examine_files(settings, None)
    assert (finding.level, str(settings.api_key_pepper_file) in finding.what) == (Level.OK, True)


@pytest.mark.parametrize("place", [".", STACK_FILE, "secret", "secret/admin-key", "secret/postgres-password"])
def test_what_others_can_read_of_a_stack_is_a_problem_with_the_command_that_mends_it(
    settings: Settings, home: Path, place: str
) -> None:
    path = home / place
    path.chmod(path.stat().st_mode | 0o044)
    (finding,) = examine_files(settings, home)
    assert finding.level is Level.PROBLEM
    assert str(finding.remedy).startswith("Run: chmod ")
    os.system(str(finding.remedy).removeprefix("Run: "))
    assert [one.level for one in examine_files(settings, home)] == [Level.OK]


def test_a_mounted_secret_that_others_can_read_is_a_warning_and_one_they_can_change_a_problem(
    settings: Settings, secrets: Secrets
) -> None:
    secrets.pepper_file.chmod(0o444)
    secrets.admin_key_file.chmod(0o620)
    pepper, key = examine_files(settings, None)
    assert (pepper.level, "mode 444" in pepper.what) == (Level.WARNING, True)
    assert (key.level, "mode 620" in key.what) == (Level.PROBLEM, True)


def test_a_root_s_data_directory_that_others_may_only_pass_through_is_well(settings: Settings, home: Path) -> None:
    home.chmod(0o711)
    assert [one.level for one in examine_files(settings, home)] == [Level.OK]


def test_missing_and_wrong_files_are_named_with_their_variable(settings: Settings, secrets: Secrets) -> None:
    secrets.pepper_file.write_text("short")
    secrets.admin_key_file.unlink()
    pepper, key = examine_files(settings, None)
    assert "PERDURE_API_KEY_PEPPER_FILE" in pepper.what
    assert "32" in pepper.what
    assert "PERDURE_BOOTSTRAP_ADMIN_KEY_FILE" in key.what
    assert {pepper.level, key.level} == {Level.PROBLEM}


def test_no_secret_is_shown(settings: Settings, secrets: Secrets) -> None:
    secrets.admin_key_file.write_text("not-a-key-but-hush")
    findings = examine_files(settings, None)
    assert [one.level for one in findings] == [Level.PROBLEM]
    assert "hush" not in repr(findings)


def test_a_directory_of_secrets_must_be_one(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text("")
    file.chmod(0o600)
    (finding,) = examine_files(Settings(secrets_dir=file), None)
    assert (finding.level, "PERDURE_SECRETS_DIR" in finding.what) == (Level.PROBLEM, True)


def test_where_no_file_is_named_there_is_nothing_to_find() -> None:
    (finding,) = examine_files(Settings(), None)
    assert finding.level is Level.OK
