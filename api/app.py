"""The application and all its wiring: `create_app` is the composition root of the API."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypedDict

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

import perdure
from api import metrics
from api.audit import routes as audit_routes
from api.audit.book import AuditBook
from api.audit.writer import AuditWriter
from api.bulk_actions import routes as bulk_actions
from api.bulk_actions.schemas import AbortRequest, BulkActionRequest, BulkDryRunView
from api.dashboard import routes as dashboard
from api.dead_letters import operation as dead_letter_operation
from api.dead_letters import read_routes as parked
from api.dead_letters import routes as dead_letters
from api.errors import add_error_handlers
from api.health import routes as health
from api.jobs import decision_operation, decision_routes, diagnosis_routes, item_routes
from api.jobs import routes as jobs
from api.jobs.batch import BatchRequest
from api.jobs.entering import KeyEntries
from api.jobs.first_rows import FirstRows
from api.jobs.schemas import DryRunView
from api.keys import routes as keys
from api.keys.schemas import KeyRequest, RevokeRequest, RotateRequest
from api.middleware import ContextMiddleware
from api.openapi import document
from api.problem import ProblemBody
from api.projection import routes as projection
from api.projection.schemas import ProjectionRequest
from api.reference import routes as reference
from api.request_log import RequestLogMiddleware
from api.retrying import operation as retrying_operation
from api.retrying import routes as retrying
from api.session import routes as session
from api.session.schemas import SessionRequest
from api.state import Services
from api.store import Store
from perdure.contract.spec import JobSpec
from perdure.security.bootstrap import keep_admin_key
from perdure.security.key import PresentedKey
from perdure.security.key_ring import KeyRing
from perdure.security.session import Sessions
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.telemetry.metric.audit import AuditMetrics
from perdure.telemetry.metric.pool import PoolMetrics
from perdure.telemetry.metric.registry import ProcessMetrics
from perdure.telemetry.metric.request import RequestMetrics
from perdure.telemetry.trace.tracing import Tracing
from perdure.temporal import connect

_DESCRIPTION = """Durable jobs over HTTP. Submit a job as JSON; it runs as one Temporal workflow, survives the death of
any process, and every step it takes is on record. Every route under `/v1` needs an API key."""
_TAGS = [
    {"name": "jobs", "description": "Submit and read jobs."},
    {"name": "decisions", "description": "Stop, pause, retry, deliver to or approve a job; do a closed one again."},
    {"name": "dead letters", "description": "Bring a parked job home, or give it up."},
    {"name": "keys", "description": "Whose key this is, sessions of browsers; for admins, the keys there are."},
    {"name": "audit", "description": "What was done or refused at the API itself, by whom and why."},
    {"name": "projection", "description": "Whether the tables are as Temporal's histories have them; for admins."},
    {"name": "health", "description": "Probes; they need no key."},
]
_MODELS = (
    JobSpec,
    BatchRequest,
    *decision_operation.MODELS,
    *dead_letter_operation.MODELS,
    *retrying_operation.MODELS,
    BulkActionRequest,
    AbortRequest,
    BulkDryRunView,
    DryRunView,
    KeyRequest,
    RotateRequest,
    RevokeRequest,
    ProjectionRequest,
    SessionRequest,
    ProblemBody,
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the API reads from files at start: the pepper of the keys, and the first admin key if there is one."""

    pepper: bytes
    admin_key: PresentedKey | None


class State(TypedDict):
    """What the lifespan hands to every request."""

    services: Services


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[State]]


def create_app(
    settings: Settings, secrets: Secrets, process: ProcessMetrics | None = None, tracing: Tracing | None = None
) -> FastAPI:
    """The application. It starts and serves also while Temporal or Postgres is away, saying so.

    `process`: the metrics of the process it runs in; without, it has its own and none of Temporal's SDK.
    `tracing`: told of requests and decisions.
    """
    process = process or ProcessMetrics()
    tracing = tracing or Tracing()
    app = FastAPI(
        title="Perdure",
        version=perdure.__version__,
        summary="A durable job engine on Temporal.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=_lifespan(settings, secrets, process, tracing),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(ContextMiddleware, tracing=tracing)
    app.add_middleware(RequestLogMiddleware, metrics=RequestMetrics(process.registry))
    add_error_handlers(app)
    for part in (
        jobs,
        item_routes,
        diagnosis_routes,
        decision_routes,
        parked,
        dead_letters,
        bulk_actions,
        retrying,
        projection,
        audit_routes,
        keys,
        session,
        health,
        metrics,
        reference,
        dashboard,
    ):
        app.include_router(part.router)
    app.include_router(retrying.decisions)
    app.state.metrics = process
    app.state.openapi_document = document(app, _MODELS)
    return app


def _lifespan(settings: Settings, secrets: Secrets, process: ProcessMetrics, tracing: Tracing) -> Lifespan:
    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[State]:
        engine = create_engine(settings)
        PoolMetrics(process.registry, engine)
        temporal = await connect(settings, identity="perdure-api", lazy=True, runtime=process.runtime)
        # A profile of Temporal's own may name another namespace than the setting does.
        here = settings.model_copy(update={"temporal_namespace": temporal.namespace})
        store, keys = Store(engine, settings.database_pool_size), KeyRing(engine, secrets.pepper)
        audit = AuditBook(AuditWriter(store, AuditMetrics(process.registry)))
        sessions = Sessions(secrets.pepper, settings.session_hours)
        found = Services(here, temporal, store, keys, sessions, KeyEntries(store), FirstRows(store), audit, tracing)
        bootstrap = asyncio.create_task(_keep_admin_key(engine, secrets))
        try:
            yield {"services": found}
        finally:
            bootstrap.cancel()
            with suppress(asyncio.CancelledError):
                await bootstrap
            await found.entries.close()
            await found.first_rows.close()
            await audit.close()
            await engine.dispose()

    return run


async def _keep_admin_key(engine: AsyncEngine, secrets: Secrets) -> None:
    if secrets.admin_key is not None:
        await keep_admin_key(engine, secrets.pepper, secrets.admin_key)
