"""`GET /metrics`: what Prometheus scrapes of the API; without a key, as contract 9 has it."""

from fastapi import APIRouter, Request, Response

from perdure.telemetry.metric.registry import CONTENT_TYPE, ProcessMetrics

router = APIRouter(tags=["health"])

_CONTENT = {"text/plain": {"schema": {"type": "string"}}}


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "Prometheus' text format 0.0.4"}},
)
async def metrics(request: Request) -> Response:
    """The API's own metrics, those of its process, and those of the Temporal SDK; docs/reference/metrics.md."""
    process: ProcessMetrics = request.app.state.metrics
    return Response(await process.text(), media_type=CONTENT_TYPE)
