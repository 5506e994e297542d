"""What the CLI prints once a decision is taken: a line and what to do next, or the API's JSON."""

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.client import Decision
from perdure.client.call import Call


def decide(session: Session, call: Call[Decision], words: str) -> None:
    """Send a decision and tell it. `{id}` and `{steps}` in `words` are the job and the steps it concerned."""
    exchange = session.client.exchange(call)
    if session.json:
        screen.raw(exchange.answer.content)
        return
    job = exchange.value.job
    steps = ", ".join(exchange.value.steps)
    session.out.print(screen.printable(words.format(id=job.id, steps=steps)), soft_wrap=True)
    if not job.final:
        session.err.print(screen.printable(f"See how it does: perdure jobs watch {job.id}"), style="dim")
