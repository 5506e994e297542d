"""Scraping and reading the logs of the session's stack."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from perdure.client import PerdureClient
from tests.server.stack import Stack

Scrape = dict[str, Metric]


@pytest.fixture
def client(stack: Stack) -> Iterator[PerdureClient]:
    with stack.client() as opened:
        yield opened


def worker_url(stack: Stack) -> str:
    """Where the worker's /metrics is: the embedded stack chooses the port."""
    assert stack.info.worker_url is not None
    return stack.info.worker_url


def scrape(url: str) -> Scrape:
    """The families at `url`, as Prometheus reads them; none comes twice."""
    answer = httpx.get(f"{url}/metrics", trust_env=False, timeout=60, verify=False)  # without TLS to prepare
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: Scrape = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.name not in found
        found[family.name] = family
    return found


def value(found: Scrape, name: str, **labels: str) -> float:
    """The sum of the samples `name` that have these labels; 0 where there is none."""
    samples = [sample for family in found.values() for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def until(reached: Callable[[], Any], seconds: float = 60.0) -> None:
    """Return as soon as `reached` is true."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def log_lines(stack: Stack, service: str) -> list[dict[str, Any]]:
    """Every line the service has logged; fails where one is not a JSON object."""
    text = (stack.directory / ".perdure" / "log" / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines()]
