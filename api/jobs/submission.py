"""Submitting a job: admitted, its key looked up, started in Temporal exactly once (contract 5, architecture 4.1)."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
import uuid_utils
from temporalio.client import WorkflowHandle
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from api.context import RequestContext
from api.errors import is_passing
from api.jobs.reading import read_job
from api.problem import ApiError
from api.state import Services
from perdure.admission.admission import Admitted
from perdure.contract import name
from perdure.contract.execution import JobStart
from perdure.contract.identifier import job_id as job_id_of
from perdure.contract.spec import JobSpec
from perdure.projection.fold import apply, record, start
from perdure.projection.history import HistoryEvent
from perdure.projection.reader import describe
from perdure.projection.record import JobRecord
from perdure.security.principal import Principal
from perdure.store.ledger import get_entry, insert_if_absent
from perdure.store.session import StoreUnavailableError, transaction

_log = structlog.get_logger("perdure.api")

_RPC_TIMEOUT = timedelta(seconds=5)
_TRIES = 2
_LEDGER_SECONDS = 1.0
