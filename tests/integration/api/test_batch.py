"""`POST /v1/jobs/batch`: each spec is answered as if it had been sent alone."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.integration.api.desk import Desk
from tests.integration.api.stack import Api, running_api, spec, unique
from tests.integration.api.test_bad_input import check_problem

PATH = "/v1/jobs/batch"


async def sent(http: httpx.AsyncClient, *specs: Any) -> dict[str, Any]:
    answer = await http.post(PATH, json={"jobs": list(specs)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert [item["index"] for item in found["data"]] == list(range(len(specs)))
    return found


async def test_every_job_of_a_batch_runs(desk: Desk) -> None:
    done = await sent(desk.http, *(spec(queue=desk.queue, name=f"n{number}") for number in range(25)))
    assert (done["accepted"], done["replayed"], done["refused"]) == (25, 0, 0)
    jobs = [item["job"] for item in done["data"]]
    assert [job["name"] for job in jobs] == [f"n{number}" for number in range(25)]
    await asyncio.gather(*(desk.reach(job["id"], "COMPLETED") for job in jobs))


async def test_what_is_wrong_with_one_is_told_in_its_place_and_the_others_start(http: httpx.AsyncClient) -> None:
    bad = spec(steps=[{"id": "a", "type": "LOGG", "with": {}}])
    done = await sent(http, spec(), bad, 5, spec(name=""), spec())
    assert [item["status"] for item in done["data"]] == [202, 422, 422, 422, 202]
    assert (done["accepted"], done["refused"]) == (2, 3)
    problem = done["data"][1]["error"]
    assert (problem["code"], problem["status"]) == ("API.VALIDATION", 422)
    assert problem["errors"][0]["path"].startswith("$.jobs[1].steps[0]")
    assert done["data"][2]["error"]["errors"][0]["path"] == "$.jobs[2]"


async def test_keys_count_within_a_batch_and_from_one_to_the_next(http: httpx.AsyncClient) -> None:
    key = unique()
    first = await sent(http, *([spec(id=key)] * 5), spec(id=key, name="other"))
    assert Counter(item["status"] for item in first["data"]) in ({202: 1, 200: 4, 422: 1}, {202: 1, 422: 5})
    codes = {item["error"]["code"] for item in first["data"] if item["error"]}
    assert codes == {"API.IDEMPOTENCY_KEY_REUSED"}
    again = await sent(http, first["data"][0] and spec(id=key), spec(id=key, name="other"))
    assert sorted(item["status"] for item in again["data"]) == [200, 422]
    assert again["replayed"] == 1


async def test_a_thousand_at_once(http: httpx.AsyncClient) -> None:
    keys = [unique() for _ in range(1_000)]
    answer = await http.post(PATH, json={"jobs": [spec(id=key) for key in keys]}, timeout=120)
    assert answer.json()["accepted"] == 1_000
    assert [item["job"]["id"] for item in answer.json()["data"]] == [f"default:{key}" for key in keys]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], "$"),
        ([spec()], "$"),
        (spec(), "$"),
        ({"jobs": spec()}, "$"),
        ({"jobs": [spec()], "reason": "x"}, "$"),
        ({"jobs": []}, "$.jobs"),
        ({"jobs": [spec()] * 1_001}, "$.jobs"),
    ],
)
async def test_what_is_no_batch_is_refused_whole(http: httpx.AsyncClient, body: Any, place: str) -> None:
    problem = check_problem(await http.post(PATH, json=body), 422)
    assert [item["path"] for item in problem["errors"]] == [place]


async def test_a_batch_has_no_key_and_no_query(http: httpx.AsyncClient) -> None:
    body = {"jobs": [spec()]}
    headers = {"Idempotency-Key": unique()}
    assert check_problem(await http.post(PATH, json=body, headers=headers), 422)["errors"][0]["path"] == (
        "header.Idempotency-Key"
    )
    check_problem(await http.post(f"{PATH}?dry_run=true", json=body), 422)


async def test_it_has_a_limit_of_its_own_and_each_spec_keeps_its(api: Api) -> None:
    small = api.settings.model_copy(update={"body_limit_bytes": 2_000, "batch_limit_bytes": 8_000})
    async with running_api(small, api.temporal, migrate=False) as running:
        http = running.client(await running.key())
        done = await sent(http, spec(), spec(input="x" * 3_000), spec())
        assert [item["status"] for item in done["data"]] == [202, 413, 202]
        assert done["data"][1]["error"]["code"] == "API.BODY_TOO_LARGE"
        check_problem(await http.post(PATH, json={"jobs": [spec(input="x" * 1_500)] * 6}), 413)


async def test_while_temporal_is_away_it_gives_up_soon_and_says_so_for_each(api: Api) -> None:
    away = api.settings.model_copy(update={"temporal_address": "127.0.0.1:9"})
    async with running_api(away, api.temporal, migrate=False) as running:
        http = running.client(await running.key())
        async with asyncio.timeout(60):
            done = await sent(http, *[spec()] * 200)
    assert {item["status"] for item in done["data"]} == {503}
    assert all(item["error"]["retryable"] for item in done["data"])
