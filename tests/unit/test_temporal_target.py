"""Where Temporal is looked for: Perdure's own settings first, then Temporal's variables and profiles."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.service import GrpcCompression, TLSConfig

from perdure.settings import Settings
from perdure.temporal import TemporalProfileError, TemporalTarget, connect, temporal_target
from tests.server.stack import ROOT, environment

PROFILES = """
[profile.default]
address = "one.example:7233"
namespace = "first"

[profile.cloud]
address = "two.example:7233"
namespace = "second"
api_key = "k-cloud"

[profile.cloud.grpc_meta]
tier = "gold"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "temporal.toml"
    path.write_text(PROFILES)
    return str(path)


def target(own: dict[str, str] | None = None, **environ: str) -> TemporalTarget:
    return temporal_target(Settings(**(own or {})), environ)  # type: ignore[arg-type]


def where(found: TemporalTarget) -> tuple[str, str, str]:
    return found.address, found.namespace, found.source


def test_without_anything_it_is_the_default() -> None:
    assert where(target()) == ("127.0.0.1:7233", "default", "the default")
    assert (target().tls, target().api_key, target().secured) == (None, None, "")


def test_temporals_own_variables_are_honoured() -> None:
    found = target(TEMPORAL_ADDRESS="t.example:1", TEMPORAL_NAMESPACE="n", TEMPORAL_API_KEY="k", TEMPORAL_TLS="true")
    assert where(found) == ("t.example:1", "n", "TEMPORAL_ADDRESS")
    assert (found.api_key, found.secured) == ("k", "TLS, API key")
    assert "'k'" not in repr(found)


def test_a_profile_is_read_from_its_file(file: str) -> None:
    found = target(TEMPORAL_CONFIG_FILE=file)
    assert where(found) == ("one.example:7233", "first", f"the profile 'default' of {file}")
    chosen = target(TEMPORAL_CONFIG_FILE=file, TEMPORAL_PROFILE="cloud")
    assert where(chosen) == ("two.example:7233", "second", f"the profile 'cloud' of {file}")
    assert (chosen.api_key, dict(chosen.metadata)) == ("k-cloud", {"tier": "gold"})


def test_perdures_own_address_and_namespace_win_over_both(file: str) -> None:
    own = {"temporal_address": "mine.example:9", "temporal_namespace": "mine"}
    environ = {"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "t.example:1", "TEMPORAL_NAMESPACE": "n"}
    assert where(target(own, **environ)) == ("mine.example:9", "mine", "PERDURE_TEMPORAL_ADDRESS")
    assert where(target({"temporal_namespace": "mine"}, **environ)) == ("t.example:1", "mine", "TEMPORAL_ADDRESS")


def test_a_chosen_profile_gives_keys_to_perdures_own_address(file: str) -> None:
    own = {"temporal_address": "mine.example:9"}
    found = target(own, TEMPORAL_CONFIG_FILE=file, TEMPORAL_PROFILE="cloud")
    assert (found.address, found.namespace, found.api_key) == ("mine.example:9", "second", "k-cloud")


def test_certificates_are_read_from_files_and_from_variables(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("certificate")
    (tmp_path / "client.key").write_text("private")
    found = target(
        {"temporal_address": "mine.example:9"},
        TEMPORAL_TLS_CLIENT_CERT_PATH=str(tmp_path / "client.pem"),
        TEMPORAL_TLS_CLIENT_KEY_PATH=str(tmp_path / "client.key"),
        TEMPORAL_TLS_SERVER_CA_CERT_DATA="authority",
        TEMPORAL_TLS_SERVER_NAME="inner.example",
    )
    assert isinstance(found.tls, TLSConfig)
    assert (found.tls.client_cert, found.tls.client_private_key) == (b"certificate", b"private")
    assert (found.tls.server_root_ca_cert, found.tls.domain) == (b"authority", "inner.example")
    assert found.secured == "TLS with a client certificate"


def test_tls_can_be_switched_off() -> None:
    found = target(TEMPORAL_TLS="false", TEMPORAL_API_KEY="k")
    assert (found.tls, found.secured) == (False, "API key")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"TEMPORAL_CONFIG_FILE": "/nowhere.toml"}, "TEMPORAL_CONFIG_FILE: there is no file /nowhere.toml"),
        ({"TEMPORAL_PROFILE": "nope"}, "nope"),
        ({"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/nowhere.pem"}, "/nowhere.pem"),
        (
            {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/a.pem", "TEMPORAL_TLS_SERVER_CA_CERT_DATA": "x"},
            "TEMPORAL_TLS_SERVER_CA_CERT_DATA",
        ),
    ],
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(TemporalProfileError, match=named):
        temporal_target(Settings(), environ)


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("garbage = = ")
    with pytest.raises(TemporalProfileError, match="line 1"):
        target(TEMPORAL_CONFIG_FILE=str(tmp_path / "t.toml"))


PRINT = "from perdure.settings import Settings as S; from perdure.temporal import temporal_target as t; print(t(S()))"


def test_the_home_directorys_own_profile_is_for_no_other_address(tmp_path: Path, file: str) -> None:
    """Its API key and certificates belong to another server."""
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    (tmp_path / "temporalio").mkdir()
    Path(file).rename(tmp_path / "temporalio" / "temporal.toml")
    assert "one.example:7233" in _printed(home)
    other = _printed({**home, "PERDURE_TEMPORAL_ADDRESS": "mine.example:9"})
    assert "mine.example:9" in other
    assert "'default'" in other, "not the profile's namespace"


def _printed(variables: dict[str, str]) -> str:
    env = environment(**variables)
    done = subprocess.run([sys.executable, "-c", PRINT], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("module", ["worker", "api"])
def test_a_profile_that_is_not_there_ends_the_process(module: str, tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("p" * 40)
    env = environment(PERDURE_API_KEY_PEPPER_FILE=str(tmp_path / "pepper"), TEMPORAL_PROFILE="nope", HOME=os.devnull)
    done = subprocess.run(
        [sys.executable, "-m", module], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "nope" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("wanted", "used"), [(None, GrpcCompression.NONE), (True, GrpcCompression.GZIP)])
async def test_calls_are_compressed_only_where_that_is_wanted(wanted: bool | None, used: GrpcCompression) -> None:
    settings = Settings() if wanted is None else Settings(temporal_compression=wanted)
    client = await connect(settings, lazy=True, environ={})
    assert client.service_client.config.grpc_compression is used
