"""The examples and the demo's jobs are specs that the API accepts; the partner of the demo keeps its promises."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from perdure.admission.admission import admit
from perdure.cli.demo.partner import QUOTES, Partner, Received
from perdure.cli.demo.scenario import Scenario
from perdure.cli.demo.story import SCENARIOS

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.json"))


@pytest.fixture
def partner() -> Iterator[Partner]:
    with Partner() as partner:
        yield partner


def call(partner: Partner, path: str, key: str) -> httpx.Response:
    return httpx.post(f"{partner.url}{path}", json={}, headers={"Idempotency-Key": key}, trust_env=False)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_examples_are_accepted(file: Path) -> None:
    assert admit(json.loads(file.read_bytes())).spec.steps


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
def test_demo_jobs_are_accepted_and_call_services_the_partner_has(scenario: Scenario, partner: Partner) -> None:
    spec = admit(scenario.spec(partner.url)).spec
    started = [one.job for one in spec.dependents if one.name in scenario.children]
    steps = [step for job in (spec, *started) for step in job.steps]
    urls = [step.params["url"] for step in steps if step.type == "HTTP_CALL"]
    assert len(urls) == scenario.effects
    partner.repair()
    assert 404 not in {call(partner, url.removeprefix(partner.url), "k").status_code for url in urls}


def test_partner_counts_calls_by_key(partner: Partner) -> None:
    call(partner, "/orders", "job-1/order")
    call(partner, "/orders", "job-2/order")
    call(partner, "/notices", "job-1~~mail/send")
    assert partner.received_from("job-1") == [
        Received("/orders", "job-1/order", 201),
        Received("/notices", "job-1~~mail/send", 202),
    ]
    assert len(partner.received()) == 3


def test_partner_refuses_the_first_two_payments_under_each_key(partner: Partner) -> None:
    statuses = [call(partner, "/moody/payments", "k").status_code for _ in range(4)]
    assert statuses == [503, 503, 200, 200]
    assert call(partner, "/moody/payments", "other").status_code == 503
    assert [one.effect for one in partner.received() if one.key == "k"] == [False, False, True, True]


def test_partner_ships_only_once_repaired(partner: Partner) -> None:
    assert call(partner, "/shipments", "k").status_code == 500
    partner.repair()
    assert call(partner, "/shipments", "k").status_code == 201


def test_partner_knows_how_many_quotes_it_works_on_at_once(partner: Partner) -> None:
    call(partner, "/quotes/north", "one")
    assert partner.most_at_once == 1
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda place: call(partner, f"/quotes/{place}", place), QUOTES))
    assert partner.most_at_once == 3


def test_partner_says_so_when_it_has_no_such_service(partner: Partner) -> None:
    assert call(partner, "/nonsense", "k").status_code == 404
