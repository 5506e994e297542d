"""Groups of what failed alike: what they count, and what they remember of what was brought home."""

from typing import Any

from sqlalchemy import update

from perdure.store.session import transaction
from perdure.store.table import jobs
from tests.integration.api.desk import Desk, fail
from tests.integration.api.stack import unique
from tests.integration.api.test_bad_input import check_problem
from tests.integration.api.test_dead_letter_list import LIST, ids, park


async def test_c6_groups_count_what_failed_alike(desk: Desk) -> None:
    run = unique()
    kind: dict[str, Any] = {
        "type": "FAIL",
        "with": {"code": f"STEP.C6.{run[:6].upper()}", "message": "order 17 of 'x' is gone"},
    }
    first = await park(desk, [{"id": "a", **kind}], labels={"run": run})
    other = {**kind["with"], "message": "order 18 of 'y' is gone"}
    second = await park(desk, [{"id": "a", **kind, "with": other}], labels={"run": run})
    await park(desk, [fail("z")], labels={"run": run})
    groups = (await desk.http.get(f"{LIST}/groups?label=run={run}")).json()["data"]
    assert [group["count"] for group in groups] == [2, 1]
    group = groups[0]
    assert (group["error"]["message"], group["jobs"]) == ("order <n> of <text> is gone", 2)
    (of_type,) = group["job_types"]
    assert (of_type["type"], of_type["count"], of_type["resolved"]) == ("INLINE", 2, 0)
    assert (of_type["first_seen"], of_type["last_seen"]) == (group["first_seen"], group["last_seen"])
    assert group["example"] == second
    assert sum(part["count"] for part in group["hours"]) == sum(part["count"] for part in group["days"]) == 2
    assert group["first_seen"] < group["last_seen"]
    assert set(await ids(desk, f"fingerprint={group['fingerprint']}")) == {first, second}
    page = (await desk.http.get(f"{LIST}/groups?label=run={run}&limit=1")).json()["page"]
    rest = (await desk.http.get(f"{LIST}/groups?label=run={run}&limit=1&cursor={page['cursor']}")).json()
    assert [each["count"] for each in rest["data"]] == [1]


async def test_c6_a_group_tells_which_versions_of_a_definition_failed_so(desk: Desk) -> None:
    run = unique()
    step = {"id": "a", "type": "FAIL", "with": {"code": f"STEP.C6.{run[:6].upper()}", "times": 1}}
    parked = [await park(desk, [step], labels={"run": run}) for _ in range(3)]
    for job_id, version in zip(parked, ("invoice-run@3", "invoice-run@4", "invoice-run@4"), strict=True):
        async with transaction(desk.api.engine) as connection:
            await connection.execute(update(jobs).where(jobs.c.id == job_id).values(type=version))
    assert (await desk.decide(parked[1], "/retry", {"reason": "mended"})).status_code == 202
    await desk.reach(parked[1], "COMPLETED")
    await desk.api.project(parked[1])
    async with transaction(desk.api.engine) as connection:
        await connection.execute(update(jobs).where(jobs.c.id == parked[1]).values(type="invoice-run@4"))
    for state in ("PARKED", "ALL"):
        answer = await desk.http.get(f"{LIST}/groups?label=run={run}&state={state}")
        (group,) = answer.json()["data"]
        newest, oldest = group["job_types"]
        assert (group["count"], group["resolved"]) == (2, 1)
        assert (newest["type"], newest["count"], newest["resolved"]) == ("invoice-run@4", 1, 1)
        assert (oldest["type"], oldest["count"], oldest["resolved"]) == ("invoice-run@3", 1, 0)
        assert group["first_seen"] == oldest["first_seen"] == oldest["last_seen"] < newest["first_seen"]
        assert newest["first_seen"] < newest["last_seen"] == group["last_seen"]
    one = (await desk.http.get(f"{LIST}/groups?label=run={run}&type=invoice-run@3")).json()["data"][0]
    assert (one["count"], [each["type"] for each in one["job_types"]]) == (1, ["invoice-run@3"])


async def test_c6_groups_remember_what_was_brought_home(desk: Desk) -> None:
    run = unique()
    code = f"STEP.C6.{run[:6].upper()}"
    step = {"id": "a", "type": "FAIL", "with": {"code": code, "times": 1}}
    first = await park(desk, [step], labels={"run": run})

    async def groups(state: str) -> list[dict[str, Any]]:
        answer = await desk.http.get(f"{LIST}/groups?label=run={run}&state={state}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    assert await groups("RESOLVED") == []
    seen = (await groups("PARKED"))[0]
    assert (seen["count"], seen["resolved"]) == (1, 0)
    assert (await desk.decide(first, "/retry", {"reason": "mended"})).status_code == 202
    await desk.reach(first, "COMPLETED")
    await desk.api.project(first)
    assert await groups("PARKED") == []
    (past,) = await groups("RESOLVED")
    assert (past["count"], past["jobs"], past["resolved"], past["example"]) == (0, 0, 1, first)
    assert past["error"]["code"] == code
    second = await park(desk, [step], labels={"run": run})
    assert await groups("RESOLVED") == []
    for state in ("PARKED", "ALL"):
        (both,) = await groups(state)
        assert (both["count"], both["resolved"], both["example"]) == (1, 1, second)
        assert (both["first_seen"], both["first_seen"] < both["last_seen"]) == (seen["first_seen"], True)
        for parts in (both["hours"], both["days"]):
            assert sum(part["count"] for part in parts) == 2


async def test_groups_of_the_past_have_pages(desk: Desk) -> None:
    run = unique()
    for number in range(3):
        step = {"id": "a", "type": "FAIL", "with": {"code": f"STEP.P{number}", "message": "no"}}
        await park(desk, [step], labels={"run": run})
    path, seen, cursor = f"{LIST}/groups?label=run={run}&state=ALL&limit=2", [], ""
    while True:
        page = (await desk.http.get(f"{path}{cursor}")).json()
        seen += [group["error"]["code"] for group in page["data"]]
        if not page["page"]["has_more"]:
            break
        cursor = f"&cursor={page['page']['cursor']}"
    assert seen == ["STEP.P2", "STEP.P1", "STEP.P0"]
    check_problem(await desk.http.get(f"{LIST}/groups?limit=2{cursor}"), 422)  # a cursor of another order
    check_problem(await desk.http.get(f"{LIST}/groups?state=LOST"), 422)
    check_problem(await desk.http.get(f"{LIST}?state=ALL"), 422)
