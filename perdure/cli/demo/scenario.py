"""What a part of the demo is: a job, why it is shown, and what must be true afterwards; made by `story/`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perdure.cli.demo.partner import Received
from perdure.client import Job, JournalEntry, Step


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold, in words a stranger understands."""

    held: bool
    words: str


@dataclass(frozen=True, slots=True)
class Played:
    """How a scenario went.

    `seen`: every state the job was in. `children`: by name. `calls`: those of the job and of its children.
    """

    job: Job
    seen: frozenset[str]
    calls: Sequence[Received]
    journal: Sequence[JournalEntry] = ()
    children: Mapping[str, Job] = field(default_factory=dict)
    most_at_once: int = 0

    def step(self, step_id: str) -> Step:
        """The step of that id."""
        return next(step for step in self.job.steps if step.id == step_id)

    def calls_of(self, step_id: str) -> int:
        """How many calls the partner got from that step."""
        return sum(call.key.endswith(f"/{step_id}") for call in self.calls)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A job of the demo. `spec` gets the partner's URL; `effects`: how many effects it has at the partner.

    With `repair` the job is expected to be parked; the text says what is then mended, and the job is brought
    home from the command line. `children` are the dependents that must have been started.
    """

    key: str
    title: str
    why: str
    spec: Callable[[str], dict[str, Any]]
    effects: int
    checks: Callable[[Played], list[Check]]
    expected: str = "COMPLETED"
    repair: str | None = None
    children: Sequence[str] = ()
    shows: str = field(kw_only=True)
    """A few words for the summary."""


def call_step(step_id: str, url: str, **more: Any) -> dict[str, Any]:
    """An HTTP_CALL step that posts to `url`; `more` goes beside it (`json=` goes into its parameters)."""
    parameters = {"method": "POST", "url": url, "json": more.pop("json", {})}
    return {"id": step_id, "type": "HTTP_CALL", "with": parameters, **more}
