"""What the application holds while it runs, and how routes get at it; filled by the lifespan in `api.app`."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from api.audit.book import AuditBook
from api.jobs.entering import KeyEntries
from api.jobs.first_rows import FirstRows
from api.jobs.told import Told
from api.jobs.turn import Turns
from api.store import Store
from perdure.security.key_ring import KeyRing
from perdure.security.session import Sessions
from perdure.settings import Settings
from perdure.telemetry.trace.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Services:
    """The connections of one process, shared by all requests."""

    settings: Settings
    temporal: Client
    store: Store
    keys: KeyRing
    sessions: Sessions
    entries: KeyEntries
    first_rows: FirstRows
    audit: AuditBook
    tracing: Tracing = field(default_factory=Tracing)
    turns: Turns = field(default_factory=Turns)
    told: Told = field(default_factory=Told)


async def services(request: Request) -> Services:
    """The services of the application that serves this request."""
    found: Services = request.state.services
    return found


UseServices = Annotated[Services, Depends(services)]
