"""Numbers a JSON body may hold: those that mean the same to every reader; used by `strict_json`."""

import math
import re

from perdure.contract.limit import MAX_SAFE_INTEGER

_PARTS = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([-+]?[0-9]+))?", re.ASCII)
_ALWAYS_EXACT = 15
"""Decimal digits that every IEEE 754 double gives back as they were."""
_NEVER_MORE = 17
"""Significant digits that are enough to name any double; what programs print of one has no more."""
_LONGEST = 1_000


def whole(literal: str) -> int | None:
    """The integer, or None where it is beyond ±(2^53-1) and so not the same number to every reader."""
    if len(literal) > len(str(-MAX_SAFE_INTEGER)):
        return None
    value = int(literal)
    return value if abs(value) <= MAX_SAFE_INTEGER else None


def decimal(literal: str) -> float | None:
    """The number, or None where a double would be infinite or another number than the one written."""
    value = float(literal) if len(literal) <= _LONGEST else math.inf
    if not math.isfinite(value):
        return None
    digits, exponent = _scientific(literal)
    if value == 0:
        return value if not digits else None
    if len(digits) <= _ALWAYS_EXACT or _scientific(repr(value)) == (digits, exponent):
        return value
    return value if exponent < 0 and len(digits) <= _NEVER_MORE else None


def _scientific(literal: str) -> tuple[str, int]:
    """Significant digits and the power of ten of the last of them; ("", 0) for zero."""
    match = _PARTS.fullmatch(literal)
    if match is None:
        raise ValueError(f"not a JSON number: {literal[:40]}")
    whole_part, fraction, power = match[1], match[2] or "", match[3] or "0"
    digits = (whole_part + fraction).lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return "", 0
    return kept, int(power) - len(fraction) + len(digits) - len(kept)
