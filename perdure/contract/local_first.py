"""Steps that are tried once within the workflow task before they go to a task queue (architecture 4.4, decision 0025).

The workflow asks the activity `perdure.local` for a batch of such tries, the wrapper makes them, the fold reads the
marker that tells of them.
"""

from typing import Any

from pydantic import Field

from perdure.contract.ledger import AttemptRecord
from perdure.contract.limit import KIB
from perdure.contract.model import Message
from perdure.contract.step_call import StepInput

LOCAL_OUTPUT_BYTES = {"LOG": 1 * KIB, "COMPUTE": 32 * KIB}
"""The step types that are cheap and pure, and what their output may take up in the workflow task.

Past it the step runs as a regular activity, with the regular limit.
"""

LOCAL_SECONDS = 1.0
"""A local try is given up after this, and a batch begins none later: signals and updates of the job wait behind it."""

LOCAL_BATCH_SECONDS = 5.0
"""A batch of which nothing was heard for so long is given up as a whole."""

LOCAL_INPUT_BYTES = 512 * KIB
"""What the input of a batch may take up, roughly; one try alone may have more."""

LOCAL_CALL_BYTES = 1280
"""What one try takes of that beside its parameters."""

LOCAL_RESULT_BYTES = 1024 * KIB
"""A batch makes no further try once it has so much to tell: Temporal takes 2 MiB."""

BATCH_TRIES = 1_000
"""Tries in one workflow task at most, as long as the batches together take no longer than `LOCAL_SECONDS`."""

LOCAL_BATCH = 40
"""Where each try is a local activity (jobs begun before batches): so many at the same time in one job."""

LOCAL_TRIES = 250
"""Likewise: in one workflow task at most. One that its worker does not finish in 10 s is done again as a whole."""

NOT_COUNTED = frozenset({"STEP.TIMEOUT", "STEP.OUTPUT_TOO_LARGE"})
"""Failures of a local try that are due to its being local: the step then runs as if it had not been."""


class LocalCall(Message):
    """One try that is wanted. `id` names the unit and its round, as an activity id does (`fetch.7.r2`)."""

    id: str
    call: StepInput
    after: list[str] = Field(default_factory=list)
    """Tries earlier in the batch: unless all of them completed this one is not made."""


class LocalBatch(Message):
    """Input of `perdure.local`: tries to be made one after the other."""

    tries: list[LocalCall]


class LocalTry(Message):
    """One try that was made: how it went, and what it gave where it completed."""

    id: str
    record: AttemptRecord
    output: Any = None
    final: bool = False
    """Whether the worker rules another attempt out."""


class LocalResult(Message):
    """Result of `perdure.local`: the tries that were made, in order. What is not here was not begun."""

    tries: list[LocalTry]
    took_ms: int = 0
    cut_short: bool = False
    """Whether time or room was up before the end."""
