"""What a request turned out to be about, once it is answered; for its log line and its span."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.types import Scope

from perdure.contract.limit import MAX_WORKFLOW_ID

QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds by machines."""
_JOB = "/v1/jobs/"
_LONGEST_ID = 255
_SUBJECT_FORM = re.compile(r"[A-Za-z0-9-]{4,40}", re.ASCII)
"""Of the id of a key, or of a bulk action."""
_ID_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,39}:[A-Za-z0-9._:~-]+", re.ASCII)


def is_job_id(text: str) -> bool:
    """Whether a job can have this id."""
    return len(text) <= MAX_WORKFLOW_ID and _ID_FORM.fullmatch(text) is not None


def job_of(scope: Scope, location: str) -> str | None:
    """The job: named by the path, or by the Location of the answer to a submission. Only what a principal asked."""
    if scope.get("state", {}).get("principal") is None:
        return None
    named = unquote(location[len(_JOB) :]) if location.startswith(_JOB) else scope.get("path_params", {}).get("job_id")
    return str(named)[:_LONGEST_ID] if named else None


def subject_of(path_params: Mapping[str, str]) -> str | None:
    """Id of the key or the bulk action that the path names, whether there is one or not."""
    named = path_params.get("key_id") or path_params.get("action_id") or ""
    return named if _SUBJECT_FORM.fullmatch(named) else None


def route_of(scope: Scope) -> str | None:
    """The template of the route that took the request."""
    found: str | None = getattr(scope.get("route"), "path", None)
    return found
