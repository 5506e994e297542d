"""Every setting of Perdure, typed, read from `PERDURE_*`; built only by entry points (api, worker, CLI)."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from perdure.contract.field_message import field_message
from perdure.contract.limit import KIB, JobLimits

MIB = 1024 * KIB
INLINE_BYTES = {"limit_output_bytes": 1024 * KIB, "limit_state_bytes": 1536 * KIB}
"""What the limits can be raised to while every payload is in Temporal, which refuses 2 MiB."""

_HOST = re.compile(r"""[^\s/"'*@\[\]]+|\[[0-9a-fA-F:.]+\](:[0-9]+)?""")
"""Not a URL, a pattern or a JSON list, which would be no host's name and so allow nothing without a word."""
TRACE_ID = "{trace_id}"
"""In PERDURE_TRACE_URL: where the trace's id belongs."""


class Settings(BaseSettings):
    """One frozen instance a process. A value that does not parse stops the process, naming the variable."""

    model_config = SettingsConfigDict(env_prefix="PERDURE_", frozen=True, extra="ignore")

    temporal_address: str = Field(
        "127.0.0.1:7233", description="host:port of the Temporal frontend; wins over TEMPORAL_ADDRESS and profiles."
    )
    temporal_namespace: str = Field(
        "default", description="Temporal namespace of the jobs; wins over TEMPORAL_NAMESPACE and profiles."
    )
    temporal_compression: bool = Field(
        False,
        description="Compress what goes to and from Temporal (gzip): less traffic, more CPU at both ends.",
    )
    temporal_ui_url: str | None = Field(None, description="Base URL of the Temporal Web UI, for links.")
    trace_url: str | None = Field(
        None,
        description="URL of a job's trace in your tracing UI, for links: `http://jaeger:16686/trace/{trace_id}`.",
    )

    database_url: SecretStr = Field(
        SecretStr("postgresql+asyncpg://perdure@127.0.0.1:5432/perdure"),
        description="SQLAlchemy URL of Postgres (driver asyncpg).",
    )
    database_password_file: Path | None = Field(
        None, description="File with the password of Postgres, for a PERDURE_DATABASE_URL that has none."
    )
    database_pool_size: int = Field(10, ge=1, le=200, description="Connections a process keeps at most.")

    api_host: str = Field("127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(8080, ge=0, le=65535, description="Port the API listens on.")
    api_key_pepper_file: Path | None = Field(
        None, description="File with the secret that API keys are hashed with (HMAC)."
    )
    bootstrap_admin_key_file: Path | None = Field(
        None, description="File with the first admin key; stored (hashed) when the API starts."
    )
    session_hours: float = Field(
        12.0, gt=0, le=720, description="How long somebody stays logged in to the dashboard (hours)."
    )
    body_limit_bytes: int = Field(1024 * 1024, ge=1024, description="Largest request body accepted.")
    batch_limit_bytes: int = Field(
        16 * 1024 * 1024,
        ge=1024,
        description="Largest body of `POST /v1/jobs/batch`; each spec in it has the limit above.",
    )
    body_timeout_seconds: float = Field(
        30.0, gt=0, description="How long a request body may take to arrive; then the connection is closed."
    )
    decision_timeout_seconds: float = Field(
        5.0, gt=0, description="How long the API waits for a worker to take a decision before it answers 504."
    )

    queues: Annotated[tuple[str, ...], NoDecode] = Field(
        ("default",), description="Queues this worker serves, separated by commas."
    )
    worker_health_host: str = Field(
        "127.0.0.1", description="Address of the worker's /livez, /readyz and /metrics; 0.0.0.0 in a container."
    )
    worker_health_port: int | None = Field(
        None, ge=0, le=65535, description="Port of the worker's /livez, /readyz and /metrics; unset: none."
    )
    worker_grace_seconds: float = Field(10.0, ge=0, description="How long running steps may finish after SIGTERM.")
    worker_max_concurrent_steps: int = Field(200, ge=1, description="Steps one worker runs at the same time.")
    deployment_name: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Worker deployment this worker belongs to, for Temporal's worker versioning; unset: unversioned.",
    )
    build_id: str | None = Field(
        None,
        validate_default=True,
        min_length=1,
        max_length=200,
        description="Version of this worker in PERDURE_DEPLOYMENT_NAME, such as a Git commit.",
    )
    workflow_sandbox: bool = Field(False, description="Run workflow code in the SDK's sandbox (one CI run does).")
    secrets_dir: Path | None = Field(
        None,
        description="Directory with one file a secret, for ${ secrets.NAME }; PERDURE_SECRET_<NAME> wins.",
    )
    http_allow_private: bool = Field(
        False, description="Let HTTP steps reach private, loopback and link-local addresses."
    )
    http_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts that HTTP steps may reach though their address is private, separated by commas.",
    )

    storage_dir: Path | None = Field(
        None,
        description="Directory for payloads too large for Temporal, the same for every API and worker; unset: none.",
    )
    storage_threshold_bytes: int = Field(
        128 * KIB,
        ge=4 * KIB,
        le=512 * KIB,
        description="Payloads of at least so many bytes go to PERDURE_STORAGE_DIR.",
    )
    limit_output_bytes: int = Field(
        256 * KIB, ge=KIB, le=16 * MIB, description="Largest output of a step; above 1 MiB needs PERDURE_STORAGE_DIR."
    )
    limit_state_bytes: int = Field(
        1536 * KIB,
        ge=KIB,
        le=32 * MIB,
        description="Spec, kept outputs and result of a job together; above 1.5 MiB needs PERDURE_STORAGE_DIR.",
    )

    projector_interval_ms: int = Field(100, ge=1, description="How long the projector gathers marks (ms).")
    sweep_interval_seconds: float = Field(1.0, gt=0, description="Pause between two sweeps of visibility.")
    live_observation_days: int = Field(
        90, ge=1, description="How long attempts that were only seen live are kept of a job that has ended (days)."
    )

    archive: bool = Field(
        True,
        description="Keep histories of closed jobs in Postgres before Temporal's retention ends (`on`, `off`).",
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="Form of log lines: `json`, `console` for people, `auto`: `console` on a terminal only."
    )
    metrics_interval_seconds: float = Field(
        10.0, gt=0, description="How often the worker counts open jobs, dead letters and backlogs for /metrics."
    )

    @field_validator("queues", "http_allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("http_allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if _HOST.fullmatch(host) is None:
                raise ValueError(f"{host} is no host: write 10.0.0.7, partner.internal:8443 or [fd00::1], with commas")
        return hosts

    @field_validator("build_id")
    @classmethod
    def _version_is_whole(cls, build_id: str | None, info: ValidationInfo) -> str | None:
        if "deployment_name" in info.data and (build_id is None) is not (info.data["deployment_name"] is None):
            raise ValueError("PERDURE_DEPLOYMENT_NAME and PERDURE_BUILD_ID are set together, or not at all")
        return build_id

    @field_validator("storage_dir")
    @classmethod
    def _storage_is_one_place(cls, directory: Path | None) -> Path | None:
        if directory is not None and not directory.is_absolute():
            raise ValueError(f"{directory} must be absolute: every process works in a directory of its own")
        return directory

    @field_validator("limit_output_bytes", "limit_state_bytes")
    @classmethod
    def _fits_into_temporal(cls, limit: int, info: ValidationInfo) -> int:
        inline = INLINE_BYTES[info.field_name or ""]
        if limit > inline and info.data.get("storage_dir") is None:
            raise ValueError(
                f"{limit} is above {inline}, the most that Temporal takes itself: "
                "set PERDURE_STORAGE_DIR too, or lower it"
            )
        return limit

    @property
    def limits(self) -> JobLimits:
        """What new jobs run under."""
        return JobLimits(
            output_bytes=self.limit_output_bytes,
            state_bytes=self.limit_state_bytes,
            external_bytes=None if self.storage_dir is None else self.storage_threshold_bytes,
        )

    @field_validator("trace_url")
    @classmethod
    def _trace_url_names_the_trace(cls, url: str | None) -> str | None:
        if url is not None and (TRACE_ID not in url or not url.startswith(("http://", "https://"))):
            raise ValueError(f"it must be an http(s) URL that holds {TRACE_ID} where the trace's id belongs")
        return url

    @field_validator("database_password_file")
    @classmethod
    def _password_can_be_read(cls, file: Path | None) -> Path | None:
        # Every entry point names the variable of a setting that does not parse; a file that cannot be used is one.
        if file is not None:
            try:
                holds_something = bool(file.read_text().strip())
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{file} cannot be read: {getattr(error, 'strerror', error)}") from error
            if not holds_something:
                raise ValueError(f"{file} is empty; it must hold the password and nothing else")
        return file


def setting_problems(error: ValidationError) -> str:
    """What is wrong with the environment, a line a variable: `PERDURE_API_PORT: ...`."""
    return "".join(
        f"PERDURE_{'_'.join(str(part) for part in problem['loc']).upper()}: {field_message([problem], hide=True)[1]}\n"
        for problem in error.errors(include_url=False)
    )
