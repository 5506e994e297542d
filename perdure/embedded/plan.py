"""Settles all about a stack before its first process: ports, secrets, identity, services; for the stack."""

import os
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.application import Application, api_service, migration, worker_service
from perdure.embedded.binary import find_binaries
from perdure.embedded.child import Launch
from perdure.embedded.config import StackConfig, application_root
from perdure.embedded.data_dir import DataDir
from perdure.embedded.environment import application_environment, base_environment
from perdure.embedded.info import Pids, StackInfo
from perdure.embedded.port import LOOPBACK, PortWish, settle_ports
from perdure.embedded.postgres import Postgres
from perdure.embedded.postgres_place import choose_place
from perdure.embedded.secret import keep_secrets
from perdure.embedded.temporal import Temporal


@dataclass(frozen=True, slots=True)
class Plan:
    """The services of one stack on its data directory."""

    postgres: Postgres
    temporal: Temporal
    migration: Launch
    worker: Application
    api: Application
    api_url: str
    worker_url: str
    admin_key_file: Path

    def info(self, pids: Pids) -> StackInfo:
        return StackInfo(
            api_url=self.api_url,
            dashboard_url=f"{self.api_url}/dashboard/",
            worker_url=self.worker_url,
            temporal_address=self.temporal.address,
            temporal_ui_url=self.temporal.ui_url,
            database_url=self.postgres.url,
            admin_api_key_file=str(self.admin_key_file),
            pids=pids,
        )


def make_plan(config: StackConfig, data: DataDir) -> Plan:
    """Raises StackError: a taken port, a missing part, no way to run Postgres. May block for 0.5 s."""
    root = application_root()
    binaries = find_binaries()
    api_port, temporal_port, ui_port, worker_port = settle_ports(
        (
            PortWish("API", "--api-port", config.api_port),
            PortWish("Temporal", "--temporal-port", config.temporal_port),
            PortWish("Temporal Web UI", "--ui-port", config.ui_port),
            PortWish("worker health", "", 0),
        )
    )
    secrets = keep_secrets(data.secret)
    base = base_environment(os.environ, data.path)
    postgres = Postgres(
        data_dir=data.path,
        place=choose_place(data.postgres, binaries),
        version=binaries.postgres_version,
        password=secrets.database_password,
        environment=base,
        log=data.log / "postgres.log",
    )
    temporal_log = data.log / "temporal.log"
    temporal = Temporal(binaries.temporal, data.temporal, temporal_port, ui_port, base, temporal_log)
    environment = application_environment(
        base,
        config,
        root,
        secrets,
        database_url=postgres.url,
        api_port=api_port,
        temporal_port=temporal_port,
        ui_port=ui_port,
        worker_health_port=worker_port,
    )
    api_url, worker_url = f"http://{LOOPBACK}:{api_port}", f"http://{LOOPBACK}:{worker_port}"
    return Plan(
        postgres=postgres,
        temporal=temporal,
        migration=migration(config.migrate, environment, data.log / "migrate.log"),
        worker=worker_service(config.worker, worker_url, environment, data.log / "worker.log"),
        api=api_service(config.api, api_url, environment, data.log / "api.log"),
        api_url=api_url,
        worker_url=worker_url,
        admin_key_file=secrets.admin_key_file,
    )
