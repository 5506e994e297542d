"""What changed between two looks at a job, as lines; for `watch` where no live view is, and for the demo."""

from collections.abc import Iterator

from rich.text import Text

from perdure.cli.jobs import picture
from perdure.cli.jobs.format import between, cut
from perdure.cli.screen import printable, state
from perdure.client import Attempt, Job, Step

REASON = 160


class Narrator:
    """Remembers the last look; each new one yields the lines that say what is different."""

    def __init__(self) -> None:
        self._status: str | None = None
        self._steps: dict[str, str] = {}
        self._told: set[tuple[str, int, int]] = set()

    def lines(self, job: Job) -> Iterator[Text]:
        """Lines for what this look shows and the ones before did not. Steps first, then the job."""
        for step in job.steps:
            yield from self._attempts(step)
            yield from self._step(step)
        if job.status != self._status:
            self._status = job.status
            reason = cut(job.status_reason or "", REASON)
            yield Text.assemble("job ", state(job.status), f" - {reason}" if reason else "")

    def _attempts(self, step: Step) -> Iterator[Text]:
        for attempt in step.attempts:
            key = (step.id, attempt.round, attempt.attempt)
            if attempt.error is not None and key not in self._told:
                self._told.add(key)
                yield self._failed(step, attempt)

    def _failed(self, step: Step, attempt: Attempt) -> Text:
        words = f" attempt {attempt.attempt} failed: {picture.failure(attempt)}"
        return Text.assemble("  ", (printable(step.id), "bold"), (words, "yellow"))

    def _step(self, step: Step) -> Iterator[Text]:
        if step.status == self._steps.get(step.id, "PENDING"):
            return
        self._steps[step.id] = step.status
        took = f" in {between(step.started_at, step.completed_at)}" if step.started_at and step.completed_at else ""
        count = max(step.attempt_count, len(step.attempts))
        tries = f", {count} attempts" if count > 1 and step.completed_at else ""
        yield Text.assemble("  ", (printable(step.id), "bold"), " ", state(step.status), took, tries)
