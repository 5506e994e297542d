"""The attempts of a job, over all the runs that make it up. Used by the job query."""

from typing import TypeVar

from pydantic import TypeAdapter
from sqlalchemy import CTE, ColumnElement, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from perdure.projection.record import JobRecord, StepAttempt
from perdure.store.json_row import as_text, json_object
from perdure.store.table import attempts, jobs, runs

_Job = TypeVar("_Job", bound=JobRecord)


class _Tried(StepAttempt):
    step_id: str


_LIST = TypeAdapter(list[_Tried])


def attempts_of(job_id: str) -> ColumnElement[str]:
    """A JSON list, as text: the attempts of the job's newest run and of those it continues.

    What was tried by a run that a reset has put another in the place of is not among them; the journal
    has it.
    """
    row = json_object({name: attempts.c[name] for name in _Tried.model_fields})
    rows = func.json_agg(aggregate_order_by(row, attempts.c.round, attempts.c.attempt))
    chain = _chain(job_id)
    tried = select(func.coalesce(rows, literal_column("'[]'::json"))).select_from(attempts)
    # The start of the run names the partition: only that one is looked into.
    same_run = (chain.c.run_id == attempts.c.run_id) & (chain.c.started_at == attempts.c.run_started_at)
    return as_text(tried.join(chain, same_run).scalar_subquery())


def with_attempts(job: _Job, tried: str) -> _Job:
    """The job with each attempt at its step. `tried` is what `attempts_of` gave."""
    of_step: dict[str, list[StepAttempt]] = {}
    for found in _LIST.validate_json(tried):
        fields = {name: value for name, value in found if name != "step_id"}
        of_step.setdefault(found.step_id, []).append(StepAttempt.model_construct(**fields))
    steps = [step.model_copy(update={"attempts": of_step.get(step.id, [])}) for step in job.steps]
    return job.model_copy(update={"steps": steps})


def _chain(job_id: str) -> CTE:
    columns = (runs.c.run_id, runs.c.continued_from, runs.c.started_at)
    newest = select(*columns).join(jobs, jobs.c.run_id == runs.c.run_id).where(jobs.c.id == job_id)
    chain = newest.cte("chain", recursive=True)
    return chain.union_all(select(*columns).join(chain, runs.c.run_id == chain.c.continued_from))
