"""The whole examination: everything asked side by side, told in one order; run by `python -m perdure.doctor`."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from perdure.doctor.api import examine_api
from perdure.doctor.file import examine_files
from perdure.doctor.finding import Finding, Report, ok, warning
from perdure.doctor.postgres import examine_postgres
from perdure.doctor.setting import read_settings
from perdure.doctor.subject import Subject
from perdure.doctor.temporal import examine_temporal, temporal_address
from perdure.doctor.version import examine_versions
from perdure.embedded.info import StackInfo
from perdure.security.key import read_key
from perdure.settings import Settings

_EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104  what an API listens on, not we
_SECRET = "secret"  # noqa: S105  a directory


async def examine(subject: Subject, environ: Mapping[str, str]) -> Report:
    """Examine what `subject` names. `environ` is the process's own environment."""
    settings, found = read_settings(environ)
    if subject.stack is not None:
        environ = {}  # it runs on its own Temporal, whatever profile the user has
        settings = _of_stack(settings, subject.stack, _data_dir(subject))
    server, api_key = _door(subject, settings)
    told = [_introduction(subject, temporal_address(settings, environ), server), *examine_versions(), *found]
    if subject.api_only:
        told += [*await examine_api(server, api_key), _not_asked()]
        return Report(findings=tuple(told))
    asked = await asyncio.gather(
        examine_api(server, api_key), examine_temporal(settings, environ), examine_postgres(settings, api_key)
    )
    told += [finding for findings in asked for finding in findings]
    told += await asyncio.to_thread(examine_files, settings, _data_dir(subject))
    return Report(findings=tuple(told))


def _of_stack(settings: Settings, stack: StackInfo, data_dir: Path | None) -> Settings:
    """The settings that `perdure dev` gave to the processes of the stack."""
    secret = Path(stack.admin_api_key_file).parent if data_dir is None else data_dir / _SECRET
    return settings.model_copy(
        update={
            "temporal_address": stack.temporal_address,
            "temporal_namespace": "default",
            "database_url": SecretStr(stack.database_url),
            "api_key_pepper_file": secret / "api-key-pepper",
            "bootstrap_admin_key_file": Path(stack.admin_api_key_file),
        }
    )


def _door(subject: Subject, settings: Settings) -> tuple[str, str | None]:
    """URL and key. The first admin key opens only the API that the same settings start."""
    if subject.server is not None:
        return subject.server, subject.api_key
    host = "127.0.0.1" if settings.api_host in _EVERY_ADDRESS else settings.api_host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.api_port}", subject.api_key or _first_key(settings)


def _first_key(settings: Settings) -> str | None:
    if settings.bootstrap_admin_key_file is None:
        return None
    try:
        return read_key(settings.bootstrap_admin_key_file).text
    except (OSError, ValueError):  # told with the files
        return None


def _introduction(subject: Subject, temporal: str, server: str) -> Finding:
    if subject.stack is not None:
        return ok("examined", f"the embedded stack of {subject.data_dir}")
    if subject.api_only:
        return ok("examined", f"the API at {server}")
    return ok("examined", f"what PERDURE_* names: API {server}, Temporal {temporal}, and Postgres")


def _not_asked() -> Finding:
    remedy = "Run this where the server runs, or set PERDURE_TEMPORAL_ADDRESS and PERDURE_DATABASE_URL too."
    return warning("not examined", "Temporal and Postgres of that server are not asked directly", remedy)


def _data_dir(subject: Subject) -> Path | None:
    return None if subject.data_dir is None else Path(subject.data_dir)
