"""One job on the screen: its header and its steps with attempts; used by get, watch and the demo."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.jobs import detail
from perdure.cli.jobs.format import between, cut, moment, span, value
from perdure.cli.screen import printable, state
from perdure.client import Attempt, Error, Job, Step
from perdure.contract.state import JobStatus

DETAIL = 120
"""Characters of a message or output in the steps table."""


def header(job: Job) -> RenderableType:
    """Id, state and why, times and counts."""
    title = Text.assemble((printable(job.id), "bold"), "  ", printable(job.name), "  ", state(job.status))
    if job.resolution:
        title.append(f" ({printable(job.resolution)})")
    lines = [title]
    if job.status_reason:
        lines.append(Text(f"  {cut(job.status_reason, 400)}"))
    lines.extend(Text(f"  {line}", "dim") for line in _facts(job))
    return Group(*lines)


def _facts(job: Job) -> Iterator[str]:
    retries = "no retry" if job.retry_count == 0 else f"{job.retry_count} of them retries"
    yield f"queue {job.queue} · priority {job.priority} · submitted by {printable(job.submitted_by or '-')}"
    times = f"waited {span(job.queue_wait_ms)} · ran {span(job.execution_ms)}"
    planned = f" · starts at {moment(job.start_at)}" if job.start_at and not job.started_at and not job.final else ""
    yield f"created {moment(job.created_at)} · {times}{planned}"
    yield f"attempts {job.attempts}, {retries}"
    if job.labels:
        yield "labels " + ", ".join(f"{name}={printable(label)}" for name, label in job.labels.items())
    if job.correlation_id:
        yield f"correlation id {printable(job.correlation_id)}"


def steps(job: Job) -> Table:
    """A row a step, and under it a row for each attempt that failed."""
    table = screen.table(
        "step", "type", "state", "attempts", "took", "what", right=["attempts"], spare=["took", "type"]
    )
    for step in job.steps:
        table.add_row(
            Text(printable(step.id), "bold"),
            printable(step.type),
            state(step.status),
            str(max(step.attempt_count, len(step.attempts))),
            between(step.started_at, step.completed_at),
            _what(step),
        )
        _add_failures(table, step.attempts)
        for said in step.decisions:
            table.add_row("", "", "", "", "", Text(detail.decision(said), "dim"))
        if step.compensation is not None:
            count = str(max(step.compensation.attempt_count, len(step.compensation.attempts)))
            what = Text(error_line(step.compensation.error), "yellow") if step.compensation.error else ""
            table.add_row("  undo", "", state(step.compensation.status), count, "", what)
            _add_failures(table, step.compensation.attempts)
    return table


def children(job: Job) -> Table:
    """A row a job that this one started."""
    table = screen.table("started", "state", "name")
    for child in job.children:
        table.add_row(Text(printable(child.id), "bold"), state(child.status), printable(child.name))
    return table


def _add_failures(table: Table, attempts: list[Attempt]) -> None:
    for attempt in attempts:
        if attempt.error is not None:
            table.add_row("", "", "", f"#{attempt.attempt}", _took(attempt), Text(failure(attempt), "yellow"))


def failure(attempt: Attempt) -> str:
    """How an attempt failed and what follows: one line."""
    place = f"round {attempt.round}: " if attempt.round > 1 else ""
    words = error_line(attempt.error) if attempt.error else attempt.outcome or ""
    return f"{place}{words}{_next(attempt)}"


def error_line(error: Error) -> str:
    """`STEP.HTTP.5XX (TRANSIENT): message`; the class only where the code does not end with it."""
    told = not error.error_class or error.code.endswith(error.error_class)
    kind = "" if told else f" ({printable(error.error_class)})"
    return f"{printable(error.code)}{kind}: {cut(error.message, DETAIL)}"


def _next(attempt: Attempt) -> str:
    if attempt.next_retry_at is None or attempt.ended_at is None:
        return ""
    return f" → next try after {between(attempt.ended_at, attempt.next_retry_at)}"


def _took(attempt: Attempt) -> str:
    return between(attempt.started_at, attempt.ended_at)


def _what(step: Step) -> Text:
    if step.waiting_for is not None:
        return Text(detail.waiting(step.waiting_for), "cyan")
    if step.items is not None and (step.output is None or step.error is not None):
        told = error_line(step.error) if step.error is not None else ""
        return Text.assemble(detail.items(step.items), (f"  {told}" if told else "", "yellow"))
    if step.paused:
        return Text("held back (paused)", "yellow")
    if step.error is not None and not any(one.error for one in step.attempts):
        return Text(error_line(step.error), "yellow")
    if step.status == "RETRYING" and (due := _due(step)):
        return Text(due, "yellow")
    return Text("" if step.output is None else _output(step.output), "dim")


def _output(output: Any) -> str:
    """The output on one line; of an HTTP answer what matters first, without its headers."""
    if isinstance(output, dict) and output.keys() == {"status", "headers", "body"}:
        return cut(f"HTTP {output['status']}  {value(output['body'])}", DETAIL)
    return value(output, DETAIL)


def _due(step: Step) -> str:
    due = step.attempts[-1].next_retry_at if step.attempts else None
    if due is None:
        return ""
    seconds = (due - datetime.now(UTC)).total_seconds()
    return f"next try in {seconds:.1f} s" if seconds > 0 else ""


def hint(job: Job) -> str | None:
    """What to do next about a job that needs somebody; None when it needs nobody."""
    if job.status == JobStatus.PAUSED:
        return f"The job is paused: nothing new starts. Let it go on with\n  perdure jobs resume {job.id}"
    waits = [step for step in job.steps if step.waiting_for is not None]
    if waits and not (job.final or job.parked):
        return detail.how_to_end(job.id, waits[0])
    if not job.parked:
        return None
    return (
        "The job is parked, not lost: completed steps are kept. Mend the cause, then bring it home with\n"
        f"  perdure jobs retry {job.id} --reason '...'\n"
        f"or  temporal workflow signal --workflow-id {job.id} --name retry\n"
        f"Or decide otherwise: perdure dead-letters skip|discard {job.id} --reason '...'"
    )
