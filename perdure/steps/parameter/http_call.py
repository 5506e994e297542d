"""Parameters of `HTTP_CALL`."""

import re
from typing import Annotated, Any, Literal, Self

import httpx
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from perdure.contract.duration import Duration
from perdure.contract.model import Model

_RANGE = re.compile(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?", re.ASCII)
_LAST_PORT = 65_535
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,8192}", re.ASCII)
_OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def status_range(expected: int | str) -> range:
    """The statuses that `200`, `"2xx"`, `"204"` or `"200-299"` mean.

    Raises:
        ValueError: it is none of these forms.
    """
    match = _RANGE.fullmatch(str(expected))
    if match is None:
        raise ValueError('a status is 100 to 599, "2xx", or a range "200-299"')
    if match[1]:
        return range(int(match[1]) * 100, int(match[1]) * 100 + 100)
    return range(int(match[2]), int(match[3] or match[2]) + 1)


def _checked_status(expected: int | str) -> int | str:
    if not status_range(expected):
        raise ValueError("a range goes from the lower status to the higher")
    return expected


def _checked_url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as problem:
        raise ValueError(f"this is no URL: {problem}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("a URL begins with http:// or https:// and names a host")
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise ValueError(f"a port is 1 to {_LAST_PORT}")
    return text


def _checked_name(name: str) -> str:
    if _HEADER_NAME.fullmatch(name) is None:
        raise ValueError("a header name is letters, digits and hyphens")
    if name.lower() in _OF_THE_CONNECTION:
        raise ValueError("this header belongs to the connection and is set by the client itself")
    return name


def _checked_value(value: str) -> str:
    if _HEADER_VALUE.fullmatch(value) is None:
        raise ValueError("a header value is at most 8,192 printable ASCII characters, without line breaks")
    return value


def _checked_query(value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if not all(item is None or isinstance(item, str | int | float) for item in values):
        raise ValueError("a query value is a string, number, boolean or null, or a list of these")
    return value


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


Status = Annotated[Any, AfterValidator(_checked_status)]
QueryValue = Annotated[Any, AfterValidator(_checked_query)]
HeaderName = Annotated[str, AfterValidator(_checked_name)]
HeaderValue = Annotated[str, AfterValidator(_checked_value)]


class HttpCallParams(Model):
    """One HTTP request. `timeout` bounds all of it, redirects and reading included.

    `expect`: statuses that are a success (default 2xx). Redirects are followed for GET and HEAD, five at most,
    unless their status is expected. `output`: the whole answer `{status, headers, body}`, or its body alone.
    """

    model_config = ConfigDict(populate_by_name=False)

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    url: Annotated[str, StringConstraints(max_length=8_192), AfterValidator(_checked_url)]
    query: dict[str, QueryValue] = Field(default_factory=dict, max_length=500)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=100)
    json_body: Any = Field(None, alias="json")
    body: str | None = None
    timeout: Duration = "30s"
    expect: Annotated[list[Status], BeforeValidator(_listed)] = Field(
        default_factory=lambda: ["2xx"], min_length=1, max_length=100
    )
    output: Literal["full", "body"] = "full"

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.body is not None:
            raise PydanticCustomError(
                "exclusive_fields", "give either json or body, not both", {"fields": ["json", "body"]}
            )
        return self

    def expects(self, status: int) -> bool:
        """Whether an answer with this status is a success."""
        return any(status in status_range(expected) for expected in self.expect)
