"""The size that every byte limit counts: compact JSON in UTF-8."""

import json
from typing import Any


def json_bytes(value: Any) -> int:
    """Bytes of `value` as compact JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
