"""What the API, the `BulkAction` workflow and its activities tell each other; a bulk action's states."""

from enum import StrEnum

from perdure.contract.command import Actor, Reason
from perdure.contract.model import Message

BULK_WORKFLOW = "BulkAction"
BULK_TASK_QUEUE = "perdure:bulk"
"""No queue of jobs can be called so: bulk actions have slots of their own, and take none from jobs."""
BULK_WORKFLOW_PREFIX = "bulk-action/"
"""Of workflow ids: no job id begins so, for it has no colon."""
ACTIVITY_BULK_PAGE = "perdure.bulk_page"
ACTIVITY_BULK_CANARY = "perdure.bulk_canary"
ACTIVITY_BULK_FINISH = "perdure.bulk_finish"
SIGNAL_ABORT = "abort"


class BulkVerb(StrEnum):
    """What is decided about every job."""

    RETRY = "retry"
    SKIP = "skip"
    DISCARD = "discard"


class BulkStatus(StrEnum):
    """How far a bulk action is. STOPPED: its canary did not pass."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    ABORTED = "ABORTED"

    @property
    def final(self) -> bool:
        """Whether nothing more is sent."""
        return self not in (BulkStatus.QUEUED, BulkStatus.RUNNING)


class BulkItemStatus(StrEnum):
    """What became of one job. UNANSWERED: no worker answered; the decision may still take effect."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    UNANSWERED = "UNANSWERED"
    NOT_SENT = "NOT_SENT"


class BulkStart(Message):
    """Input of the workflow, and what it goes on with as new. `canary` jobs go first (0: none)."""

    id: str
    canary: int = 0
    canary_seconds: float = 300
    canary_passed: bool = False


class AbortCommand(Message):
    """Signal `abort`: send no more decisions."""

    actor: Actor | None = None
    reason: Reason | None = None


class BulkPage(Message):
    """Input of `perdure.bulk_page`: send the next decisions, of the first `before` jobs (None: of all).

    `rests`: the workflow itself waits until the rate allows more; else, as once, the activity does.
    """

    id: str
    before: int | None = None
    rests: bool = False


class BulkProgress(Message):
    """How many jobs of those asked for are still to come, and how long the rate has the next ones wait."""

    left: int
    rest_seconds: float = 0.0


class BulkCanary(Message):
    """Input of `perdure.bulk_canary`: see what becomes of the first `count` jobs, until `deadline` (RFC 3339).

    `seconds`: look no longer than that at a time; None, as once: until the end.
    """

    id: str
    count: int
    deadline: str
    seconds: float | None = None


class BulkVerdict(Message):
    """Why the rest must not be sent; None where nothing speaks against it, or as long as it is `undecided`."""

    problem: str | None = None
    undecided: bool = False


class BulkFinish(Message):
    """Input of `perdure.bulk_finish`: how it ended, and why."""

    id: str
    status: BulkStatus
    problem: str | None = None


def bulk_workflow_id(action_id: str) -> str:
    """The Temporal workflow id of a bulk action."""
    return BULK_WORKFLOW_PREFIX + action_id
