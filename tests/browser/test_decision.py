"""Acceptance C3 in a browser: each decision about what is parked, with who and why on the page and in the journal."""

import pytest
from playwright.sync_api import Locator, Page, expect

from perdure.client import PerdureClient
from perdure.client.view import Job
from tests.acceptance.conftest import until
from tests.browser.conftest import KeyMaker, enter
from tests.browser.deciding import ONCE, call, decide, open_dialog
from tests.server.partner import Partner


@pytest.fixture
def parked(client: PerdureClient, partner: Partner) -> str:
    """`order` is done and can be undone, `pay` is parked, `mail` waits for it."""
    partner.answers["/pay"] = [404]
    undo = {"type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/undo-order"}, "retry": ONCE}
    steps = [call(partner, "order", compensate=undo), call(partner, "pay"), call(partner, "mail")]
    id_ = client.submit({"name": "shipment", "input": {"card": "canary"}, "steps": steps}).job.id
    until(client, id_, lambda job: job.status == "DEAD_LETTERED")
    return id_


def open_letter(page: Page, job_id: str) -> None:
    """By way of the list."""
    page.goto("/dashboard/dead-letters")
    page.get_by_role("link", name=job_id).click()
    expect(page.get_by_role("heading", level=1, name=job_id)).to_be_visible()


def step(page: Page, id_: str) -> Locator:
    return page.get_by_role("region", name="Steps").get_by_role("row", name=id_)


def check_told(page: Page, client: PerdureClient, job_id: str, type_: str, *, why: str, who: str = "key:ann") -> None:
    """The journal has the decision with who and why, on the page and at the API."""
    page.goto(f"/dashboard/jobs/{job_id}")
    row = page.get_by_role("region", name="Journal").get_by_role("row").filter(has_text=type_)
    expect(row).to_have_count(1)
    expect(row).to_contain_text(who)
    expect(row).to_contain_text(why)
    told = [(row.actor, row.data.get("reason")) for row in client.journal(job_id, limit=200).data if row.type == type_]
    assert told == [(who, why)]


def ended(client: PerdureClient, job_id: str) -> Job:
    return client.wait(job_id, timeout=60)


def test_c3_retry_with_a_patch(ann: Page, client: PerdureClient, partner: Partner, parked: str) -> None:
    open_letter(ann, parked)
    expect(ann.get_by_role("main")).to_contain_text("canary")
    dialog = open_dialog(ann, "Retry")
    dialog.get_by_label("Patch for pay").fill(f'{{"url": "{partner.url}/pay2"}}')
    decide(dialog, "Retry", "the bank has moved")
    expect(ann.get_by_role("status").filter(has_text="Retry taken")).to_be_visible()
    assert ended(client, parked).status == "COMPLETED"
    assert partner.calls == {"/order": 1, "/pay": 1, "/pay2": 1, "/mail": 1}
    check_told(ann, client, parked, "JOB_RETRY_REQUESTED", why="the bank has moved")
    expect(ann.get_by_role("main")).to_contain_text("COMPLETED")


def test_c3_skip_with_an_output(ann: Page, client: PerdureClient, partner: Partner, parked: str) -> None:
    open_letter(ann, parked)
    dialog = open_dialog(ann, "Skip")
    dialog.get_by_label("Output").fill('{"by": "phone"}')
    decide(dialog, "Skip", "paid by phone")
    expect(ann.get_by_role("status").filter(has_text="Skip taken")).to_be_visible()
    done = ended(client, parked)
    assert (done.status, done.steps[1].status, done.steps[1].output) == ("COMPLETED", "SKIPPED", {"by": "phone"})
    assert partner.calls == {"/order": 1, "/pay": 1, "/mail": 1}
    check_told(ann, client, parked, "STEP_OVERRIDDEN", why="paid by phone")
    expect(step(ann, "pay")).to_contain_text("SKIPPED")


def test_c3_discard_compensates(ann: Page, client: PerdureClient, partner: Partner, parked: str) -> None:
    open_letter(ann, parked)
    decide(open_dialog(ann, "Discard"), "Discard", "withdrawn")
    expect(ann.get_by_role("status").filter(has_text="Discard taken")).to_be_visible()
    done = ended(client, parked)
    assert (done.status, done.resolution) == ("FAILED", "DISMISSED")
    assert partner.calls == {"/order": 1, "/pay": 1, "/undo-order": 1}
    check_told(ann, client, parked, "JOB_DISCARDED", why="withdrawn")
    expect(step(ann, "order")).to_contain_text("COMPENSATED")
    expect(ann.get_by_text("DISMISSED", exact=True)).to_be_visible()


def test_c3_the_end_of_the_retention_is_shown(ann: Page, client: PerdureClient, partner: Partner) -> None:
    partner.answers["/pay"] = [404]
    steps, keep = [call(partner, "pay")], {"retention": "1s"}
    id_ = client.submit({"name": "shipment", "steps": steps, "dead_letter": keep}).job.id
    done = ended(client, id_)
    assert (done.status, done.resolution) == ("FAILED", "EXPIRED")
    ann.goto(f"/dashboard/jobs/{id_}")
    expect(ann.get_by_text("EXPIRED", exact=True)).to_be_visible()
    ((who, why),) = [
        (row.actor, row.data["reason"]) for row in client.journal(id_, limit=200).data if row.type == "JOB_DISCARDED"
    ]
    row = ann.get_by_role("region", name="Journal").get_by_role("row").filter(has_text="JOB_DISCARDED")
    expect(row).to_contain_text(why)
    assert who is None or who in row.inner_text()


def test_of_several_that_are_parked_one_is_retried(ann: Page, client: PerdureClient, partner: Partner) -> None:
    partner.answers.update({"/left": [404, 200], "/right": [404, 200]})
    steps = [call(partner, id_, depends_on=[]) for id_ in ("left", "right")]
    id_ = client.submit({"name": "fork", "steps": steps}).job.id
    until(client, id_, lambda job: [step.status for step in job.steps] == ["DEAD_LETTERED"] * 2)
    ann.goto(f"/dashboard/jobs/{id_}")
    dialog = open_dialog(ann, "Retry")
    dialog.get_by_role("radiogroup", name="What runs again").get_by_text("Some of them").click()
    dialog.get_by_role("group", name="Parked units").get_by_text("right").click()
    expect(dialog.get_by_role("checkbox", name="right")).to_be_checked()
    decide(dialog, "Retry", "this one is mended")
    expect(step(ann, "right")).to_contain_text("COMPLETED")
    expect(step(ann, "left")).to_contain_text("DEAD_LETTERED")
    assert partner.calls == {"/left": 1, "/right": 2}
    check_told(ann, client, id_, "JOB_RETRY_REQUESTED", why="this one is mended")


def test_a_job_is_paused_resumed_and_cancelled(ann: Page, client: PerdureClient) -> None:
    steps = [{"id": "answer", "type": "WAIT", "with": {"name": "answer"}}]
    id_ = client.submit({"name": "waiting", "steps": steps}).job.id
    until(client, id_, lambda job: job.status == "WAITING")
    ann.goto(f"/dashboard/jobs/{id_}")
    for action, reason in (("Pause", "stock-taking"), ("Resume", "all counted"), ("Cancel job", "not wanted")):
        decide(open_dialog(ann, action), action, reason)
    assert ended(client, id_).status == "CANCELED"
    expect(ann.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    journal = ann.get_by_role("region", name="Journal")
    for type_, reason in (
        ("JOB_PAUSED", "stock-taking"),
        ("JOB_RESUMED", "all counted"),
        ("JOB_CANCEL_REQUESTED", "not wanted"),
    ):
        row = journal.get_by_role("row").filter(has_text=type_).filter(has_text=reason)
        expect(row.first).to_contain_text("key:ann")


def test_a_decision_that_is_refused_shows_why(ann: Page, client: PerdureClient, parked: str) -> None:
    open_letter(ann, parked)
    dialog = open_dialog(ann, "Retry")
    client.discard(parked, reason="somebody was quicker")
    ended(client, parked)
    decide(dialog, "Retry", "too late")
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text("has ended")
    expect(alert.get_by_role("link", name="API.JOB_CLOSED")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    check_told(ann, client, parked, "JOB_DISCARDED", why="somebody was quicker", who="key:admin")


def test_a_decision_needs_a_reason_and_json_where_json_is_meant(ann: Page, partner: Partner, parked: str) -> None:
    open_letter(ann, parked)
    dialog = open_dialog(ann, "Skip")
    dialog.get_by_label("Output").fill('{"by": }')
    dialog.get_by_role("button", name="Skip", exact=True).click()
    expect(dialog.get_by_label("Output")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
    dialog.press("Escape")
    expect(dialog).to_have_count(0)
    assert partner.calls == {"/order": 1, "/pay": 1}


def test_a_decision_by_keyboard_alone(ann: Page, client: PerdureClient, partner: Partner, parked: str) -> None:
    ann.goto("/dashboard/dead-letters")
    expect(ann.get_by_role("link", name=parked)).to_be_visible()
    focus(ann, ann.get_by_role("link", name=parked))
    ann.keyboard.press("Enter")
    focus(ann, ann.get_by_role("button", name="Retry", exact=True))
    partner.answers["/pay"] = [200]
    ann.keyboard.press("Enter")
    dialog = ann.get_by_role("dialog", name="Retry")
    focus(ann, dialog.get_by_label("Reason"))
    ann.keyboard.type("by hand")
    focus(ann, dialog.get_by_role("button", name="Retry", exact=True))
    ann.keyboard.press("Space")
    expect(ann.get_by_role("status").filter(has_text="Retry taken")).to_be_visible()
    assert ended(client, parked).status == "COMPLETED"
    check_told(ann, client, parked, "JOB_RETRY_REQUESTED", why="by hand")


def focus(page: Page, wanted: Locator) -> None:
    """Tab until it has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(200):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached with the Tab key")


def test_a_viewer_sees_why_and_decides_nothing(page: Page, make_key: KeyMaker, parked: str) -> None:
    enter(page, make_key("guest", "viewer", payloads=False)[1])
    open_letter(page, parked)
    expect(page.get_by_role("main")).to_contain_text("STEP.HTTP.4XX")
    expect(page.get_by_role("region", name="Input", exact=True).first).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text("canary")
    for action in ("Retry", "Skip", "Discard"):
        expect(page.get_by_role("button", name=action, exact=True)).to_have_count(0)
