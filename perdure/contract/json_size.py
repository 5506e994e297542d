"""The size that every byte limit counts: compact JSON in UTF-8."""

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def json_bytes(value: Any) -> int:
    """Bytes of `value` as compact JSON in UTF-8, as payloads are written."""
    try:
        return len(to_json(value))
    except PydanticSerializationError:
        # A lone surrogate, which JSON may name and UTF-8 cannot hold.
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
