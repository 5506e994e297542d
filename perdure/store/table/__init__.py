"""The tables as SQLAlchemy Core; `metadata` is what the migrations are tested against."""

from perdure.store.table.access import api_keys
from perdure.store.table.archive import archive_state, archived_histories
from perdure.store.table.audit import audit_entries
from perdure.store.table.base import metadata
from perdure.store.table.bulk_action import bulk_action_items, bulk_actions
from perdure.store.table.dead_letter import dead_letters
from perdure.store.table.job import (
    LIVE_FIELDS,
    WORDS_CONFIGURATION,
    attempts,
    dated_job_words,
    items,
    job_words,
    jobs,
    runs,
    steps,
)
from perdure.store.table.operation import projection_operations, set_aside_jobs
from perdure.store.table.reconciliation import counting_workers, ended_counts, reconciliations
from perdure.store.table.record import journal, ledger, ledger_outcomes, live_observations
from perdure.store.table.sweep import sweep_state

__all__ = [
    "LIVE_FIELDS",
    "WORDS_CONFIGURATION",
    "api_keys",
    "archive_state",
    "archived_histories",
    "attempts",
    "audit_entries",
    "bulk_action_items",
    "bulk_actions",
    "counting_workers",
    "dated_job_words",
    "dead_letters",
    "ended_counts",
    "items",
    "job_words",
    "jobs",
    "journal",
    "ledger",
    "ledger_outcomes",
    "live_observations",
    "metadata",
    "projection_operations",
    "reconciliations",
    "runs",
    "set_aside_jobs",
    "steps",
    "sweep_state",
]
