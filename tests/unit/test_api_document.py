"""The OpenAPI document, the pages made of it, and the reference of error codes."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

from api.app import Secrets, create_app
from api.openapi_file import render as openapi_text
from api.reference.page import api_page, error_page
from perdure.contract.code import CODES
from perdure.contract.code_reference import render
from perdure.contract.error import ErrorClass
from perdure.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = create_app(Settings(), Secrets(b"p" * 32, None)).state.openapi_document
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(part) for part in value.values()))
    return set().union(*(references(part) for part in value)) if isinstance(value, list) else set()


def test_every_route_is_documented(document: dict[str, Any]) -> None:
    assert {(method, path) for path, method, _ in operations(document)} == {
        ("post", "/v1/jobs"),
        ("post", "/v1/jobs/batch"),
        ("get", "/v1/jobs"),
        ("get", "/v1/jobs/{job_id}"),
        ("get", "/v1/jobs/{job_id}/journal"),
        ("get", "/v1/jobs/{job_id}/diagnosis"),
        ("get", "/v1/jobs/{job_id}/steps/{step_id}/items"),
        *(("post", f"/v1/jobs/{{job_id}}/{verb}") for verb in ("cancel", "terminate", "pause", "resume", "retry")),
        *(("post", f"/v1/jobs/{{job_id}}/{verb}") for verb in ("resubmit", "deliver", "approve")),
        *(("post", f"/v1/dead-letters/{{job_id}}/{verb}") for verb in ("retry", "skip", "discard")),
        *(("get", f"/v1/dead-letters{rest}") for rest in ("", "/groups", "/{job_id}")),
        *((method, "/v1/bulk-actions") for method in ("post", "get")),
        ("get", "/v1/bulk-actions/{action_id}"),
        ("get", "/v1/bulk-actions/{action_id}/items"),
        ("post", "/v1/bulk-actions/{action_id}/abort"),
        ("get", "/v1/retrying"),
        *(("post", f"/v1/retrying/{{job_id}}/{verb}") for verb in ("now", "give-up")),
        ("get", "/v1/audit"),
        ("get", "/v1/me"),
        *((method, "/v1/session") for method in ("post", "delete")),
        ("get", "/v1/projection"),
        ("post", "/v1/projection/check"),
        ("post", "/v1/projection/rebuild"),
        ("get", "/v1/api-keys"),
        ("post", "/v1/api-keys"),
        ("get", "/v1/api-keys/{key_id}"),
        ("post", "/v1/api-keys/{key_id}/rotate"),
        ("post", "/v1/api-keys/{key_id}/revoke"),
        ("get", "/livez"),
        ("get", "/readyz"),
        ("get", "/info"),
        ("get", "/metrics"),
    }


def test_every_operation_has_an_id_a_summary_and_a_tag(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    known = {tag["name"] for tag in document["tags"]}
    for _, _, operation in operations(document):
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= known


def test_every_route_of_v1_needs_a_key_but_those_that_begin_and_end_a_session(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        assert bool(operation.get("security")) == (path.startswith("/v1/") and path != "/v1/session")
        assert ("security" in operation) == path.startswith("/v1/")


def test_the_dashboards_types_are_made_from_the_current_document() -> None:
    stored = (ROOT / "dashboard/openapi.json").read_text()
    assert stored == openapi_text(), "run: make dashboard-types"


def test_every_job_route_tells_how_it_can_fail(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        if operation.get("security"):
            assert {"401", "403", "422", "503"} <= operation["responses"].keys()
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= schemas


def test_examples_are_acceptable_specs(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["JobSpec"]
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/JobSpec"}
    for example in body["examples"].values():
        assert set(schema["required"]) <= example["value"].keys() <= schema["properties"].keys()


def test_every_example_of_a_body_fits_its_schema(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            fits = validator_for({**content["schema"], "components": document["components"]})
            assert not list(fits.iter_errors(example["value"])), (path, example)


def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(document: dict[str, Any]) -> None:
    page = api_page(document)
    for path, _, operation in operations(document):
        assert path in page
        assert f'id="{operation["operationId"]}"' in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!/|#)', page)


def test_the_error_page_has_an_anchor_for_every_code() -> None:
    page = error_page()
    for code in CODES:
        assert f'id="{code}"' in page


def test_errors_md_is_current() -> None:
    stored = (ROOT / "docs/reference/errors.md").read_text()
    assert stored == render(), "run: python -m perdure.contract.code_reference > docs/reference/errors.md"


def test_every_code_the_code_names_is_in_the_registry() -> None:
    named: set[str] = set()
    for folder in ("perdure", "api", "workflows", "activities", "worker"):
        for file in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r'"((?:API|STEP|ENGINE|WORKER)\.[A-Z0-9_.]+[A-Z0-9])"', file.read_text()))
    assert named - CODES.keys() == set()


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_what_it_means_and_what_to_do(code: str) -> None:
    info = CODES[code]
    assert re.fullmatch(r"(API|STEP|ENGINE|WORKER)(\.[A-Z0-9_]+)+|CANCELED", code)
    assert info.title
    assert info.remedy.endswith((".", ")"))
    assert info.error_class in ErrorClass
