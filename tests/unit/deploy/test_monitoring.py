"""Prometheus, its rules and the Grafana dashboard: valid, and about things that exist."""

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.unit.deploy.compose import ROOT, SERVICES, binds, environment, load_yaml

PROMETHEUS = ROOT / "deploy/prometheus"
JOBS: dict[str, dict[str, Any]] = {
    job["job_name"]: job for job in load_yaml("deploy/prometheus/prometheus.yml")["scrape_configs"]
}
RULES: list[dict[str, Any]] = [
    rule for group in load_yaml("deploy/prometheus/rules/perdure.yml")["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/perdure.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def _promtool(*arguments: str) -> None:
    program = shutil.which("promtool")
    if program is None:
        message = "promtool is not installed: it comes with Debian's package `prometheus` (apt-get install prometheus)"
        # A contributor needs Python only; .ci/run has to have it, and sets the variable.
        (pytest.fail if os.environ.get("REQUIRE_PROMTOOL") else pytest.skip)(message)
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_takes_the_configuration() -> None:
    _promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


def test_prometheus_takes_the_rules() -> None:
    _promtool("check", "rules", str(PROMETHEUS / "rules/perdure.yml"))


def test_g2_alerts_fire_when_they_should_and_only_then() -> None:
    _promtool("test", "rules", str(PROMETHEUS / "tests/perdure.yml"))


def test_every_alert_is_tested_both_ways() -> None:
    tests = [
        test for case in load_yaml("deploy/prometheus/tests/perdure.yml")["tests"] for test in case["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in RULES}
    assert {test["alertname"] for test in tests if test.get("exp_alerts")} == names
    assert {test["alertname"] for test in tests if not test.get("exp_alerts")} == names


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["for"]
    assert "`docker compose logs " in rule["annotations"]["description"]
    services = re.findall(r"docker compose (?:logs|up --detach) ([a-z -]+)`", rule["annotations"]["description"])
    assert {name for names in services for name in names.split()} <= SERVICES.keys()


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *EXPRESSIONS])
def test_jobs_in_expressions_are_scraped(expression: str) -> None:
    assert set(re.findall(r'job="([^"]+)"', expression)) <= JOBS.keys()


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *EXPRESSIONS])
def test_metrics_and_labels_in_expressions_exist(expression: str) -> None:
    documented = _documented()
    asked = re.findall(r"perdure_[a-z_]+", expression)
    assert set(asked) <= documented.keys()
    labels = {label.strip() for group in re.findall(r"by \(([^)]+)\)", expression) for label in group.split(",")}
    labels |= set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)\"", expression))
    assert labels <= {"job", "instance", "alertstate"}.union(*(documented[name] for name in asked))


def _documented() -> dict[str, set[str]]:
    """Every sample of docs/reference/metrics.md, with its labels."""
    text = (ROOT / "docs/reference/metrics.md").read_text()
    samples: dict[str, set[str]] = {}
    for name, kind, labels in re.findall(r"^\| `(perdure_\w+)` \| (\w+) \| ([^|]*) \|", text, re.MULTILINE):
        found = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            samples |= {f"{name}_bucket": found | {"le"}, f"{name}_count": found, f"{name}_sum": found}
        else:
            samples[name] = found
    return samples


def test_every_target_is_a_service_on_the_port_it_listens_on() -> None:
    metrics = load_yaml("deploy/otel/collector.yaml")["service"]["telemetry"]["metrics"]["readers"][0]
    ports = {
        "api": environment("api")["PERDURE_API_PORT"],
        "temporal": environment("temporal")["PROMETHEUS_ENDPOINT"].rpartition(":")[2],
        "otel-collector": str(metrics["pull"]["exporter"]["prometheus"]["port"]),
        "127.0.0.1": "9090",
    }
    targets = [
        target for job in JOBS.values() for entry in job.get("static_configs", []) for target in entry["targets"]
    ]
    assert dict(target.split(":") for target in targets) == ports
    assert ports.keys() - {"127.0.0.1"} <= SERVICES.keys()


def test_every_worker_there_is_is_scraped() -> None:
    (names,) = JOBS["perdure-worker"]["dns_sd_configs"]
    assert names["names"] == ["worker"]
    assert names["type"] == "A"
    assert str(names["port"]) == environment("worker")["PERDURE_WORKER_HEALTH_PORT"]


def test_configuration_rules_and_dashboards_are_where_the_containers_look() -> None:
    assert binds("prometheus") == {PROMETHEUS: "/etc/prometheus"}
    assert "--config.file=/etc/prometheus/prometheus.yml" in SERVICES["prometheus"]["command"]
    mounted = binds("grafana")
    (provider,) = load_yaml("deploy/grafana/provisioning/dashboards/perdure.yml")["providers"]
    assert mounted[ROOT / "deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounted[ROOT / "deploy/grafana/provisioning"] == "/etc/grafana/provisioning"


def test_grafana_asks_services_that_exist() -> None:
    sources = load_yaml("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    hosts = {re.sub(r"^http://|:\d+$", "", source["url"]) for source in sources}
    assert hosts == {"prometheus", "jaeger"}
    assert hosts <= SERVICES.keys()


def test_every_panel_asks_a_data_source_that_is_provisioned() -> None:
    sources = load_yaml("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    known = {(source["type"], source["uid"]) for source in sources}
    asked = [panel["datasource"] for panel in DASHBOARD["panels"]]
    asked += [target["datasource"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert {(source["type"], source["uid"]) for source in asked} <= known


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_prometheus_understands_what_the_panels_ask(expression: str, tmp_path: Any) -> None:
    rule = {"record": "panel", "expr": expression.replace("$__rate_interval", "1m")}
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": [rule]}]}))
    _promtool("check", "rules", str(file))
