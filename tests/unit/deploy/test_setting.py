"""What docker-compose.yml tells our processes: settings that exist, parse, and meet on the other side."""

import inspect
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.__main__ import read_secrets
from api.app import Secrets, create_app
from perdure.embedded.temporal import DYNAMIC_CONFIG, RETENTION, SEARCH_ATTRIBUTES
from perdure.settings import TRACE_ID, Settings
from perdure.telemetry.trace.attribute import KEPT
from tests.unit.deploy.compose import OWN, ROOT, SECRETS_MOUNT, SERVICES, environment, load_yaml
from worker import health

own_service = pytest.mark.parametrize("service", OWN)


@own_service
def test_every_setting_exists(service: str) -> None:
    names = {name.removeprefix("PERDURE_").lower() for name in environment(service) if name.startswith("PERDURE_")}
    assert names <= Settings.model_fields.keys()


@own_service
def test_the_settings_parse_with_the_secrets_that_are_made(
    service: str, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value.replace(SECRETS_MOUNT, f"{made}/"))
    settings = Settings()
    assert settings.temporal_address == "temporal:7233"
    if service == "api":
        assert read_secrets(settings).admin_key is not None


def _probed(service: str) -> tuple[int | None, str]:
    match = re.search(r"http://[^'\"]+", str(SERVICES[service]["healthcheck"]["test"]))
    assert match
    url = urlsplit(match[0])
    return url.port, url.path


def test_the_api_is_probed_where_it_answers() -> None:
    port, path = _probed("api")
    assert str(port) == environment("api")["PERDURE_API_PORT"]
    assert path in create_app(Settings(), Secrets(b"x" * 32, None)).openapi()["paths"]
    assert SERVICES["api"]["ports"][0].endswith(f":{port}")


def test_the_worker_is_probed_where_it_answers() -> None:
    port, path = _probed("worker")
    assert str(port) == environment("worker")["PERDURE_WORKER_HEALTH_PORT"]
    assert f'Route("{path}"' in inspect.getsource(health)


def test_both_show_their_metrics_to_prometheus() -> None:
    # Prometheus asks for /metrics where nothing else is said.
    assert "/metrics" in create_app(Settings(), Secrets(b"x" * 32, None)).openapi()["paths"]
    assert 'Route("/metrics"' in inspect.getsource(health)
    assert environment("worker")["PERDURE_WORKER_HEALTH_HOST"] == environment("api")["PERDURE_API_HOST"] == "0.0.0.0"


def test_temporal_is_spoken_to_where_it_listens() -> None:
    assert SERVICES["temporal"]["ports"][0].endswith(":7233")
    for service in ("api", "worker", "migrate"):
        assert environment(service)["PERDURE_TEMPORAL_ADDRESS"] == "temporal:7233"
    for service in ("temporal-namespace", "temporal-ui"):
        assert environment(service)["TEMPORAL_ADDRESS"] == "temporal:7233"
    assert environment("api")["PERDURE_TEMPORAL_UI_URL"] == "http://127.0.0.1:8233"
    assert SERVICES["temporal-ui"]["ports"] == ["127.0.0.1:8233:8080"]


def test_the_namespace_is_the_one_that_is_made() -> None:
    made = environment("temporal-namespace")["TEMPORAL_NAMESPACE"]
    assert {environment(service)["PERDURE_TEMPORAL_NAMESPACE"] for service in OWN} == {made}
    assert environment("temporal-ui")["TEMPORAL_DEFAULT_NAMESPACE"] == made


def test_retention_and_search_attributes_are_those_of_the_embedded_stack() -> None:
    script = (ROOT / "deploy/temporal/namespace.sh").read_text()
    names = re.search(r"for name in (.+); do", script)
    assert names
    assert tuple(names[1].split()) == SEARCH_ATTRIBUTES
    assert environment("temporal-namespace")["RETENTION"] == RETENTION


def test_temporal_keeps_its_databases_where_they_are_made() -> None:
    temporal = environment("temporal")
    names = {temporal["DBNAME"], temporal["VISIBILITY_DBNAME"]}
    assert set(re.findall(r"^update (\w+)", (ROOT / "deploy/temporal/schema.sh").read_text(), re.MULTILINE)) == names
    owned = re.findall(r"CREATE DATABASE (\w+) OWNER (\w+)", (ROOT / "deploy/postgres/databases.sql").read_text())
    assert dict(owned) == {"perdure": "perdure", **dict.fromkeys(names, temporal["POSTGRES_USER"])}
    assert temporal["NUM_HISTORY_SHARDS"] == "512"
    assert environment("temporal-schema")["SQL_PLUGIN"] == temporal["DB"] == "postgres12"


def test_dynamic_settings_are_those_of_the_embedded_stack_but_for_its_single_shard() -> None:
    path = "deploy/temporal/dynamic-config.yaml"
    found = {f"{key}={entry['value']}" for key, entries in load_yaml(path).items() for entry in entries}
    own = ("history.", "system.forceSearchAttributesCacheRefreshOnRead")  # the latter: against a default of `start-dev`
    assert found == {value for value in DYNAMIC_CONFIG if not value.startswith(own)}
    assert environment("temporal")["DYNAMIC_CONFIG_FILE_PATH"] == "/perdure/dynamic-config.yaml"


@pytest.mark.parametrize("service", ["api", "worker"])
def test_traces_go_to_a_port_where_the_collector_speaks_that_protocol(service: str) -> None:
    url = urlsplit(environment(service)["OTEL_EXPORTER_OTLP_ENDPOINT"])
    assert url.hostname in SERVICES
    protocols = load_yaml("deploy/otel/collector.yaml")["receivers"]["otlp"]["protocols"]
    spoken = {"http/protobuf": "http", "grpc": "grpc"}[environment(service)["OTEL_EXPORTER_OTLP_PROTOCOL"]]
    assert protocols[spoken]["endpoint"] == f"0.0.0.0:{url.port}"


def test_the_collector_uses_only_what_it_declares() -> None:
    config = load_yaml("deploy/otel/collector.yaml")
    for pipeline in config["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) == set(config[part])
    host, _, port = config["exporters"]["otlp_grpc/jaeger"]["endpoint"].partition(":")
    assert host in SERVICES
    assert port == "4317"
    assert SERVICES["otel-collector"]["command"] == ["--config=/etc/perdure/collector.yaml"]


def test_failures_and_what_perdure_marks_are_kept_whatever_the_ratio() -> None:
    policies = {
        policy["type"]: policy[policy["type"]]
        for policy in load_yaml("deploy/otel/collector.yaml")["processors"]["tail_sampling"]["policies"]
    }
    assert policies["status_code"] == {"status_codes": ["ERROR"]}
    assert policies["boolean_attribute"] == {"key": KEPT, "value": True}
    assert policies["probabilistic"] == {"sampling_percentage": "${env:TRACES_KEPT_PERCENT:-100}"}
    assert environment("otel-collector") == {"TRACES_KEPT_PERCENT": "${TRACES_KEPT_PERCENT:-100}"}
    # Only this distribution has tail sampling.
    assert SERVICES["otel-collector"]["image"].startswith("otel/opentelemetry-collector-contrib:")


def test_the_link_of_a_job_leads_to_the_tracing_ui() -> None:
    url = urlsplit(environment("api")["PERDURE_TRACE_URL"])
    assert SERVICES["jaeger"]["ports"] == [f"127.0.0.1:{url.port}:{url.port}"]
    assert url.path == f"/trace/{TRACE_ID}"
