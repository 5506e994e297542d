"""`perdure doctor`: shows what is not as it should be, and its remedy; the examining is done by another process."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.text import Text

import perdure
from perdure.cli.exit_code import ExitCode
from perdure.cli.option import Options, Output, takes_options
from perdure.cli.screen import messages, printable, raw, results, table
from perdure.cli.target import find_target
from perdure.doctor.finding import Finding, Level, Report
from perdure.doctor.subject import Subject
from perdure.embedded.info import find_running

TIME_LIMIT = 90.0
"""Seconds; every question has a limit of its own below it."""
_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_SERVER_SIDE = ("PERDURE_TEMPORAL_ADDRESS", "PERDURE_DATABASE_URL")


@takes_options
def doctor(
    options: Options,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Examine the embedded stack that runs on this directory.", show_default=False),
    ] = None,
) -> None:
    """Check versions, connections, migrations, clocks, settings and permissions.

    Examines the embedded stack that runs here; else what the PERDURE_* settings name. Exits 1 if there is a problem.
    """
    try:
        report = _examined(_subject(options, data_dir))
    except _ExaminationError as error:
        messages().print(Text.assemble(("Error: ", "bold red"), printable(str(error))), soft_wrap=True)
        raise typer.Exit(ExitCode.FAILED) from None
    if options.output is Output.JSON:
        raw(report.model_dump_json(indent=2).encode())
    else:
        _show(report)
    raise typer.Exit(ExitCode.OK if report.healthy else ExitCode.FAILED)


class _ExaminationError(Exception):
    """The examining process failed, or what it says cannot be read."""


def _subject(options: Options, data_dir: Path | None) -> Subject:
    """What was named first counts: a directory, then a server, then the environment, then the stack that runs here."""
    if data_dir is not None:
        return _stack(options, data_dir)
    named = options.server or os.environ.get("PERDURE_SERVER") or None
    api_key = options.api_key or os.environ.get("PERDURE_API_KEY") or None
    target = find_target(options.server, options.api_key, Path.cwd())
    if any(os.environ.get(name) for name in _SERVER_SIDE):
        return Subject(server=named, api_key=api_key)
    if target.found is not None:
        return _stack(options, target.found)
    return Subject(server=named, api_key=api_key, api_only=named is not None)


def _stack(options: Options, data_dir: Path) -> Subject:
    info = find_running(data_dir)
    if info is None:
        raise typer.BadParameter(f"no embedded stack runs on {data_dir}", param_hint="--data-dir")
    key = options.api_key or os.environ.get("PERDURE_API_KEY") or None
    if key is None:
        try:
            key = Path(info.admin_api_key_file).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            key = None  # the examination tells what is wrong with the file
    return Subject(server=info.api_url, api_key=key, stack=info, data_dir=str(data_dir.resolve()))


def _examined(subject: Subject) -> Report:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "perdure.doctor"],
            input=subject.model_dump_json().encode(),
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
            env={**os.environ, "PYTHONPATH": _python_path()},
        )
        return Report.model_validate_json(done.stdout)
    except subprocess.TimeoutExpired:
        raise _ExaminationError(f"the examination did not end within {TIME_LIMIT:g} s") from None
    except ValidationError:
        last = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        raise _ExaminationError(f"the examination failed:\n{last}") from None


def _python_path() -> str:
    """With which the process finds the same `perdure` as this one, also where it is not installed."""
    root = str(Path(perdure.__file__).parent.parent)
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


def _show(report: Report) -> None:
    rows = table("", "check", "finding")
    for finding in report.findings:
        rows.add_row(Text(finding.level.value, _STYLES[finding.level]), finding.check, _told(finding))
    out = results()
    out.print(rows)
    counts = {level: sum(finding.level is level for finding in report.findings) for level in Level}
    problems, warnings = counts[Level.PROBLEM], counts[Level.WARNING]
    verdict = f"problems: {problems}, warnings: {warnings}, ok: {counts[Level.OK]}"
    out.print(Text(verdict, "bold" if report.healthy else "bold red"))


def _told(finding: Finding) -> Text:
    remedy = f"\n→ {printable(finding.remedy)}" if finding.remedy is not None else ""
    return Text.assemble(printable(finding.what), (remedy, "cyan"))
