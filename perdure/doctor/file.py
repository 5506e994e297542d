"""Whether the files that hold secrets are there, hold what they should, and are for their owner only."""

import os
import shlex
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from perdure.doctor.finding import Finding, cause_of, ok, problem, warning
from perdure.doctor.variable import setting_variables
from perdure.embedded.info import STACK_FILE
from perdure.security.key import read_key, read_pepper
from perdure.settings import Settings
from perdure.storage.disk import check

_CHECK = "files"
_READERS: Mapping[str, Callable[[Path], object]] = {
    "PERDURE_API_KEY_PEPPER_FILE": read_pepper,
    "PERDURE_BOOTSTRAP_ADMIN_KEY_FILE": read_key,
    "PERDURE_SECRETS_DIR": os.listdir,
    "PERDURE_STORAGE_DIR": check,
}
"""Variable -> what raises OSError or ValueError where the file is not what it should be."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH


def examine_files(settings: Settings, data_dir: Path | None) -> list[Finding]:
    """The files and directories with secrets that the settings name, and those of an embedded stack.

    Read access beyond the owner is a warning where an orchestrator may have mounted the file, and a problem in a
    stack's own directory, where everything was made for its owner only.
    """
    places = dict.fromkeys(_named(settings).values(), False)
    places |= dict.fromkeys(_own(data_dir) if data_dir is not None else (), True)
    findings = [*_content(settings)]
    findings += [found for place, own in places.items() if (found := _access(place, own=own)) is not None]
    return findings or [ok(_CHECK, _summary(places, data_dir))]


def _summary(places: Collection[Path], data_dir: Path | None) -> str:
    if data_dir is not None:
        return f"{data_dir} and the secrets in it are for their owner only"
    shown = ", ".join(str(place) for place in places)
    return f"for their owner only: {shown}" if shown else "no file with a secret is named"


def _named(settings: Settings) -> dict[str, Path]:
    """Variable -> path. Every path among the settings is one of a secret, or of several."""
    values = {variable: getattr(settings, field) for variable, field in setting_variables().items()}
    return {variable: value for variable, value in values.items() if isinstance(value, Path)}


def _own(data_dir: Path) -> Iterator[Path]:
    yield from (data_dir, data_dir / STACK_FILE, data_dir / "secret")
    yield from sorted((data_dir / "secret").glob("*"))


def _content(settings: Settings) -> Iterator[Finding]:
    for variable, place in _named(settings).items():
        try:
            _READERS.get(variable, Path.read_bytes)(place)
        except (OSError, ValueError) as error:
            remedy = f"Correct the file, or {variable}: the process that needs it does not start without."
            yield problem(_CHECK, f"{variable}: {cause_of(error)}", remedy)


def _access(place: Path, *, own: bool) -> Finding | None:
    try:
        found = place.stat()
    except OSError:  # told with its content
        return None
    mode = stat.S_IMODE(found.st_mode)
    wanted = "700" if stat.S_ISDIR(found.st_mode) else "600"
    remedy = f"Run: chmod {wanted} {shlex.quote(str(place))}"
    milder = problem if own else warning
    if found.st_uid not in (os.geteuid(), 0):
        return milder(
            _CHECK, f"{place} belongs to uid {found.st_uid}", f"Run: chown {os.geteuid()} {shlex.quote(str(place))}"
        )
    if mode & _OTHERS_WRITE:
        return problem(_CHECK, f"{place} can be changed by others (mode {mode:o})", remedy)
    if mode & _OTHERS_READ:
        return milder(_CHECK, f"{place} can be read by others (mode {mode:o})", remedy)
    return None
