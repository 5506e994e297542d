"""The W3C trace context of a job, as pure functions: used by the API, the workflow, the fold and the tracing.

A job's trace is fixed at its submission: its memo holds a `traceparent`. The span of the job itself is exported
only when the job has ended, but its id is known from the start, because it follows from trace and job: so
attempts, children and decisions can name it as their parent long before.
"""

import hashlib
import re
from typing import NamedTuple

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.{0,200})?", re.ASCII)
_SAMPLED = 0x01
_SPAN_DIGITS = 16


class TraceContext(NamedTuple):
    """A place in a trace: ids in lower-case hex (32 and 16 digits), and whether the trace was chosen to be kept."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """As the W3C header, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def read_traceparent(text: str | None) -> TraceContext | None:
    """The context that a `traceparent` names; None where there is none, or it is none."""
    found = _FORM.fullmatch(text or "")
    # Only versions after 00 may have more behind.
    if found is None or (found[1] == "00" and found[5]) or not found[2].strip("0") or not found[3].strip("0"):
        return None
    return TraceContext(found[2], found[3], bool(int(found[4], 16) & _SAMPLED))


def job_span_id(trace_id: str, job_id: str) -> str:
    """The id of the job's own span: 16 hex digits, the same in every process and on every replay."""
    digits = hashlib.sha256(f"{trace_id}/{job_id}".encode()).hexdigest()[:_SPAN_DIGITS]
    return digits if digits.strip("0") else "1".rjust(_SPAN_DIGITS, "0")


def job_context(traceparent: str | None, job_id: str) -> TraceContext | None:
    """The context of the job's own span, for what happens within the job that was submitted with `traceparent`."""
    submitted = read_traceparent(traceparent)
    if submitted is None:
        return None
    return submitted._replace(span_id=job_span_id(submitted.trace_id, job_id))


def child_traceparent(traceparent: str, parent_job_id: str) -> str:
    """What a child job is submitted with: the trace of its parent, under the span of the parent's job.

    A text that is no traceparent is handed on as it is.
    """
    context = job_context(traceparent, parent_job_id)
    return traceparent if context is None else context.traceparent
