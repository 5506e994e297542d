"""`python -m perdure.settings_reference`: print docs/reference/settings.md, made from the settings class."""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from perdure.doctor.variable import OTHERS, setting_variables
from perdure.settings import Settings

_OPENING = """# Settings

API, worker and migrations take their settings from the environment. A value that does not parse stops the process,
which names the variable; a `PERDURE_*` variable that is not on this page changes nothing. `perdure doctor` finds both.
Lists are separated by commas, booleans are `true` or `false`, and names may be written in either case. `perdure dev`
sets addresses, the database and the files of its own stack by itself and passes everything else on.

Made by `python -m perdure.settings_reference > docs/reference/settings.md`; do not edit.

| variable | type | default | what it does |
|---|---|---|---|
"""
_OTHERS_OPENING = """
## Other variables
These are read by the command line, or by steps.

| variable | what it does |
|---|---|
"""
_NAMES: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    Path: "path",
    SecretStr: "text, secret",
}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_TEMPORAL = """
## Temporal's own variables
Where `PERDURE_TEMPORAL_ADDRESS` and `PERDURE_TEMPORAL_NAMESPACE` are not set, API and worker look for Temporal as its
CLI and SDKs do: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, then the profile `TEMPORAL_PROFILE` (`default`) of
`TEMPORAL_CONFIG_FILE` (else of `temporalio/temporal.toml` in the user's configuration directory).

`TEMPORAL_API_KEY`, `TEMPORAL_TLS`, `TEMPORAL_TLS_SERVER_NAME`, `TEMPORAL_TLS_SERVER_CA_CERT_PATH`,
`TEMPORAL_TLS_CLIENT_CERT_PATH`, `TEMPORAL_TLS_CLIENT_KEY_PATH` (each path also as `..._DATA`) and
`TEMPORAL_GRPC_META_*` count in either case. With `PERDURE_TEMPORAL_ADDRESS` a profile is read only where
`TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE` asks for it: the key and the certificates of a user's default profile are
for another server.

`perdure doctor` tells which was used.
A profile, file or variable that cannot be used stops the process with its name.
"""


def render() -> str:
    """The document, as Markdown."""
    rows = (_row(variable, Settings.model_fields[field]) for variable, field in setting_variables().items())
    others = (f"| `{name}` | {_cell(meaning)} |\n" for name, meaning in OTHERS.items())
    return "".join((_OPENING, *rows, _TEMPORAL, _OTHERS_OPENING, *others))


def _row(variable: str, info: FieldInfo) -> str:
    kind = ", ".join((_type(info.annotation), *_bounds(info.metadata)))
    return f"| `{variable}` | {_cell(kind)} | {_cell(_default(info))} | {_cell(info.description or '')} |\n"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_type(one) for one in arguments if one is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin in (tuple, list, set, frozenset):
        return f"list of {_type(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{one.value}`" for one in annotation)
    return _NAMES.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _bounds(metadata: list[Any]) -> Iterator[str]:
    for constraint in metadata:
        for name, sign in _BOUNDS.items():
            if (bound := getattr(constraint, name, None)) is not None:
                yield f"{sign} {bound:,}" if isinstance(bound, int) else f"{sign} {bound}"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "none: it must be set"
    value = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, (tuple, list, set, frozenset)):
        value = ",".join(map(str, value))
    if value is None or value == "":
        return "not set"
    return f"`{str(value).lower() if isinstance(value, bool) else getattr(value, 'value', value)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(render())
