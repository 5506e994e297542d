"""JSON on the command line: as text, or `@FILE` (`@-`: stdin); read as strictly as the API reads bodies."""

import sys
from pathlib import Path
from typing import Any

import typer

from perdure.admission.problem import AdmissionError
from perdure.admission.strict_json import read_json

_LIMIT = 64 * 1024 * 1024
"""Bytes; the API's own limit is lower, and named in its answer."""


def json_value(text: str, option: str) -> Any:
    """The value that `text` gives.

    Raises:
        typer.BadParameter: the file cannot be read, or what is there is not JSON that every reader sees alike.
    """
    try:
        return read_json(_bytes(text), _LIMIT)
    except OSError as error:
        raise typer.BadParameter(f"cannot read {text[1:]!r}: {error.strerror}", param_hint=option) from error
    except AdmissionError as error:
        message = f"{error.message}. A text is quoted twice: '\"text\"'"
        raise typer.BadParameter(message, param_hint=option) from error


def json_object(text: str, option: str) -> dict[str, Any]:
    """The same for what has to be an object."""
    value = json_value(text, option)
    if not isinstance(value, dict):
        raise typer.BadParameter("must be a JSON object", param_hint=option)
    return value


def _bytes(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    return sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
