"""What an evaluation may take in this process, estimated before it starts, and the budget of one template.

The binding cannot be interrupted and holds the GIL: a long evaluation would stop every step of the worker. The
figures are measured (docs/decisions/0006-cel-for-expressions.md); they count work, not time, so that every
process refuses the same expressions.
"""

from perdure.expressions.analysis import Analysis
from perdure.expressions.error import ExpressionError
from perdure.expressions.limit import (
    EXPRESSION_WORK,
    LEAST_LENGTH,
    RESULT_BYTES,
    TEMPLATE_LENGTH,
    TEMPLATE_WORK,
)

# Nanoseconds: to convert a byte, compare it, read it, copy it, and match it with one instruction.
_CONVERT, _COMPARE, _SCAN, _COPY, _MATCH = 60, 20, 4, 8, 4
# A pattern is compiled at every evaluation: as if each of its instructions met so many bytes more.
_COMPILE_BYTES = 1_000


def estimate_work(analysis: Analysis, data_bytes: int) -> int:
    """Nanoseconds that evaluating it with so much data may take, loops not counted."""
    per_byte = _CONVERT + _COMPARE * analysis.compared + _SCAN * analysis.scanned + _COPY * analysis.joined
    return per_byte * data_bytes + _MATCH * analysis.matched * (data_bytes + _COMPILE_BYTES)


def counted_length(text: str) -> int:
    """What an expression counts in TEMPLATE_LENGTH."""
    return max(len(text), LEAST_LENGTH)


class Budget:
    """What one template value may still use. Every method raises ExpressionError when that is spent."""

    def __init__(self) -> None:
        self._length = TEMPLATE_LENGTH
        self._work = TEMPLATE_WORK
        self._bytes = RESULT_BYTES

    def take_expression(self, text: str) -> None:
        """One more expression."""
        self._length -= counted_length(text)
        if self._length < 0:
            most = f"{TEMPLATE_LENGTH:,} characters of expressions"
            raise ExpressionError(f"more than {most} in one value, where each counts {LEAST_LENGTH} at least")

    def take_work(self, nanoseconds: int) -> None:
        """One evaluation, by its estimate."""
        self._work -= nanoseconds
        if nanoseconds > EXPRESSION_WORK or self._work < 0:
            raise ExpressionError(
                "too much work outside a COMPUTE step: use a smaller part of the data, or a COMPUTE step"
            )

    def take_bytes(self, size: int) -> None:
        """A resolved value."""
        self._bytes -= size
        if self._bytes < 0:
            raise ExpressionError(f"the resolved value is larger than {RESULT_BYTES:,} bytes")
