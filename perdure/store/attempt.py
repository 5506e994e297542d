"""The attempts of a job, over all the runs that make it up. Used by the job query."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import CTE, ColumnElement, any_, func, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by

from perdure.projection.record import JobRecord, StepAttempt, StepRecord
from perdure.store.json_row import as_text, is_one_of, json_object
from perdure.store.table import attempts, jobs, runs, steps

_Job = TypeVar("_Job", bound=JobRecord)


class _Tried(StepAttempt):
    step_id: str


_LIST = TypeAdapter(list[_Tried])


def attempts_of(job_id: str) -> ColumnElement[str]:
    """A JSON list, as text: the attempts of the job's newest run and of those it continues, items' left out.

    What was tried by a run that a reset has put another in the place of is not among them; the journal
    has it.
    """
    own = select(steps.c.id.label("unit")).where(steps.c.job_id == job_id)
    undo = select(steps.c.id + ".compensate").where(steps.c.job_id == job_id)
    units = func.array(union_all(own, undo).scalar_subquery())
    return _tried(job_id, attempts.c.step_id == any_(units))


def attempts_of_units(job_id: str, units: Collection[str]) -> ColumnElement[str]:
    """The same of units of the job: `fetch`, `fetch.7`, `fetch.7.compensate`."""
    return _tried(job_id, is_one_of(attempts.c.step_id, units))


def with_attempts(job: _Job, tried: str) -> _Job:
    """The job with each attempt at its step, or at its compensation. `tried` is what `attempts_of` gave."""
    of_unit = read_attempts(tried)
    return job.model_copy(update={"steps": [_with_attempts(step, of_unit) for step in job.steps]})


def read_attempts(tried: str) -> dict[str, list[StepAttempt]]:
    """The attempts by unit, in order."""
    of_unit: dict[str, list[StepAttempt]] = {}
    for found in _LIST.validate_json(tried):
        fields = {name: value for name, value in found if name != "step_id"}
        of_unit.setdefault(found.step_id, []).append(StepAttempt.model_construct(**fields))
    return of_unit


def _with_attempts(step: StepRecord, of_unit: Mapping[str, list[StepAttempt]]) -> StepRecord:
    update: dict[str, Any] = {"attempts": of_unit.get(step.id, [])}
    if step.compensation is not None:
        undo = of_unit.get(f"{step.id}.compensate", [])
        update["compensation"] = step.compensation.model_copy(update={"attempts": undo})
    return step.model_copy(update=update)


def _tried(job_id: str, wanted: ColumnElement[bool]) -> ColumnElement[str]:
    row = json_object({name: attempts.c[name] for name in _Tried.model_fields})
    rows = func.json_agg(aggregate_order_by(row, attempts.c.round, attempts.c.attempt))
    chain = chain_of(job_id)
    tried = select(func.coalesce(rows, literal_column("'[]'::json"))).select_from(attempts)
    # The start of the run names the partition: only that one is looked into.
    same_run = (chain.c.run_id == attempts.c.run_id) & (chain.c.started_at == attempts.c.run_started_at)
    return as_text(tried.join(chain, same_run).where(wanted).scalar_subquery())


def chain_of(job_id: str) -> CTE:
    """The job's newest run and those it continues: `run_id`, `continued_from`, `started_at`."""
    columns = (runs.c.run_id, runs.c.continued_from, runs.c.started_at)
    newest = select(*columns).join(jobs, jobs.c.run_id == runs.c.run_id).where(jobs.c.id == job_id)
    chain = newest.cte("chain", recursive=True)
    return chain.union_all(select(*columns).join(chain, runs.c.run_id == chain.c.continued_from))
