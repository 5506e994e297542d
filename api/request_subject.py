"""What a request turned out to be about, once it is answered; for its log line and its span."""

from urllib.parse import unquote

from starlette.types import Scope

QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines."""
_JOB = "/v1/jobs/"
_LONGEST_ID = 255


def job_of(scope: Scope, location: str) -> str | None:
    """The job: named by the path, or by the Location of the answer to a submission. Only what a principal asked."""
    if scope.get("state", {}).get("principal") is None:
        return None
    named = unquote(location[len(_JOB) :]) if location.startswith(_JOB) else scope.get("path_params", {}).get("job_id")
    return str(named)[:_LONGEST_ID] if named else None


def route_of(scope: Scope) -> str | None:
    """The template of the route that took the request."""
    found: str | None = getattr(scope.get("route"), "path", None)
    return found
