"""The bounds of contract section 14; admission, the workflow and the wrapper enforce the same numbers."""

from pydantic import Field

from perdure.contract.model import Model

MAX_DEPTH = 64
MAX_STEPS = 500
MAX_LABELS = 32
MAX_DEPENDENTS = 50
MAX_CATCHES = 20
MAX_ITEMS = 10_000
"""Items of all fan-outs of a job together."""
MAX_IN_FLIGHT = 500
MAX_PAYLOAD_BYTES = 2_000_000
"""Temporal refuses a payload over 2 MiB, and the workflow task that sends it, for ever."""
MAX_CARRIED_ERRORS = 200
"""Errors of items that differ: the rest are carried by their code alone."""
MAX_DELIVERIES = 100
"""Deliveries a job keeps for `WAIT` steps that have not begun to wait."""
MAX_NESTING = 5
MAX_ATTEMPTS = 1_000
MAX_WORKFLOW_ID = 255
MAX_SAFE_INTEGER = 2**53 - 1

KIB = 1024
REFERENCE_BYTES = 1 * KIB
"""At most what stands in a history instead of a payload in external storage."""


class JobLimits(Model):
    """Bounds a job runs under. They travel with the job, so a changed setting never breaks a replay.

    All sizes are bytes of compact JSON in UTF-8.
    """

    output_bytes: int = Field(256 * KIB, description="Output of one step.")
    input_bytes: int = Field(1024 * KIB, description="Resolved parameters of one step.")
    state_bytes: int = Field(1536 * KIB, description="Spec, kept outputs and result of a job together.")
    task_bytes: int = Field(1536 * KIB, description="What one workflow task may send to the server.")
    in_flight: int = Field(MAX_IN_FLIGHT, description="Operations of a job open at the same time.")
    items: int = Field(MAX_ITEMS, description="Items of all fan-outs of a job together.")
    external_bytes: int | None = Field(None, description="Payloads from this size on are in external storage.")

    def sent_bytes(self, size: int) -> int:
        """What a payload with a value of `size` bytes adds to a message to the server."""
        if self.external_bytes is None or size < self.external_bytes:
            return size
        return REFERENCE_BYTES
