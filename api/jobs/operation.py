"""How the OpenAPI document describes the job routes: bodies, answers, examples. Used by the routes."""

from typing import Any

from api.jobs.batch import BatchRequest
from api.jobs.schemas import DryRunView, JobView
from api.openapi import KEY_PARAMETER, either, json_request, located, problems
from perdure.contract.spec import JobSpec

_SPEC = {
    "name": "invoice-run",
    "input": {"order": 1042},
    "steps": [
        {"id": "total", "type": "COMPUTE", "with": {"expression": "input.order * 2"}},
        {
            "id": "book",
            "type": "HTTP_CALL",
            "with": {"method": "POST", "url": "https://partner.example/orders", "json": "${ steps.total.output }"},
            "retry": {"maximum_attempts": 5, "initial_interval": "1s"},
        },
    ],
}
_DAG = {
    "name": "report",
    "labels": {"team": "billing"},
    "steps": [
        {"id": "left", "type": "COMPUTE", "with": {"expression": "1 + 1"}},
        {"id": "right", "type": "SLEEP", "with": {"duration": "2s"}},
        {
            "id": "both",
            "type": "LOG",
            "depends_on": ["left", "right"],
            "with": {"message": "left gave ${ steps.left.output }"},
        },
    ],
    "output": "${ steps.left.output }",
}

SUBMIT: dict[str, Any] = {
    "summary": "Submit a job",
    "status_code": 202,
    "response_model": JobView,
    "responses": {
        200: {
            "description": "Sent before: the job (Idempotent-Replayed: true). With dry_run: the effective spec.",
            "content": either(JobView, DryRunView),
        },
        202: located("Temporal has durably accepted the job.", "the job"),
        **problems(400, 401, 403, 408, 413, 415, 422, 503),
    },
    "openapi_extra": {
        "parameters": [KEY_PARAMETER],
        "requestBody": json_request(JobSpec, {"Steps in listed order": _SPEC, "A DAG": _DAG}),
    },
}
_ALONE = {"name": "hello", "steps": [{"id": "greet", "type": "LOG", "with": {"message": "hello"}}]}
BATCH: dict[str, Any] = {
    "summary": "Submit many jobs",
    "responses": problems(400, 401, 403, 413, 415, 422, 503),
    "openapi_extra": {
        "requestBody": json_request(
            BatchRequest, {"Two jobs, one of them under a key": {"jobs": [_ALONE, {**_ALONE, "id": "order-1042"}]}}
        )
    },
}
LIST: dict[str, Any] = {"summary": "List jobs", "responses": problems(401, 403, 422, 503)}
GET: dict[str, Any] = {
    "summary": "One job",
    "responses": {
        200: {"headers": {"ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."}}},
        304: {"description": "Not changed since If-None-Match"},
        **problems(401, 403, 404, 422, 503),
    },
}
ITEMS: dict[str, Any] = {
    "summary": "The items of a fan-out",
    "responses": problems(401, 403, 404, 422, 503),
}
JOURNAL: dict[str, Any] = {
    "summary": "What happened to a job",
    "responses": problems(401, 403, 404, 422, 503),
}
DIAGNOSIS: dict[str, Any] = {
    "summary": "Why a job is as it is",
    "responses": problems(401, 403, 404, 422, 503),
}
