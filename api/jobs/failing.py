"""Which steps, items and compensations of a job failed, are parked or are tried again; pure. For the diagnosis."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from perdure.contract.error import ErrorInfo
from perdure.contract.identifier import UnitId
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.projection.record import ItemRecord, JobRecord, StepRecord, UnitRecord

FAILING = (StepStatus.DEAD_LETTERED, StepStatus.FAILED, StepStatus.RETRYING)
"""The states that need telling why, what needs somebody first."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One of them. `error` is null only where nobody knows it."""

    unit: UnitId
    step_type: str
    record: UnitRecord
    error: ErrorInfo | None

    @property
    def since(self) -> datetime | None:
        """When its first attempt failed that no completed one came after."""
        first = None
        for attempt in self.record.attempts:
            if attempt.outcome is AttemptOutcome.COMPLETED:
                first = None
            elif attempt.outcome is not None and first is None:
                first = attempt.ended_at or attempt.started_at
        return first or self.record.completed_at


def failures_of(job: JobRecord, items: Mapping[str, Sequence[ItemRecord]]) -> list[Failure]:
    """What fails, the job's own error first. `items` are failing items by step, where a step has some."""
    found = [failure for step in job.steps for failure in _of_step(job, step, items.get(step.id, ()))]
    order = {status: number for number, status in enumerate(FAILING)}
    return sorted(found, key=lambda one: (one.unit.step != job.error_step, order.get(one.record.status, len(order))))


def failing_count(job: JobRecord) -> int:
    """How many there are, those of fan-outs that nobody has looked at included; retried items count as one."""
    return sum(_count(job, step) for step in job.steps)


def fails_in_items(step: StepRecord) -> bool:
    """Whether it is items of the step that fail."""
    counts = step.items.counts if step.items else {}
    return any(counts.get(status) for status in FAILING) or (bool(counts) and step.status is StepStatus.RETRYING)


def _of_step(job: JobRecord, step: StepRecord, items: Iterable[ItemRecord]) -> Iterator[Failure]:
    of_items = [failure for item in items for failure in _of_item(step, item)]
    yield from of_items
    if not of_items and _fails(job, step):
        error = step.error or (job.error if job.error_step == step.id else None)
        yield Failure(UnitId(step.id), step.type, step, error)
    undo = step.compensation
    if undo is not None and undo.status in FAILING and not any(one.unit.compensates for one in of_items):
        yield Failure(UnitId(step.id, compensates=True), step.type, undo, undo.error)


def _of_item(step: StepRecord, item: ItemRecord) -> Iterator[Failure]:
    if item.status in FAILING:
        yield Failure(UnitId(step.id, item.index), step.type, item, item.error)
    if item.compensation is not None and item.compensation.status in FAILING:
        yield Failure(
            UnitId(step.id, item.index, compensates=True), step.type, item.compensation, item.compensation.error
        )


def _fails(job: JobRecord, step: StepRecord) -> bool:
    """A step that a person gave up may be CANCELED: it is what the job failed by all the same."""
    undone = step.compensation is not None and step.compensation.status in FAILING
    return step.status in FAILING or (step.id == job.error_step and not undone)


def _count(job: JobRecord, step: StepRecord) -> int:
    undo = step.compensation is not None and step.compensation.status in FAILING
    counts = step.items.counts if step.items else {}
    in_items = sum(counts.get(status, 0) for status in FAILING)
    return (in_items or _fails(job, step)) + undo
