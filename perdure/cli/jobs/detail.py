"""What a step's row says of its items, its wait and its decisions: one line each; used by `picture`."""

from perdure.cli.jobs.format import cut, moment
from perdure.cli.screen import printable
from perdure.client.view import Approval, ItemCounts, Step, WaitingFor

_SHOWN = 80
"""Characters of what somebody wrote."""
APPROVAL = "APPROVAL"


def items(found: ItemCounts) -> str:
    """`100 items: 40 completed, 10 running, 50 pending`."""
    counts = ", ".join(f"{number} {status.lower().replace('_', ' ')}" for status, number in found.counts.items())
    return f"{found.total} {'item' if found.total == 1 else 'items'}{f': {counts}' if counts else ''}"


def waiting(wait: WaitingFor) -> str:
    """What the step waits for, and until when."""
    until = f", until {moment(wait.expires_at)}" if wait.expires_at else ""
    if wait.kind != APPROVAL:
        return f'waits for "{printable(wait.name or "a delivery")}"{until}'
    roles = f" of {', '.join(map(printable, wait.roles))}" if wait.roles else ""
    asked = f": {cut(wait.message, _SHOWN)}" if wait.message else ""
    return f"{wait.approvals or 0} of {wait.required_approvals or 1} approvals{roles}{until}{asked}"


def decision(said: Approval) -> str:
    """`approve by key:ops at …: reason`."""
    reason = f": {cut(said.reason, _SHOWN)}" if said.reason else ""
    return f"{said.decision} by {printable(said.actor or '-')} at {moment(said.at)}{reason}"


def how_to_end(job_id: str, step: Step) -> str:
    """The command that ends the wait of a step."""
    wait = step.waiting_for
    if wait is not None and wait.kind == APPROVAL:
        return f"Step {step.id} waits for approval. Decide with\n  perdure jobs approve {job_id} --step {step.id}"
    name = wait.name if wait and wait.name else "NAME"
    return f"Step {step.id} waits. End its wait with\n  perdure jobs deliver {job_id} {name} --payload '...'"
