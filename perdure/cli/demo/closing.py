"""How the demo ends: a table of expected and got, what held over all jobs, and where to look next."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from perdure.cli import screen
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
    calls = [call for _, played, _ in outcomes for call in partner.received_from(played.job.id)]
    effects = Counter(call.key for call in calls if call.effect)
    return [
        Check(
            len(effects) == wanted and set(effects.values()) == {1},
            f"every effect happened once per idempotency key: {effects.total()} effects, {len(effects)} keys "
            f"({wanted} expected; the partner got {len(calls)} calls, refusals included)",
        )
    ]


def verdict(outcomes: Sequence[Outcome], partner: Partner, host: Host, stage: Stage) -> bool:
    """Print expected beside got, and what held; whether everything did."""
    checks = [check for _, _, own in outcomes for check in own]
    together = overall(outcomes, partner)
    stage.say()
    stage.say("What was shown", "bold cyan")
    stage.table(_table(outcomes))
    stage.say()
    stage.checks(together)
    missed = [check for check in [*checks, *together] if not check.held]
    if not missed:
        stage.aside(f"All {len(checks) + len(together)} checks held.", "bold green")
        return True
    stage.say(f"{len(missed)} of {len(checks) + len(together)} checks did not hold:", "bold red")
    stage.checks(missed)
    stage.aside(f"Logs of API, worker, Temporal and Postgres: {host.data_dir / 'log'}")
    return False


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = screen.table("job", "shows", "expected", "got", "attempts", "took", right=["attempts", "took"])
    for scenario, played, _ in outcomes:
        job = played.job
        row = (scenario.expected, state(job.status), str(job.attempts), span(job.execution_ms))
        table.add_row(Text(job.id, "bold"), scenario.shows, *row)
    return table


def _parked(outcomes: Sequence[Outcome]) -> str:
    """The id of the job with the most to tell."""
    return next(played.job.id for scenario, played, _ in outcomes if scenario.repair)


def _program() -> str:
    """`perdure` as it was called, which need not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).name == "perdure" else "perdure"


def _near(file: str) -> str:
    """The path from here, where the file is below."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def farewell(outcomes: Sequence[Outcome], host: Host, stage: Stage, *, keep: bool) -> None:
    """Where the jobs can be looked at, and how."""
    stage.say()
    stage.say("Look at it yourself", "bold cyan")
    stage.aside(f"Dashboard          {host.info.dashboard_url}")
    stage.aside(f"Key to log in      {_near(host.info.admin_api_key_file)}")
    stage.aside(f"API documentation  {host.info.api_url}/docs")
    stage.aside(f"Temporal Web UI    {host.info.temporal_ui_url}")
    stage.aside(f"One of the jobs    {_program()} jobs get {_parked(outcomes)} --journal")
    if host.stack is None:
        stage.aside("The stack runs on, as before: these addresses are open.")
    elif keep:
        stage.aside("The stack runs on: these addresses are open. Ctrl-C stops it.", "bold")
    else:
        stage.aside(
            f"The stack stops now; its data stay. `{host.again}` opens these addresses again, with these jobs "
            "in it, and `perdure demo --keep` leaves them open at once."
        )
