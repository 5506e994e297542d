"""Typed HTTP client of the Perdure API, for programs and for the CLI: `PerdureClient`, `AsyncPerdureClient`.

with PerdureClient("http://127.0.0.1:8080", api_key=key) as perdure:
    job = perdure.submit(spec, idempotency_key="order-1042").job
    job = perdure.wait(job.id, timeout=60)
"""

from perdure.client.asynchronous import AsyncPerdureClient
from perdure.client.audit import AuditEntry, AuditPage
from perdure.client.bulk import BulkAction, BulkActionPage, BulkDryRun, BulkItem, BulkItemPage
from perdure.client.dead_letter import (
    DeadLetter,
    DeadLetterPage,
    Group,
    GroupPage,
    JobType,
    ParkedUnit,
    RetryingJob,
    RetryingPage,
)
from perdure.client.diagnosis import Diagnosis, JobDiagnosis
from perdure.client.error import (
    ClientError,
    ConflictError,
    InvalidError,
    NotAuthorisedError,
    NotFoundError,
    ProblemError,
    ProblemItem,
    StillOpenError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
    UnsendableError,
)
from perdure.client.key import Key, KeyPage, Me, NewKey
from perdure.client.synchronous import PerdureClient
from perdure.client.view import (
    Attempt,
    Batch,
    BatchItem,
    BatchProblem,
    Decision,
    DryRun,
    Error,
    Job,
    JobPage,
    JournalEntry,
    JournalPage,
    Step,
    Submission,
)

__all__ = [
    "AsyncPerdureClient",
    "Attempt",
    "AuditEntry",
    "AuditPage",
    "Batch",
    "BatchItem",
    "BatchProblem",
    "BulkAction",
    "BulkActionPage",
    "BulkDryRun",
    "BulkItem",
    "BulkItemPage",
    "ClientError",
    "ConflictError",
    "DeadLetter",
    "DeadLetterPage",
    "Decision",
    "Diagnosis",
    "DryRun",
    "Error",
    "Group",
    "GroupPage",
    "InvalidError",
    "Job",
    "JobDiagnosis",
    "JobPage",
    "JobType",
    "JournalEntry",
    "JournalPage",
    "Key",
    "KeyPage",
    "Me",
    "NewKey",
    "NotAuthorisedError",
    "NotFoundError",
    "ParkedUnit",
    "PerdureClient",
    "ProblemError",
    "ProblemItem",
    "RetryingJob",
    "RetryingPage",
    "Step",
    "StillOpenError",
    "Submission",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnreachableError",
    "UnsendableError",
]
