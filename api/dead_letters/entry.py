"""One parked job with its full context, read for somebody who has to decide. Used by the routes."""

from collections.abc import Sequence
from datetime import UTC, datetime

from api.dead_letters.read_schemas import DeadLetterEntryView, LineageView
from api.dead_letters.view import decision_options, detail_view
from api.jobs.payload import Onlooker, shown_items, shown_job
from api.jobs.reading import read_job
from api.jobs.schemas import JobView, UnitView
from api.problem import ApiError
from perdure.contract.identifier import parse_unit_id
from perdure.store.dead_letter import ParkedUnit, parked_units
from perdure.store.item import items_of

MOST = 200
"""Units that an entry shows."""


async def read_entry(by: Onlooker, job_id: str) -> DeadLetterEntryView:
    """The entry, payloads as the principal may see them.

    Raises:
        ApiError: API.NOT_FOUND, or API.JOB_NOT_PARKED with the state the job is in.
    """
    reading = await read_job(by.found, by.principal, job_id)
    async with by.found.store.transaction() as connection:
        units, count, expires_at = await parked_units(connection, job_id, MOST)
    if not units:
        job = reading.job
        raise ApiError("API.JOB_NOT_PARKED", f"job {job.id} is {job.status} ({job.status_reason}): nothing is parked")
    view = await shown_job(reading, by)
    owners = await _owners(by, view, units)
    left = None if expires_at is None else max(0, round((expires_at - datetime.now(UTC)).total_seconds() * 1000))
    return DeadLetterEntryView(
        id=view.id,
        parked_at=units[0].parked_at,
        expires_at=expires_at,
        retention_left_ms=left,
        parked_count=count,
        parked=[detail_view(unit, owners.get(_owner(unit))) for unit in units],
        lineage=LineageView(
            parent_id=view.parent_id,
            resubmit_of=view.resubmit_of,
            children=[child.id for child in view.children if child.status],
        ),
        decisions=decision_options(view.id, [unit.unit for unit in units]),
        job=view,
    )


async def _owners(by: Onlooker, job: JobView, units: Sequence[ParkedUnit]) -> dict[str, UnitView]:
    """The steps and items that have parked attempts, by their ids."""
    owners: dict[str, UnitView] = {step.id: step for step in job.steps}
    wanted: dict[str, list[int]] = {}
    for unit in units:
        id_ = parse_unit_id(unit.unit)
        if id_ is not None and id_.index is not None:
            wanted.setdefault(id_.step, []).append(id_.index)
    for step, indices in wanted.items():
        async with by.found.store.transaction() as connection:
            records = await items_of(connection, job.id, step, indices)
        for item in await shown_items(job.id, records, by):
            owners[f"{step}.{item.index}"] = item
    return owners


def _owner(unit: ParkedUnit) -> str:
    return unit.unit.removesuffix(".compensate")
