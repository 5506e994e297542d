"""The items of fan-outs. Written by the projection writer, read by the API.

A row is as new as the event that changed it: whoever writes an older one changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, case, cast, delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.state import FINAL_STEP_STATUSES, StepStatus
from perdure.projection.overlay import overlay_items
from perdure.projection.record import ItemRecord
from perdure.store.attempt import attempts_of_units, chain_of, read_attempts
from perdure.store.json_row import as_text, insert_rows, is_one_of, json_object, write_rows
from perdure.store.live import newest_observations
from perdure.store.table import attempts, items, jobs, steps

_VERSION = ("run_started_at", "run_id", "event_id")
_COLUMNS = [name for name in ItemRecord.model_fields if name in items.c]


class ItemPage(NamedTuple):
    """Some items of a step, in order, and whether there are more."""

    items: list[ItemRecord]
    has_more: bool


def _upsert() -> Insert:
    statement = insert_rows(items)
    new = statement.excluded
    keys = list(items.primary_key.columns)
    changes: dict[str, ColumnElement[Any]] = {column.name: new[column.name] for column in items.c if column not in keys}
    # A run that goes on with an item of another one does not know when that began.
    begun = func.coalesce(new.started_at, items.c.started_at)
    changes["started_at"] = case((new.round == items.c.round, begun), else_=new.started_at)
    guard = tuple_(*(new[name] for name in _VERSION)) >= tuple_(*(items.c[name] for name in _VERSION))
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=guard)


_ITEMS = _upsert()


async def write_items(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of items, each once, unless what is stored is newer; their jobs have rows."""
    await write_rows(connection, _ITEMS, rows)


async def forget_items(connection: AsyncConnection, begun_again: Sequence[tuple[str, str, str, int, bool]]) -> None:
    """Delete items of earlier rounds of steps that began again, and what was tried for them and to undo them.

    `begun_again`: (job, run, step, its round, whether it has items now).
    """
    for job_id, run_id, step_id, round_, has_items in begun_again:
        of_step = (items.c.job_id == job_id, items.c.step_id == step_id)
        earlier = (items.c.round < round_,) if has_items else ()
        await connection.execute(delete(items).where(*of_step, *earlier))
        units = attempts.c.step_id.startswith(f"{step_id}.", autoescape=True)
        await connection.execute(delete(attempts).where(attempts.c.run_id == run_id, units, attempts.c.round < round_))


async def list_items(
    connection: AsyncConnection, job_id: str, step_id: str, *, statuses: Sequence[StepStatus], after: int, limit: int
) -> ItemPage | None:
    """The items `after + 1` and on that are in one of `statuses` (all, where none is named), at most `limit`.

    Items of which nothing was heard yet are among them. None where the job has no such step.
    """
    query = select(jobs.c.run_id).join(steps, steps.c.job_id == jobs.c.id)
    run_id = await connection.scalar(query.where(jobs.c.id == job_id, steps.c.id == step_id))
    if run_id is None:
        return None
    rows = await connection.scalars(_page(job_id, step_id, statuses, after, limit + 1))
    found = [ItemRecord.model_validate_json(row) for row in rows]
    page = await _with_attempts(connection, job_id, found[:limit])
    units = [unit for item in page for unit in _units(item)]
    seen = (await newest_observations(connection, [job_id], units)).get(job_id, []) if units else []
    return ItemPage(overlay_items(page, run_id, seen), len(found) > limit)


async def items_of(
    connection: AsyncConnection, job_id: str, step_id: str, indices: Collection[int]
) -> list[ItemRecord]:
    """These items of a step, in order; those of which nothing was heard are left out."""
    shown: dict[str, ColumnElement[Any]] = {name: items.c[name] for name in _COLUMNS}
    shown["decisions"] = func.coalesce(items.c.decisions, cast(literal("[]"), items.c.decisions.type))
    query = select(as_text(json_object(shown))).where(
        items.c.job_id == job_id, items.c.step_id == step_id, items.c["index"].in_(indices)
    )
    rows = await connection.scalars(query.order_by(items.c["index"]))
    return await _with_attempts(connection, job_id, [ItemRecord.model_validate_json(row) for row in rows])


def _page(job_id: str, step_id: str, statuses: Sequence[StepStatus], after: int, limit: int) -> Select[str]:
    total = cast(steps.c["items"]["total"].as_string(), Integer)
    number = func.generate_series(after + 1, total - 1).table_valued("value").render_derived().lateral()
    index = number.c.value
    known = (
        (items.c.job_id == job_id)
        & (items.c.step_id == step_id)
        & (items.c["index"] == index)
        & (items.c.round >= steps.c.round)
        & items.c.run_id.in_(select(chain_of(job_id).c.run_id))
    )
    status = func.coalesce(items.c.status, _unbegun())
    row = json_object(_shown(index, status, step_id))
    query = select(as_text(row)).select_from(steps.join(number, literal(value=True)).outerjoin(items, known))
    query = query.where(steps.c.job_id == job_id, steps.c.id == step_id).order_by(index).limit(limit)
    return query.where(is_one_of(status, [one.value for one in statuses])) if statuses else query


def _shown(index: ColumnElement[int], status: ColumnElement[str], step_id: str) -> dict[str, ColumnElement[Any]]:
    found: dict[str, ColumnElement[Any]] = {name: items.c[name] for name in _COLUMNS}
    return found | {
        "index": index,
        "step_id": literal(step_id),
        "status": status,
        "round": func.coalesce(items.c.round, steps.c.round),
        "attempt_count": func.coalesce(items.c.attempt_count, 0),
        "event_id": func.coalesce(items.c.event_id, 0),
        "decisions": func.coalesce(items.c.decisions, cast(literal("[]"), items.c.decisions.type)),
    }


def _unbegun() -> ColumnElement[str]:
    """The status of an item of which nothing was heard."""
    final = [status.value for status in FINAL_STEP_STATUSES]
    omitted = (steps.c.status == StepStatus.OMITTED.value, StepStatus.OMITTED.value)
    return case(omitted, (is_one_of(steps.c.status, final), StepStatus.CANCELED.value), else_=StepStatus.PENDING.value)


async def _with_attempts(connection: AsyncConnection, job_id: str, found: Sequence[ItemRecord]) -> list[ItemRecord]:
    units = [unit for item in found for unit in _units(item)]
    tried = read_attempts(await connection.scalar(select(attempts_of_units(job_id, units))) or "[]")
    complete = []
    for item in found:
        own, undo = _units(item)
        update: dict[str, Any] = {"attempts": tried.get(own, [])}
        if item.compensation is not None:
            update["compensation"] = item.compensation.model_copy(update={"attempts": tried.get(undo, [])})
        complete.append(item.model_copy(update=update))
    return complete


def _units(item: ItemRecord) -> tuple[str, str]:
    own = f"{item.step_id}.{item.index}"
    return own, f"{own}.compensate"
