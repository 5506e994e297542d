"""The one Temporal client factory, used by the API, the worker and the projection.

Where it connects to: `PERDURE_TEMPORAL_*`, else Temporal's own variables and profiles (`TEMPORAL_*`), as its CLI and
SDKs read them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression, TLSConfig

from perdure.settings import Settings
from perdure.storage.converter import data_converter

_FILE = "TEMPORAL_CONFIG_FILE"
_CHOICES = (_FILE, "TEMPORAL_PROFILE")
"""Variables that say that a profile is wanted."""


class TemporalProfileError(ValueError):
    """Temporal's own variables or profile cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class TemporalTarget:
    """What is connected to. `source` says where the address is from; `tls` None leaves it to the SDK."""

    address: str
    namespace: str
    source: str
    api_key: str | None = field(default=None, repr=False)
    tls: TLSConfig | bool | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def secured(self) -> str:
        """How, in words: `TLS with a client certificate, API key`; empty where it is neither."""
        certificate = isinstance(self.tls, TLSConfig) and self.tls.client_cert is not None
        tls = f"TLS{' with a client certificate' if certificate else ''}" if self.tls else ""
        return ", ".join(filter(None, [tls, "API key" if self.api_key else ""]))


def temporal_target(settings: Settings, environ: Mapping[str, str] = os.environ) -> TemporalTarget:
    """Where the settings and Temporal's own configuration lead.

    An address that is set as PERDURE_TEMPORAL_ADDRESS wins. The profile file of the user's home directory is then not
    looked at, for its key and certificates are meant for another server; one that is chosen by TEMPORAL_PROFILE or
    TEMPORAL_CONFIG_FILE is, and so are all other TEMPORAL_* variables.

    Raises:
        TemporalProfileError: a profile, a file or a variable cannot be used.
    """
    own = {"temporal_address", "temporal_namespace"} & settings.model_fields_set
    chosen = any(environ.get(name) for name in _CHOICES)
    profile = _profile(environ, disable_file="temporal_address" in own and not chosen)
    address = None if "temporal_address" in own else profile.address
    namespace = None if "temporal_namespace" in own else profile.namespace
    return TemporalTarget(
        address=address or settings.temporal_address,
        namespace=namespace or settings.temporal_namespace,
        source=_source(environ) if address else _own_source(own),
        api_key=profile.api_key,
        tls=_tls(profile),
        metadata=profile.grpc_meta,
    )


async def connect(
    settings: Settings,
    *,
    identity: str | None = None,
    lazy: bool = False,
    runtime: Runtime | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Client:
    """A client of the configured Temporal server and namespace.

    Args:
        settings: address and namespace; see `temporal_target`.
        identity: the name this connection has in histories; default `pid@host`.
        lazy: connect at the first call instead of now, so that a server that is down is no error yet.
        runtime: the SDK's, where its metrics and logs are wanted.
        environ: where Temporal's own variables are.

    Raises:
        RuntimeError: the server cannot be reached (never when lazy).
        TemporalProfileError: as `temporal_target`.
        StorageUnavailableError: PERDURE_STORAGE_DIR cannot be used.
    """
    target = temporal_target(settings, environ)
    return await Client.connect(
        target.address,
        namespace=target.namespace,
        api_key=target.api_key,
        tls=target.tls,
        rpc_metadata=target.metadata,
        data_converter=data_converter(settings),
        identity=identity,
        lazy=lazy,
        runtime=runtime,
        grpc_compression=GrpcCompression.GZIP if settings.temporal_compression else GrpcCompression.NONE,
    )


def _profile(environ: Mapping[str, str], *, disable_file: bool) -> ClientConfigProfile:
    named = environ.get(_FILE)
    if named and not Path(named).exists():  # the SDK takes it for an empty one
        raise TemporalProfileError(f"{_FILE}: there is no file {named}")
    try:
        return ClientConfigProfile.load(disable_file=disable_file, override_env_vars=dict(environ))
    except RuntimeError as error:
        raise TemporalProfileError(f"Temporal's configuration (TEMPORAL_*): {error}") from error


def _tls(profile: ClientConfigProfile) -> TLSConfig | bool | None:
    if profile.tls is None:
        return None
    try:
        return profile.tls.to_connect_tls_config()
    except OSError as error:
        raise TemporalProfileError(f"Temporal's TLS files (TEMPORAL_TLS_*): {error}") from error


def _source(environ: Mapping[str, str]) -> str:
    if environ.get("TEMPORAL_ADDRESS"):
        return "TEMPORAL_ADDRESS"
    file = environ.get(_FILE, "the configuration file")
    return f"the profile {environ.get('TEMPORAL_PROFILE') or 'default'!r} of {file}"


def _own_source(own: set[str]) -> str:
    return "PERDURE_TEMPORAL_ADDRESS" if "temporal_address" in own else "the default"
