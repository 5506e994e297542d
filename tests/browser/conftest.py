"""A Chromium of the system's, and pages that must not complain nor ask anybody but the stack."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from api.dashboard.files import BUILT
from perdure.client import PerdureClient
from tests.server.stack import Stack

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEADLINE = 60_000
"""Milliseconds for anything to appear."""
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ANSWERED_SO = "Failed to load resource"
"""What the browser says of any answer from 400 on; these tests look at what the page says."""


def _needed(thing: object, message: str) -> None:
    if not thing:
        # A contributor needs Python only; .ci/run has to have it, and sets the variable.
        (pytest.fail if os.environ.get("REQUIRE_CHROMIUM") else pytest.skip)(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One a module: while it runs, no test can have an event loop."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    _needed(program, "no Chromium is installed: it is Debian's package `chromium` (apt-get install chromium)")
    _needed((BUILT / "index.html").is_file(), "the dashboard is not built: run `make dashboard`")
    expect.set_options(timeout=DEADLINE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=DEADLINE)
        yield browser
        browser.close()


class Watch:
    """What the pages of a context ask for and complain of."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._url = url
        self._asked: set[str] = set()
        self._said: list[str] = []
        context.on("request", lambda request: self._asked.add(request.url))
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._said.append(str(error.error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ANSWERED_SO):
            self._said.append(message.text)

    def check(self) -> None:
        """Nobody but the stack was asked, and no page complained."""
        asked, said = self._asked.copy(), self._said.copy()
        self._asked.clear()
        self._said.clear()
        assert [url for url in asked if not url.startswith((f"{self._url}/", "data:", "blob:"))] == []
        assert said == []


@contextmanager
def opened(browser: Browser, stack: Stack) -> Iterator[tuple[Page, Watch]]:
    """A page as a new user has it: no cookies."""
    context = browser.new_context(base_url=stack.info.api_url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(DEADLINE)
    watch = Watch(context, stack.info.api_url)
    try:
        yield context.new_page(), watch
    finally:
        context.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Of nobody yet."""
    with opened(browser, stack) as (page, watch):
        yield page
        watch.check()


@pytest.fixture
def client(stack: Stack) -> Iterator[PerdureClient]:
    """The admin's, by key."""
    with stack.client() as opened:
        yield opened


KeyMaker = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def make_key(stack: Stack) -> Iterator[KeyMaker]:
    """Makes a key; gives its id and itself. Names are free again after the module."""
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    with httpx.Client(base_url=stack.info.api_url, headers=headers, timeout=60, trust_env=False) as http:
        made: list[str] = []

        def make(name: str, role: str = "operator", *, payloads: bool = True) -> tuple[str, str]:
            body = {"name": name, "role": role, "tenant": "*", "payloads": payloads}
            answer = http.post("/v1/api-keys", json=body)
            assert answer.status_code == 201, answer.text
            made.append(answer.json()["id"])
            return answer.json()["id"], answer.json()["key"]

        yield make
        for key_id in made:
            http.post(f"/v1/api-keys/{key_id}/revoke")


@pytest.fixture(scope="module")
def anns(browser: Browser, stack: Stack, make_key: KeyMaker) -> Iterator[tuple[Page, Watch]]:
    with opened(browser, stack) as (page, watch):
        enter(page, make_key("ann")[1])
        yield page, watch


@pytest.fixture
def ann(anns: tuple[Page, Watch]) -> Iterator[Page]:
    """The page of somebody who is logged in as the operator `ann`: one a module, for a new browser is dear."""
    page, watch = anns
    yield page
    watch.check()


def enter(page: Page, key: str) -> None:
    """Log in without the form."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = page.request.post("/v1/session", data={"api_key": key}, headers=headers)
    assert answer.status == 200, answer.text()
