"""Runbooks: each failure class, code and alert leads to one that is there, and each says all that it should."""

import re
from typing import Any

import pytest

from perdure.contract.code import CODES
from perdure.contract.error import ErrorClass
from perdure.contract.runbook import BY_CLASS, BY_CODE, FOLDER, runbook
from tests.unit.deploy.compose import ROOT, load_yaml

FILES = {path.stem: path for path in (ROOT / FOLDER).glob("*.md") if path.stem != "README"}
RULES: list[dict[str, Any]] = load_yaml("deploy/prometheus/rules/perdure.yml")["groups"][0]["rules"]
HEADINGS = ["## What you see", "## What it means", "## What to do", "## How to know it is over"]


def test_every_failure_class_has_a_runbook() -> None:
    assert set(BY_CLASS) == set(ErrorClass)
    assert set(BY_CLASS.values()) | set(BY_CODE.values()) <= FILES.keys()


def test_codes_with_a_runbook_of_their_own_exist() -> None:
    assert BY_CODE.keys() <= CODES.keys()


def test_every_failure_of_a_job_leads_to_one_and_a_mistyped_request_to_none() -> None:
    for code, info in CODES.items():
        found = runbook(code, info.error_class)
        assert found is None if code.startswith("API.") and code not in BY_CODE else (ROOT / (found or "")).is_file()
    assert runbook("MY.OWN", "TRANSIENT") == "deploy/runbooks/step-transient.md"
    assert runbook("MY.OWN", "of a later version") is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_names_a_runbook_that_names_it(rule: dict[str, Any]) -> None:
    path = ROOT / rule["annotations"]["runbook"]
    assert rule["alert"] in path.read_text()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_runbook_says_what_it_is_to_do_and_when_it_is_over(name: str) -> None:
    text = FILES[name].read_text()
    assert re.findall(r"^## .*$", text, re.MULTILINE) == HEADINGS
    assert {file for file in re.findall(r"\b([a-z-]+)\.md", text) if "/" not in file} <= {
        *FILES,
        *(path.stem for path in (ROOT / "docs/guides").glob("*.md")),
    }
    assert f"({name}.md)" in (ROOT / FOLDER / "README.md").read_text()
    alerts = {rule["alert"] for rule in RULES}
    assert set(re.findall(r"\b(?:Perdure|Temporal|Trace)[A-Z]\w+", text)) <= alerts


@pytest.mark.parametrize("name", sorted(FILES))
def test_codes_and_metrics_in_a_runbook_exist(name: str) -> None:
    text = FILES[name].read_text()
    codes = {code.rstrip(".") for code in re.findall(r"`((?:API|STEP|ENGINE|WORKER)\.[A-Z0-9_.]+)", text)}
    assert {code for code in codes if "." in code and not any(known.startswith(code) for known in CODES)} == set()
    documented = (ROOT / "docs/reference/metrics.md").read_text()
    assert {one for one in re.findall(r"`(perdure_[a-z_]+)`", text) if one not in documented} == set()
