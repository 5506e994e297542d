"""The dashboard's files over HTTP: found, kept by browsers for as long as they may, and never anything beside them."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from api.dashboard.files import Files

PAGE, SCRIPT = "<!doctype html><title>Perdure</title>", "export const a = 1"
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("canary")
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "favicon.svg").write_text("<svg/>")
    (dist / "assets/app-a1b2.js").write_text(SCRIPT)
    (dist / "assets/out").symlink_to(tmp_path / "secret")
    return dist


@pytest.fixture
def client(built: Path) -> httpx.AsyncClient:
    return serving(built)


def serving(directory: Path) -> httpx.AsyncClient:
    app, files = FastAPI(), Files(directory)

    @app.get("/dashboard/{path:path}")
    async def dashboard(request: Request, path: str) -> Response:
        return await files.answer(request, path)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


@pytest.mark.parametrize(
    "path", ["", "index.html", "jobs", "jobs/acme:order-1~fetch.7", "jobs/a%2Fb", "x.js", "assets", "a/../b", "%00"]
)
async def test_whatever_is_no_file_is_the_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/dashboard/{path}")
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert EVERYWHERE.items() <= answer.headers.items()


async def test_an_asset_may_be_kept_for_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get("/dashboard/assets/app-a1b2.js")
    assert answer.text == SCRIPT
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert EVERYWHERE.items() <= answer.headers.items()


async def test_another_file_is_asked_for_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/dashboard/favicon.svg")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/svg+xml", "no-cache")


async def test_a_page_that_has_not_changed_is_not_sent_again(client: httpx.AsyncClient, built: Path) -> None:
    known = {"If-None-Match": (await client.get("/dashboard/")).headers["etag"]}
    again = await client.get("/dashboard/", headers=known)
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
    (built / "index.html").write_text(f"{PAGE} anew")
    assert (await client.get("/dashboard/", headers=known)).text == f"{PAGE} anew"


@pytest.mark.parametrize("path", ["assets/app-old.js", "assets/", "assets/x/y.css"])
async def test_an_asset_that_is_not_there_is_not_the_page(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/dashboard/{path}")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "%2e%2e/secret",
        "..%2fsecret",
        "assets/%2e%2e/%2e%2e/secret",
        "assets/..%2f..%2fsecret",
        "%2fetc/passwd",
        "..%5csecret",
        "assets/out",
        "x" * 5000,
    ],
)
async def test_nothing_beside_the_files_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/dashboard/{path}")
    assert answer.status_code in (200, 404)
    assert "canary" not in answer.text
    assert "root:" not in answer.text


async def test_scripts_and_styles_come_from_here_alone_and_nobody_frames_the_page(client: httpx.AsyncClient) -> None:
    policy = dict(
        rule.strip().split(" ", 1)
        for rule in (await client.get("/dashboard/")).headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)


async def test_where_nothing_was_built_the_page_says_what_to_run(tmp_path: Path) -> None:
    client = serving(tmp_path / "dist")
    for path in ("", "jobs", "assets/app.js"):
        answer = await client.get(f"/dashboard/{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-cache")
        assert "make setup" in answer.text
        assert EVERYWHERE.items() <= answer.headers.items()


async def test_what_is_built_later_is_served(tmp_path: Path) -> None:
    client = serving(tmp_path / "dist")
    assert (await client.get("/dashboard/")).status_code == 404
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/index.html").write_text(PAGE)
    assert (await client.get("/dashboard/")).text == PAGE
