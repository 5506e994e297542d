"""A spec that is refused now, but was not when the same key brought it before; called by the routes that submit.

The same key and spec have the same answer for ever (contract 5), whatever a later version, or a changed limit, refuses.
"""

import asyncio
from typing import Any

from api.jobs.reading import read_job
from api.jobs.submission import Submitted
from api.problem import ApiError
from api.state import Services
from perdure.admission.fingerprint import fingerprint
from perdure.contract.identifier import KEY
from perdure.contract.identifier import job_id as job_id_of
from perdure.security.principal import Principal
from perdure.store.ledger import get_entry
from perdure.store.session import StoreUnavailableError


async def sent_before(found: Services, principal: Principal, document: Any, header: str | None) -> Submitted | None:
    """The job that this very spec started under this key; None where there is none, or nobody knows now."""
    key = header if header is not None else document.get("id") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(key, str) or KEY.fullmatch(key) is None:
        return None
    job_id = job_id_of(principal.home, key)
    try:
        async with found.store.transaction() as connection:
            entry = await get_entry(connection, job_id)
        if entry is None or entry.fingerprint != await asyncio.to_thread(fingerprint, document):
            return None
        return Submitted(await read_job(found, principal, job_id), replayed=True)
    except (StoreUnavailableError, ApiError):
        return None
