"""The fingerprint that tells whether two submissions are the same (contract 5); kept in memo and ledger."""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785


def fingerprint(document: Mapping[str, Any]) -> str:
    """SHA-256, as hex digits, of the body as sent in its RFC 8785 form, without `id`.

    No defaults are filled in, so that an upgrade changes nothing. `id` is left out because the same key may
    come in the Idempotency-Key header instead (docs/decisions/0004-idempotency-by-workflow-id.md).
    """
    sent = {name: value for name, value in document.items() if name != "id"}
    return hashlib.sha256(rfc8785.dumps(sent)).hexdigest()
