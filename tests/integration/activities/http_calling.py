"""One HTTP_CALL made without Temporal, for the tests of that step."""

import json
from typing import Any

import httpx
import pytest
import structlog

from activities.steps.http_call import http_call
from perdure.contract.error import PerdureError
from perdure.contract.limit import JobLimits
from perdure.steps import StepContext
from perdure.steps.parameter.http_call import HttpCallParams


def context(http: httpx.AsyncClient, output_bytes: int = 10_000) -> StepContext:
    return StepContext(
        job_id="default:1",
        step_id="one",
        step_type="HTTP_CALL",
        tenant="default",
        round=1,
        attempt=1,
        attempts_before=0,
        idempotency_key="default:1/one",
        limits=JobLimits(output_bytes=output_bytes),
        log=structlog.get_logger(),
        http=http,
        checkpoint=None,
        on_heartbeat=lambda _progress, _checkpoint: None,
        on_secret=lambda name: name,
        on_cancelled=lambda: False,
    )


async def call(http: httpx.AsyncClient, url: str, output_bytes: int = 10_000, **params: Any) -> Any:
    parsed = HttpCallParams.model_validate_json(json.dumps({"url": url, **params}))
    return await http_call(context(http, output_bytes), parsed)


async def refusal(http: httpx.AsyncClient, url: str, output_bytes: int = 10_000, **params: Any) -> PerdureError:
    with pytest.raises(PerdureError) as raised:
        await call(http, url, output_bytes, **params)
    return raised.value
