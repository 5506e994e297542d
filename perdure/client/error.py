"""What a call of the client can end with; raised by both clients, turned into exit codes by the CLI."""

from pydantic import BaseModel, ConfigDict, Field


class ProblemItem(BaseModel):
    """One thing wrong with what was sent: where (a JSON path), what, and a stable code."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str = ""
    code: str = ""
    message: str = ""


class ProblemBody(BaseModel):
    """An `application/problem+json` body. Whatever a later server adds is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str = ""
    status: int = 0
    detail: str | None = None
    code: str = ""
    retryable: bool = False
    errors: list[ProblemItem] = Field(default_factory=list)
    trace_id: str | None = None
    request_id: str | None = None


class ClientError(Exception):
    """Root of all the client raises."""


class UnsendableError(ClientError, ValueError):
    """What was to be sent cannot be: it is not JSON, or a text no header or URL can hold. Nothing was sent."""


class UnreachableError(ClientError):
    """No answer from the server: refused, unknown host, broken connection or no answer in time."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"no answer from the Perdure API at {url} ({cause}). "
            "Is it running? `perdure dev` starts one on this machine."
        )
        self.url = url
        self.cause = cause


class UnexpectedAnswerError(ClientError):
    """The answer is not one of the Perdure API: perhaps another program or a proxy stands at that address."""

    def __init__(self, url: str, status: int, excerpt: str) -> None:
        super().__init__(f"{url} did not answer as the Perdure API does: HTTP {status}, {excerpt!r}")
        self.url = url
        self.status = status


class StillOpenError(ClientError):
    """The job, or bulk action, had not ended when the time for waiting was over."""

    def __init__(self, job_id: str, status: str, seconds: float) -> None:
        what = "job" if ":" in job_id else "bulk action"
        super().__init__(f"{what} {job_id} is still {status} after {seconds:g} s")
        self.job_id = job_id
        self.status = status


class ProblemError(ClientError):
    """The API refused or failed the request; `code` is stable, `errors` name every place.

    `retry_after` is in seconds, where the API named a time.
    """

    def __init__(self, status: int, body: ProblemBody, retry_after: float | None = None) -> None:
        super().__init__(f"{body.code or status}: {body.detail or body.title}")
        self.status = status
        self.code = body.code
        self.title = body.title
        self.detail = body.detail
        self.errors = body.errors
        self.retryable = body.retryable
        self.request_id = body.request_id
        self.trace_id = body.trace_id
        self.retry_after = retry_after


class InvalidError(ProblemError):
    """400, 413, 415, 422: what was sent is not acceptable as it is."""


class NotAuthorisedError(ProblemError):
    """401 or 403: no valid key, or one that may not do this."""


class NotFoundError(ProblemError):
    """404: no such thing, or not one this key may see."""


class ConflictError(ProblemError):
    """409: the job is not in a state that allows this."""


class UnavailableError(ProblemError):
    """429, 503, 504: not now; the same request may succeed later."""


_BY_STATUS: dict[int, type[ProblemError]] = {
    400: InvalidError,
    401: NotAuthorisedError,
    403: NotAuthorisedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def problem(status: int, body: ProblemBody, retry_after: float | None = None) -> ProblemError:
    """The exception for a problem answer with this HTTP status."""
    return _BY_STATUS.get(status, ProblemError)(status, body, retry_after)
