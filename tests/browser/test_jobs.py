"""Jobs in a browser: the list and its filters, and a job with its steps and its journal."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from perdure.client import PerdureClient
from perdure.client.view import Job


def submitted(client: PerdureClient, name: str, code: str | None = None) -> Job:
    """One that completes, or ends with that error."""
    say = {"id": "say", "type": "LOG", "with": {"message": "x"}}
    fail = {"id": "fail", "type": "FAIL", "with": {"code": code, "message": "meant so"}}
    steps = [say] if code is None else [say, {**fail, "retry": {"maximum_attempts": 1}}]
    spec = {"name": name, "steps": steps, "dead_letter": {"enabled": False}, "input": {"order": 1042}}
    return client.wait(client.submit(spec).job.id, timeout=60)


def test_the_list_shows_jobs_and_finds_them(ann: Page, client: PerdureClient) -> None:
    name = f"n{uuid4().hex[:12]}"
    done, failed = submitted(client, name), submitted(client, name, "MY.CODE")
    ann.goto("/dashboard/jobs")
    ann.get_by_label("Search").fill(name)
    rows = ann.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text=done.id)).to_contain_text("COMPLETED")
    expect(rows.filter(has_text=failed.id)).to_contain_text("FAILED")
    ann.get_by_role("checkbox", name="FAILED").check()
    expect(rows).to_have_count(2)
    ann.reload()
    expect(rows).to_have_count(2)
    ann.get_by_role("link", name=failed.id).click()
    expect(ann.get_by_role("heading", level=1, name=failed.id)).to_be_visible()
    ann.go_back()
    expect(rows).to_have_count(2)


def test_a_job_shows_its_steps_its_error_and_its_journal(ann: Page, client: PerdureClient) -> None:
    job = submitted(client, "shown", "MY.CODE")
    ann.goto(f"/dashboard/jobs/{job.id}")
    steps = ann.get_by_role("region", name="Steps")
    expect(steps.get_by_role("row", name="say")).to_contain_text("COMPLETED")
    expect(steps.get_by_role("row", name="fail")).to_contain_text("meant so")
    journal = ann.get_by_role("region", name="Journal")
    for type_ in ("JOB_SUBMITTED", "JOB_STARTED", "STEP_COMPLETED", "STEP_FAILED", "JOB_FAILED"):
        expect(journal.get_by_text(type_, exact=True)).to_be_visible()
    expect(journal.get_by_role("row").filter(has_text="JOB_SUBMITTED")).to_contain_text("key:admin")
    expect(ann.get_by_role("region", name="Input", exact=True).first).to_contain_text("1042")


def test_a_job_moves_while_one_looks(ann: Page, client: PerdureClient) -> None:
    steps = [{"id": "answer", "type": "WAIT", "with": {"name": "answer"}}]
    job_id = client.submit({"name": "moving", "steps": steps}).job.id
    ann.goto(f"/dashboard/jobs/{job_id}")
    step = ann.get_by_role("region", name="Steps").get_by_role("row", name="answer")
    expect(step).to_contain_text("WAITING")
    client.deliver(job_id, "answer", 42)
    expect(step).to_contain_text("COMPLETED")
    expect(ann.get_by_role("region", name="Journal")).to_contain_text("JOB_COMPLETED")


def test_what_is_not_there_says_so(ann: Page) -> None:
    ann.goto("/dashboard/jobs/default:nobody-has-seen-it")
    expect(ann.get_by_role("main")).to_contain_text("API.NOT_FOUND")
    ann.goto("/dashboard/no-such-page")
    expect(ann.get_by_role("heading", level=1)).to_be_visible()
