"""The doctor reads the environment: what does not parse, what nothing reads, and what was probably meant."""

import os
import re
from pathlib import Path

import pytest

from perdure.doctor.finding import Finding, Level
from perdure.doctor.setting import read_settings
from perdure.doctor.variable import OTHERS, setting_variables, unknown_variables
from perdure.settings import Settings
from perdure.settings_reference import render

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("PERDURE_")]:
        monkeypatch.delenv(name)


def examine() -> tuple[Settings, list[Finding]]:
    return read_settings(os.environ)


def test_an_environment_without_settings_is_well() -> None:
    _, (finding,) = examine()
    assert (finding.level, finding.what) == (Level.OK, "none is set: every one has its default")


def test_what_is_set_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_DATABASE_URL", "postgresql+asyncpg://me:hush@db/perdure")
    monkeypatch.setenv("PERDURE_QUEUES", "default, slow")
    monkeypatch.setenv("perdure_api_port", "0")
    _, (finding,) = examine()
    assert finding.what == (
        "all parse; set are PERDURE_DATABASE_URL=(secret), PERDURE_API_PORT=0, PERDURE_QUEUES=default,slow"
    )


def test_a_value_that_does_not_parse_is_a_problem_and_the_rest_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_API_PORT", "eighty")
    monkeypatch.setenv("PERDURE_WORKER_GRACE_SECONDS", "-1")
    monkeypatch.setenv("PERDURE_TEMPORAL_ADDRESS", "elsewhere:7233")
    settings, findings = examine()
    assert [finding.level for finding in findings] == [Level.PROBLEM] * 2
    assert [finding.what.split(":")[0] for finding in findings] == ["PERDURE_API_PORT", "PERDURE_WORKER_GRACE_SECONDS"]
    assert (settings.api_port, settings.temporal_address) == (8080, "elsewhere:7233")


def test_a_secret_that_does_not_parse_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_API_PORT", "hush")
    _, (finding,) = examine()
    assert "hush" not in f"{finding.what}{finding.remedy}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PERDURE_DATABSE_URL", "PERDURE_DATABASE_URL"),
        ("PERDURE_TEMPORAL_ADRESS", "PERDURE_TEMPORAL_ADDRESS"),
        ("perdure_api_prt", "PERDURE_API_PORT"),
        ("PERDURE_SERVERS", "PERDURE_SERVER"),
        ("PERDURE_SECRET_", "PERDURE_SECRETS_DIR"),
        ("PERDURE_COLOUR_OF_THE_SKY", None),
    ],
)
def test_an_unknown_variable_is_a_warning_that_names_the_one_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str | None
) -> None:
    monkeypatch.setenv(name, "1")
    _, (well, finding) = examine()
    assert well.level is Level.OK
    assert finding.level is Level.WARNING
    assert name in finding.what
    assert finding.remedy == (f"Did you mean {meant}?" if meant else finding.remedy)
    assert ("Did you mean" in str(finding.remedy)) is (meant is not None)


def test_known_variables_are_known_in_either_case() -> None:
    others = [name.replace("<NAME>", "BANK") for name in OTHERS]
    assert unknown_variables([*setting_variables(), *others, "perdure_api_port", "PATH", "XPERDURE_A"]) == []
    assert unknown_variables(["PERDURE_", "PERDURE_SECRET_"])


def test_every_variable_that_the_code_names_is_known() -> None:
    """So that no setting escapes the doctor and the reference."""
    named: set[str] = set()
    for folder in ("perdure", "api", "workflows", "activities", "worker"):
        for file in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r"PERDURE_[A-Z0-9_]*[A-Z0-9]\b", file.read_text()))
    assert unknown_variables(named - {"PERDURE_SECRET"}) == []


def test_settings_md_is_current() -> None:
    stored = (ROOT / "docs/reference/settings.md").read_text()
    assert stored == render(), "run: python -m perdure.settings_reference > docs/reference/settings.md"


def test_the_reference_tells_every_setting_with_type_default_and_meaning() -> None:
    rows = [line.strip("| \n").split(" | ") for line in render().splitlines() if line.startswith("| `PERDURE_")]
    told = {cells[0].strip("`"): cells[1:] for cells in rows}
    assert setting_variables().keys() | OTHERS.keys() == told.keys()
    for variable in setting_variables():
        kind, default, meaning = told[variable]
        assert kind
        assert default
        assert meaning.endswith((".", ")"))
    assert told["PERDURE_API_PORT"][:2] == ["integer, ≥ 0, ≤ 65,535", "`8080`"]
    assert told["PERDURE_QUEUES"][:2] == ["list of text", "`default`"]
    assert told["PERDURE_HTTP_ALLOW_PRIVATE"][:2] == ["boolean", "`false`"]
    assert told["PERDURE_SECRETS_DIR"][:2] == ["path", "not set"]
