"""Logging in and out in a browser, and being sent to the login where a session is no more."""

from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Page, expect

from perdure.client import PerdureClient
from tests.browser.conftest import KeyMaker, enter
from tests.server.stack import Stack


def log_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()


def test_only_a_key_that_counts_logs_in(page: Page, make_key: KeyMaker) -> None:
    _, key = make_key("ann")
    page.goto("/")
    expect(page).to_have_title("Log in · Perdure")
    log_in(page, f"pdr_nobodyskey12_{'x' * 43}")
    expect(page.get_by_role("alert")).to_contain_text("This key opens nothing")
    log_in(page, key)
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    expect(page.get_by_role("banner")).to_contain_text("key:ann")
    assert urlsplit(page.url).path == "/dashboard/jobs"
    assert page.evaluate("document.cookie") == ""


def test_a_login_leads_to_the_page_that_was_asked_for(page: Page, stack: Stack, client: PerdureClient) -> None:
    job = client.submit({"name": "asked-for", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]}).job
    client.wait(job.id, timeout=60)
    page.goto(f"/dashboard/jobs/{job.id}")
    log_in(page, stack.api_key)
    expect(page.get_by_role("heading", level=1, name=job.id)).to_be_visible()


def test_logging_out_ends_the_session(page: Page, stack: Stack) -> None:
    enter(page, stack.api_key)
    page.goto("/dashboard/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.context.cookies() == []
    page.goto("/dashboard/jobs")
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_revoked_key_is_sent_to_the_login(page: Page, stack: Stack, make_key: KeyMaker) -> None:
    key_id, key = make_key("leaving")
    enter(page, key)
    page.goto("/dashboard/jobs")
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    admin = {"Authorization": f"Bearer {stack.api_key}"}
    httpx.post(f"{stack.info.api_url}/v1/api-keys/{key_id}/revoke", headers=admin, trust_env=False, timeout=60)
    # By itself: the page asks again every few seconds.
    expect(page.get_by_label("API key")).to_be_visible()
