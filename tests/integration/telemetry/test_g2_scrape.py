"""G2: Prometheus scrapes API and workers; the counters move with real jobs. On a running stack.

Other tests use the stack too, so counts are at least what is expected; `test_count` shows that they are exact.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from perdure.client import PerdureClient
from perdure.embedded.port import PortWish, settle_ports
from tests.integration.telemetry.conftest import Scrape, scrape, until, value, worker_url
from tests.server.partner import Partner
from tests.server.stack import Stack

PROMETHEUS = shutil.which("prometheus")
JOB = {"type": "INLINE", "queue": "default"}


def step(**params: Any) -> dict[str, Any]:
    return {"id": "a", "retry": {"maximum_attempts": 3, "initial_interval": "20ms"}, **params}


def test_g2_counters_of_the_worker_move_with_real_jobs(stack: Stack, client: PerdureClient, partner: Partner) -> None:
    before = scrape(worker_url(stack))
    partner.answers["/g2"] = [500, 200]
    for number in range(5):
        spec = {"name": f"g2-{number}", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]}
        client.submit(spec)
    client.submit(
        {"name": "g2", "steps": [step(type="HTTP_CALL", **{"with": {"method": "GET", "url": f"{partner.url}/g2"}})]}
    )

    def moved(name: str, **labels: str) -> float:
        return value(scrape(worker_url(stack)), name, **labels) - value(before, name, **labels)

    until(lambda: moved("perdure_jobs_completed_total", **JOB) >= 6)
    until(lambda: moved("perdure_jobs_submitted_total", **JOB) >= 6)
    until(lambda: moved("perdure_jobs_started_total", **JOB) >= 6)
    until(lambda: moved("perdure_jobs_completed_total", **JOB) >= 6)
    until(lambda: moved("perdure_job_duration_seconds_count", **JOB, outcome="COMPLETED") >= 6)
    until(lambda: moved("perdure_job_queue_wait_seconds_count", **JOB) >= 6)
    until(lambda: moved("perdure_step_duration_seconds_count", type="LOG", outcome="COMPLETED") >= 5)
    http = {"type": "HTTP_CALL"}
    until(lambda: moved("perdure_step_attempts_total", **http, outcome="FAILED", error_class="TRANSIENT") >= 1)
    until(lambda: moved("perdure_step_attempts_total", **http, outcome="COMPLETED") >= 1)
    until(lambda: moved("perdure_step_retries_total", **http, error_class="TRANSIENT") >= 1)
    until(lambda: moved("perdure_step_queue_wait_seconds_count", **http, queue="default") >= 2)
    until(lambda: moved("perdure_projection_lag_seconds_count") >= 6)


def test_g2_a_dead_letter_shows_until_it_is_decided(stack: Stack, client: PerdureClient) -> None:
    before = scrape(worker_url(stack))
    failing = {"code": "STEP.G2", "class": "PERMANENT", "message": "m", "times": 1}
    job = client.submit({"name": "g2", "steps": [step(type="FAIL", **{"with": failing})]}).job

    def shown() -> Scrape:
        return scrape(worker_url(stack))

    depth = value(before, "perdure_dead_letter_jobs", queue="default")
    until(lambda: value(shown(), "perdure_dead_letter_jobs", queue="default") > depth)
    until(lambda: value(shown(), "perdure_jobs_open", queue="default", status="DEAD_LETTERED") > depth)
    until(lambda: value(shown(), "perdure_dead_letter_oldest_age_seconds", queue="default") > 0)
    parked = value(before, "perdure_jobs_dead_lettered_total")
    until(lambda: value(shown(), "perdure_jobs_dead_lettered_total") > parked)
    client.retry(job.id, reason="g2")
    until(lambda: value(shown(), "perdure_dead_letter_jobs", queue="default") <= depth)
    until(lambda: value(shown(), "perdure_jobs_retried_total") > value(before, "perdure_jobs_retried_total"))


def test_g2_the_worker_tells_of_itself_and_of_the_sdk(stack: Stack) -> None:
    until(lambda: value(scrape(worker_url(stack)), "perdure_worker_leader") == 1)
    until(lambda: "perdure_queue_backlog_age_seconds" in scrape(worker_url(stack)))
    until(lambda: value(scrape(worker_url(stack)), "perdure_projection_stalled_seconds") == 0)
    found = scrape(worker_url(stack))
    assert value(found, "perdure_build_info", service="worker") == 1
    assert value(found, "perdure_worker_slots", queue="default") > 0
    assert value(found, "perdure_postgres_pool_limit") > 0
    assert {"perdure_queue_backlog_tasks", "perdure_queue_backlog_age_seconds"} <= found.keys()
    assert {sample.labels["kind"] for sample in found["perdure_queue_backlog_tasks"].samples} == {
        "workflow",
        "activity",
    }
    assert value(found, "temporal_worker_task_slots_available", worker_type="ActivityWorker") > 0
    assert "process_resident_memory_bytes" in found


def test_g2_the_api_counts_requests_by_route_and_needs_no_key(stack: Stack, client: PerdureClient) -> None:
    name, url = "perdure_api_request_duration_seconds_count", stack.info.api_url
    before = scrape(url)
    job = client.submit({"name": "g2", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]}).job
    for path in (f"/v1/jobs/{job.id}", f"/v1/jobs/{job.id}?consistency=strong"):
        httpx.get(url + path, headers={"Authorization": f"Bearer {stack.api_key}"}, trust_env=False)
    httpx.get(f"{url}/v1/jobs/nobody", trust_env=False)
    httpx.get(f"{url}/there/is/nothing/here", trust_env=False)

    def moved(**labels: str) -> float:
        return value(scrape(url), name, **labels) - value(before, name, **labels)

    until(lambda: moved(method="GET", route="unmatched", status="4xx") == 1)
    assert moved(method="POST", route="/v1/jobs", status="2xx") == 1
    assert moved(method="GET", route="/v1/jobs/{job_id}", status="2xx") == 2
    assert moved(method="GET", route="/v1/jobs/{job_id}", status="4xx") == 1
    assert value(scrape(url), "temporal_request_total", operation="StartWorkflowExecution") > 0


def test_g2_no_label_of_any_metric_holds_an_id(stack: Stack, client: PerdureClient) -> None:
    job = client.submit({"name": "g2", "steps": [{"id": "theonlystep", "type": "LOG", "with": {"message": "x"}}]}).job
    key = job.id.partition(":")[2]
    until(lambda: client.get(job.id).status == "COMPLETED")
    for found in (scrape(worker_url(stack)), scrape(stack.info.api_url)):
        values = {text for family in found.values() for sample in family.samples for text in sample.labels.values()}
        assert not any(key in text or "theonlystep" in text for text in values)


@pytest.fixture
def prometheus(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """A real Prometheus that scrapes this stack; its address."""
    if PROMETHEUS is None:
        pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus)")
    (port,) = settle_ports([PortWish("Prometheus", "", 0)])
    targets = {"perdure-api": stack.info.api_url, "perdure-worker": worker_url(stack)}
    jobs = "".join(
        f"  - job_name: {name}\n    static_configs: [{{targets: ['{url.removeprefix('http://')}']}}]\n"
        for name, url in targets.items()
    )
    config = tmp_path / "prometheus.yml"
    config.write_text(f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{jobs}")
    words = [
        PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def query(prometheus: str, expression: str) -> float | None:
    """What Prometheus answers, or None while it has nothing."""
    try:
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, trust_env=False)
    except httpx.TransportError:
        return None
    result = answer.json()["data"]["result"] if answer.status_code == 200 else []
    return float(result[0]["value"][1]) if result else None


def test_g2_a_real_prometheus_scrapes_the_api_and_the_worker(
    stack: Stack, client: PerdureClient, prometheus: str
) -> None:
    for job in ("perdure-api", "perdure-worker"):
        until(lambda job=job: query(prometheus, f'up{{job="{job}"}}') == 1)  # type: ignore[misc]
    until(lambda: query(prometheus, "sum(perdure_worker_leader)") == 1)
    before = query(prometheus, "sum(perdure_jobs_completed_total)") or 0
    client.submit({"name": "g2", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]})
    until(lambda: (query(prometheus, "sum(perdure_jobs_completed_total)") or 0) >= before + 1)
    until(lambda: (query(prometheus, 'sum(perdure_api_request_duration_seconds_count{route="/v1/jobs"})') or 0) >= 1)
    quantile = "histogram_quantile(0.9, sum by (le) (perdure_job_duration_seconds_bucket))"
    until(lambda: (query(prometheus, quantile) or 0) > 0)
