"""Why a job is as it is, on the screen; used by get and diagnose."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.jobs.format import between, cut, moment, span
from perdure.cli.screen import printable
from perdure.client.diagnosis import Diagnosis, JobDiagnosis, Seen, Tried
from perdure.client.view import Attempt

_MEBIBYTE = 2**20
_LINE = 300
"""Characters of a message, a remedy or a reason."""


def short(found: Diagnosis) -> RenderableType:
    """What failed, since when, how often that was seen, what was tried, and what the code's remedy is."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, told in _lines(found):
        table.add_row(name, told)
    return Group(Text("why", "dim"), Padding(table, (0, 0, 0, 2), expand=False))


def _lines(found: Diagnosis) -> Iterator[tuple[str, str | Text]]:
    yield "what", Text(cut(found.what, _LINE), "bold")
    if found.code:
        kind = f" ({printable(found.error_class)})" if found.error_class else ""
        yield "error", Text(f"{printable(found.code)}{kind}: {cut(found.message or '', _LINE)}", "yellow")
    if found.since:
        yield "since", f"{moment(found.since)} ({between(found.since, datetime.now(UTC))} ago)"
    if found.seen and found.seen.total:
        yield "seen", _seen(found.seen)
    for one in found.tried:
        yield "tried", cut(_tried(one), _LINE)
    if found.remedy:
        yield "remedy", cut(found.remedy, _LINE)
    if found.next:
        yield "next", " · ".join(printable(one.action) for one in found.next)


def _seen(seen: Seen) -> str:
    many = "at least " if seen.capped else ""
    jobs = "1 job" if seen.total == 1 and not seen.capped else f"{many}{seen.total} jobs in all"
    return f"the same in {jobs}: {seen.last_hour} in the last hour, {seen.last_day} in the last day"


def _tried(one: Tried) -> str:
    attempts = f"{one.attempts} {'attempt' if one.attempts == 1 else 'attempts'}"
    took = f" in {span(one.duration_ms)}" if one.duration_ms is not None else ""
    asked = f" by {one.by}" if one.by else ""
    patched = ", patched" if one.patched else ""
    why = f" ({one.reason})" if one.reason else ""
    led = f"{one.result} {one.code}" if one.code else one.result
    return f"round {one.round}{asked}{patched}{why}: {attempts}{took} → {led}"


def failures(found: JobDiagnosis) -> Table:
    """A row an attempt of all that fails: where it ran, how long, and how it ended."""
    table = screen.table("what", "type", "attempt", "worker", "began", "took", "then waited", "outcome")
    for failure in found.failures:
        name, kind = Text(printable(failure.unit), "bold"), printable(failure.type)
        table.add_row(name, kind, "", "", "", "", "", screen.state(failure.status))
        for attempt in failure.attempts:
            error = attempt.error
            told = f"{attempt.outcome or 'running'}{f' {error.code}' if error else ''}"
            table.add_row(
                "",
                "",
                f"{attempt.round}.{attempt.attempt}",
                printable(attempt.worker or "-"),
                moment(attempt.started_at),
                _took(attempt),
                between(attempt.ended_at, attempt.next_retry_at),
                printable(told),
            )
    return table


def _took(attempt: Attempt) -> str:
    """The time, and what else is known of what it took."""
    time, used = between(attempt.started_at, attempt.ended_at), attempt.usage
    return time if used is None else f"{time}, CPU {span(used.cpu_ms)}, {used.peak_memory_bytes / _MEBIBYTE:.0f} MiB"


def events(found: JobDiagnosis) -> Table:
    """The journal around the failure."""
    table = screen.table("seq", "at", "event", "step", "actor", right=["seq"])
    for entry in found.events:
        step = entry.step_id or ""
        table.add_row(
            str(entry.seq),
            moment(entry.at),
            printable(entry.type),
            printable(step if entry.attempt is None else f"{step} #{entry.attempt}"),
            printable(entry.actor or ""),
        )
    return table


def decisions(found: JobDiagnosis) -> Table:
    """What can be done, and how."""
    table = screen.table("decision", "what it does", "request")
    for one in found.diagnosis.next:
        table.add_row(Text(printable(one.action), "bold"), printable(one.what), Text(printable(one.request), "dim"))
    return table
