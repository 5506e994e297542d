"""Records as table rows: column names to JSON values. Used by the writer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from perdure.projection.record import ItemRecord, JobRecord, JournalEvent, StepAttempt, StepRecord
from perdure.store.table import LIVE_FIELDS

Row = dict[str, Any]
_ATTEMPTS: dict[str, Any] = {"attempts": True, "compensation": {"attempts": True}}
"""What has rows of its own."""


def job_row(record: JobRecord, shown: JobRecord, now: datetime, last_event_at: datetime | None) -> Row:
    """The row of `jobs`: `record` as folded, `shown` with what is live laid over it."""
    folded = record.model_dump(mode="json", by_alias=True, exclude={"steps"})
    seen_live = {} if shown is record else shown.model_dump(mode="json", by_alias=True, include=set(LIVE_FIELDS))
    return {
        **folded,
        **seen_live,
        "history": {name: folded[name] for name in LIVE_FIELDS},
        "projected_at": now.isoformat(),
        "lag_ms": last_event_at and max(0, round((now - last_event_at).total_seconds() * 1000)),
    }


def run_row(record: JobRecord, closed: bool, continued_from: str | None, now: datetime) -> Row:  # noqa: FBT001 - two facts about a run
    """The row of `runs`."""
    return {
        "run_id": record.run_id,
        "job_id": record.id,
        "continued_from": continued_from,
        "started_at": record.run_started_at.isoformat(),
        "last_event_id": record.last_event_id,
        "note_count": record.note_count,
        "closed": closed,
        "status": record.status,
        "projected_at": now.isoformat(),
    }


def step_row(job_id: str, step: StepRecord) -> Row:
    """The row of `steps`."""
    return {"job_id": job_id, **step.model_dump(mode="json", by_alias=True, exclude=_ATTEMPTS)}


def item_row(run: JobRecord, item: ItemRecord) -> Row:
    """The row of `items`, of an item that this run changed."""
    return {
        "job_id": run.id,
        "run_id": run.run_id,
        "run_started_at": run.run_started_at.isoformat(),
        **item.model_dump(mode="json", by_alias=True, exclude=_ATTEMPTS),
        "code": item.error and item.error.code,
    }


def newer_item(before: Row | None, after: Row) -> Row:
    """Of two rows of an item the newer; a run that goes on with an item of another does not know when that began."""
    if before is None or before["round"] != after["round"]:
        return after
    return {**after, "started_at": after["started_at"] or before["started_at"]}


def tried_units(unit: StepRecord | ItemRecord) -> list[tuple[str, Sequence[StepAttempt]]]:
    """The attempts of a step or an item, and of its compensation, each under its name."""
    name = unit.id if isinstance(unit, StepRecord) else f"{unit.step_id}.{unit.index}"
    undo = [(f"{name}.compensate", unit.compensation.attempts)] if unit.compensation else []
    return [(name, unit.attempts), *undo]


def attempt_row(run: JobRecord, unit: str, attempt: StepAttempt) -> Row:
    """The row of `attempts`, of a unit of that run."""
    run_started_at = run.run_started_at.isoformat()
    key = {"run_id": run.run_id, "run_started_at": run_started_at, "step_id": unit}
    return {**key, **attempt.model_dump(mode="json", by_alias=True)}


def journal_row(event: JournalEvent) -> Row:
    """The row of `journal`."""
    return event.model_dump(mode="json", by_alias=True)


def ledger_row(record: JobRecord) -> Row:
    """The row of `ledger`; its outcome counts only once the job has ended."""
    return {
        "job_id": record.id,
        "fingerprint": record.spec_fingerprint,
        "submitted_at": record.created_at.isoformat(),
        "outcome": record.status,
        "closed_at": record.completed_at and record.completed_at.isoformat(),
    }
