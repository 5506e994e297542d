"""The queries that the job routes take (contract 9), field by field."""

from typing import Literal

from pydantic import BaseModel, Field

from api.jobs.schemas import Timestamp
from perdure.store.job_order import JobSort


class SubmitQuery(BaseModel):
    """Query of a submission."""

    dry_run: bool = Field(False, description="Admit only: answer the effective spec and start nothing.")


class JobQuery(BaseModel):
    """Query of one job."""

    consistency: Literal["strong"] | None = Field(
        None, description="`strong` reads Temporal's history instead of the projection of it."
    )


class ItemQuery(BaseModel):
    """Query of the items of a step. Several states are alternatives."""

    status: list[str] = Field([], max_length=50, description="Repeated, or separated by commas.")
    cursor: str | None = Field(None, max_length=500, description="From the `page` before.")
    limit: int = Field(100, ge=1, le=200)


class JournalQuery(BaseModel):
    """Query of a journal."""

    cursor: str | None = Field(None, max_length=500, description="From the `page` before.")
    limit: int = Field(100, ge=1, le=200)


class JobListQuery(BaseModel):
    """Query of the list. Several states are alternatives; several labels, and all words of `q`, must fit."""

    status: list[str] = Field([], max_length=50, description="Repeated, or separated by commas.")
    type: str | None = Field(None, max_length=100)
    queue: str | None = Field(None, max_length=100)
    label: list[str] = Field([], max_length=32, description="`key=value`, repeatable.")
    correlation_id: str | None = Field(None, max_length=255)
    trace_id: str | None = Field(None, max_length=64)
    submitted_by: str | None = Field(None, max_length=255, description="An actor as jobs show it: `key:ops`.")
    parent: str | None = Field(None, max_length=255, description="Id of the job that started these.")
    since: Timestamp | None = Field(None, description="Created at or after (RFC 3339).")
    until: Timestamp | None = Field(None, description="Created before (RFC 3339).")
    error_code: str | None = Field(None, max_length=200, description="Of the job's error.")
    fingerprint: str | None = Field(None, max_length=200, description="Of the job's error.")
    q: str | None = Field(
        None,
        max_length=200,
        description="Words in name, labels or error; the last one may be the first 3 letters or more of a word.",
    )
    sort: JobSort = Field(
        JobSort.NEWEST,
        description="`-` is greatest first. By `completed_at` and `execution_ms` only jobs that have ended are listed.",
    )
    cursor: str | None = Field(None, max_length=1000, description="From the `page` before, in the same order.")
    limit: int = Field(50, ge=1, le=200)
