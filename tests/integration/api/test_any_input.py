"""Whatever is sent: an answer, or a 4xx, and nothing is started that was not meant."""

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.stack import spec
from tests.integration.api.test_bad_input import JSON, check_problem, tenant
from tests.unit.test_admission_spec import any_json

__all__ = ["tenant"]


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(st.binary(max_size=300))
async def test_any_bytes_are_a_4xx_and_start_nothing(tenant: httpx.AsyncClient, body: bytes) -> None:
    check_problem(await tenant.post("/v1/jobs", content=body, headers=JSON))


@FUZZ
@given(any_json)
async def test_any_json_is_admitted_or_a_4xx(http: httpx.AsyncClient, document: Any) -> None:
    answer = await http.post("/v1/jobs?dry_run=true", content=json.dumps(document), headers=JSON)
    if answer.status_code != 200:
        check_problem(answer)


@FUZZ
@given(any_json, st.sampled_from(["name", "steps", "labels", "retry", "dependents", "output", "input", "priority"]))
async def test_any_value_in_any_field_is_admitted_or_a_4xx(http: httpx.AsyncClient, value: Any, field: str) -> None:
    answer = await http.post("/v1/jobs?dry_run=true", content=json.dumps(spec(**{field: value})), headers=JSON)
    if answer.status_code != 200:
        check_problem(answer)


@FUZZ
@given(st.text(max_size=40), st.sampled_from(["limit", "cursor", "status", "label", "since", "queue", "type", "q"]))
async def test_any_query_is_answered_or_a_4xx(http: httpx.AsyncClient, value: str, name: str) -> None:
    encoded = value.encode("utf-8", "surrogatepass")
    query = name.encode() + b"=" + b"".join(b"%%%02x" % byte for byte in encoded)
    answer = await http.get(http.base_url.copy_with(path="/v1/jobs", query=query))
    if answer.status_code != 200:
        check_problem(answer)
