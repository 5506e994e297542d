"""Acceptance C6 in a browser: groups of what failed alike, and one decision about many."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from perdure.client import PerdureClient
from tests.acceptance.conftest import until
from tests.browser.deciding import call, decide, open_dialog
from tests.server.partner import Partner


def told(client: PerdureClient, job_id: str, type_: str) -> tuple[str | None, str]:
    """Who decided so, and why; the reason names the bulk action too."""
    ((who, why),) = [
        (row.actor, str(row.data["reason"])) for row in client.journal(job_id, limit=200).data if row.type == type_
    ]
    return who, why.partition(" (bulk action")[0]


def test_c6_those_that_are_chosen_are_retried_at_once(ann: Page, client: PerdureClient, partner: Partner) -> None:
    name = f"n{uuid4().hex[:12]}"
    partner.answers["/pay"] = [404, 404, 404, 200]
    ids = [client.submit({"name": name, "steps": [call(partner, "pay")]}).job.id for _ in range(3)]
    for id_ in ids:
        until(client, id_, lambda job: job.status == "DEAD_LETTERED")
    ann.goto(f"/dashboard/dead-letters?q={name}")
    for id_ in ids[:2]:
        ann.get_by_role("checkbox", name=f"Choose {id_}").check()
    dialog = open_dialog(ann, "Retry chosen")
    expect(dialog).to_contain_text("about 2 jobs")
    decide(dialog, "Retry chosen", "the bank is back")
    expect(ann.get_by_role("heading", level=1, name="Bulk retry of 2 jobs")).to_be_visible()
    expect(ann.get_by_role("main")).to_contain_text("the bank is back")
    jobs = ann.get_by_role("region", name="Jobs")
    for id_ in ids[:2]:
        assert client.wait(id_, timeout=60).status == "COMPLETED"
        assert told(client, id_, "JOB_RETRY_REQUESTED") == ("key:ann", "the bank is back")
        expect(jobs.get_by_role("link", name=id_)).to_be_visible()
    assert client.get(ids[2]).status == "DEAD_LETTERED"
    assert partner.calls == {"/pay": 5}
    client.discard(ids[2], reason="not needed")


def test_c6_all_that_failed_alike_are_discarded_at_once(ann: Page, client: PerdureClient) -> None:
    code, name = f"MY.C{uuid4().hex[:12].upper()}", f"n{uuid4().hex[:12]}"
    fail = {"id": "fail", "type": "FAIL", "with": {"code": code, "class": "PERMANENT", "message": "meant so"}}
    ids = [client.submit({"name": name, "steps": [fail]}).job.id for _ in range(2)]
    for id_ in ids:
        until(client, id_, lambda job: job.status == "DEAD_LETTERED")
    ann.goto(f"/dashboard/dead-letters/groups?q={name}")
    group = ann.get_by_role("article", name=f"{code}, 2 parked")
    group.get_by_role("button", name="Discard all of").click()
    decide(ann.get_by_role("dialog", name="Discard all"), "Discard all", "never again")
    expect(ann.get_by_role("heading", level=1, name="Bulk discard of 2 jobs")).to_be_visible()
    for id_ in ids:
        done = client.wait(id_, timeout=60)
        assert (done.status, done.resolution) == ("FAILED", "DISMISSED")
        assert told(client, id_, "JOB_DISCARDED") == ("key:ann", "never again")
