"""The `PERDURE_*` variables that are no settings of API or worker; for the doctor and the settings reference."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from perdure.settings import Settings

PREFIX = "PERDURE_"
SECRET_PREFIX = "PERDURE_SECRET_"  # noqa: S105  the name of a family of variables
_ALIKE = 0.7

OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "PERDURE_SERVER": "URL of the API, for the command line and the demo.",
        "PERDURE_API_KEY": "The API key the command line sends.",
        f"{SECRET_PREFIX}<NAME>": "What `${ secrets.NAME }` stands for in steps, in the worker's environment.",
        "PERDURE_EMBEDDED_DATA_DIR": "Set by `perdure dev` to mark its processes; not to be set by hand.",
    }
)
"""Name -> what it does. Of a family, `<NAME>` stands for the part that varies."""


def setting_variables() -> dict[str, str]:
    """Variable -> field of the settings class."""
    return {f"{PREFIX}{field.upper()}": field for field in Settings.model_fields}


def unknown_variables(names: Iterable[str]) -> list[tuple[str, str | None]]:
    """Those that nothing reads, each with the known one that was probably meant."""
    known = {*setting_variables(), *(name for name in OTHERS if "<" not in name)}
    found = sorted(name for name in names if name.upper().startswith(PREFIX))
    return [(name, _meant(name.upper(), known)) for name in found if not _is_known(name.upper(), known)]


def _is_known(name: str, known: set[str]) -> bool:
    return name in known or (name.startswith(SECRET_PREFIX) and name != SECRET_PREFIX)


def _meant(name: str, known: set[str]) -> str | None:
    # All begin alike, which would make any two of them look alike.
    tails = [one.removeprefix(PREFIX) for one in known]
    close = get_close_matches(name.removeprefix(PREFIX), tails, n=1, cutoff=_ALIKE)
    return f"{PREFIX}{close[0]}" if close else None
