"""How the demo ends: a table of expected and got, what held over all jobs, and where to look next."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from perdure.cli.demo.host import Host
from perdure.cli.demo.partner import Partner
from perdure.cli.demo.scenario import Check, Played, Scenario
from perdure.cli.demo.stage import Stage
from perdure.cli.jobs.format import span
from perdure.cli.screen import state

Outcome = tuple[Scenario, Played, Sequence[Check]]


def overall(outcomes: Sequence[Outcome], partner: Partner) -> list[Check]:
    """What must hold over all jobs together: every effect once."""
    wanted = sum(scenario.effects for scenario, _, _ in outcomes)
    calls = [call for _, played, _ in outcomes for call in partner.received(f"{played.job.id}/")]
    effects = Counter(call.key for call in calls if call.effect)
    return [
        Check(
            len(effects) == wanted and set(effects.values()) == {1},
            f"every effect happened once per idempotency key: {effects.total()} effects, {len(effects)} keys "
            f"({wanted} expected; the partner got {len(calls)} calls, refusals included)",
        )
    ]


def summary(outcomes: Sequence[Outcome], stage: Stage) -> None:
    """One row a job."""
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
    for name in ("job", "shows", "expected", "got", "attempts", "took"):
        table.add_column(name, justify="right" if name in ("attempts", "took") else "left", overflow="fold")
    for scenario, played, _ in outcomes:
        job = played.job
        row = (scenario.expected, state(job.status), str(job.attempts), span(job.execution_ms))
        table.add_row(Text(job.id, "bold"), scenario.shows, *row)
    stage.say()
    stage.say("What was shown", "bold cyan")
    stage.table(table)


def farewell(host: Host, outcomes: Sequence[Outcome], stage: Stage, *, keep: bool) -> None:
    """Where the jobs can be looked at, and how."""
    first = outcomes[-1][1].job.id
    stage.say()
    stage.say("Look at it yourself", "bold cyan")
    stage.aside(f"API documentation  {host.info.api_url}/docs")
    stage.aside(f"Temporal Web UI    {host.info.temporal_ui_url}")
    stage.aside(f"One of the jobs    perdure jobs get {first} --journal")
    if host.stack is None or keep:
        stage.aside(
            "The stack runs on: these addresses are open now." + (" Ctrl-C stops it." if host.stack is not None else "")
        )
    elif host.stays:
        stage.aside(
            "The stack stops now, its data stay. `make dev` (or `perdure dev`) opens these addresses "
            "again, with these jobs in it; `perdure demo --keep` leaves it running at once."
        )
    else:
        stage.aside("The demo's own stack stops now and leaves nothing behind.")


def misses(checks: Sequence[Check], host: Host, stage: Stage) -> None:
    """What was not as it should be, and where the logs are."""
    missed = [check for check in checks if not check.held]
    stage.say()
    if not missed:
        stage.say(f"All {len(checks)} checks held.", "bold green")
        return
    stage.say(f"{len(missed)} of {len(checks)} checks did NOT hold:", "bold red")
    stage.checks(missed)
    logs = host.logs or host.data_dir / "log"
    stage.aside(f"Logs of API, worker, Temporal and Postgres: {logs}")
