"""What the doctor makes of what it was told: versions, retention, attributes, migrations, clocks, keys."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType

from perdure.doctor import postgres
from perdure.doctor.clock import deviation, examine_clock
from perdure.doctor.finding import Finding, Level, Report, ok, problem, warning
from perdure.doctor.key import judge_key
from perdure.doctor.namespace import ATTRIBUTES, judge_attributes, judge_retention
from perdure.doctor.temporal import judge_server
from perdure.doctor.version import examine_versions, parse_version
from perdure.embedded.temporal import SEARCH_ATTRIBUTES
from perdure.store import migrate
from perdure.store.key import ApiKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEYWORD = int(IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
TEXT = int(IndexedValueType.INDEXED_VALUE_TYPE_TEXT)
SCRIPTS = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))


def test_only_problems_make_a_report_unhealthy() -> None:
    assert Report(findings=(ok("a", "x"), warning("b", "y", "mend it"))).healthy
    assert not Report(findings=(ok("a", "x"), problem("b", "y", "mend it"))).healthy


def test_a_finding_is_one_line() -> None:
    assert problem("a", "first\n  second", "z").what == "first second"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1.32.0", (1, 32, 0)), ("v1.28.0-rc.1", (1, 28, 0)), ("17", (17,)), ("", ()), ("unknown", ())],
)
def test_versions_are_read_by_their_leading_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_version(text) == numbers


def test_this_environment_is_one_that_perdure_runs_in() -> None:
    assert [finding.level for finding in examine_versions()] == [Level.OK, Level.OK]


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("1.32.0", Level.OK),
        ("1.28.0", Level.OK),
        ("1.27.9", Level.WARNING),
        ("1.24.2", Level.PROBLEM),
        ("0.9", Level.PROBLEM),
        ("2.0.0", Level.OK),
        ("", Level.WARNING),
    ],
)
def test_temporal_servers_too_old_are_told(version: str, level: Level) -> None:
    judged(judge_server(version, "here:7233"), level)


@pytest.mark.parametrize(
    ("number", "level"), [(180001, Level.OK), (140000, Level.OK), (130022, Level.PROBLEM), (90624, Level.PROBLEM)]
)
def test_postgres_older_than_14_is_a_problem(number: int, level: Level) -> None:
    judged(postgres.judge_version(number), level)


@pytest.mark.parametrize(("days", "level"), [(30, Level.OK), (7, Level.OK), (6.9, Level.WARNING), (1, Level.WARNING)])
def test_a_short_retention_is_a_warning_with_the_command_that_raises_it(days: float, level: Level) -> None:
    kept = Duration()
    kept.FromTimedelta(timedelta(days=days))
    finding = judged(judge_retention("jobs", kept), level)
    if level is not Level.OK:
        assert "namespace update --namespace jobs --retention 30d" in str(finding.remedy)


def test_the_doctor_asks_for_the_search_attributes_the_stack_registers() -> None:
    assert set(ATTRIBUTES) == set(SEARCH_ATTRIBUTES)


def test_missing_and_mistyped_search_attributes_are_told_apart() -> None:
    registered = dict.fromkeys(ATTRIBUTES, KEYWORD) | {"Other": TEXT}
    assert [finding.level for finding in judge_attributes(registered, "jobs")] == [Level.OK]
    del registered["PerdureTenant"]
    registered["PerdureType"] = TEXT
    missing, mistyped = judge_attributes(registered, "jobs")
    assert "PerdureTenant" in missing.what
    assert "--namespace jobs --name PerdureTenant --type Keyword" in str(missing.remedy)
    assert mistyped.what.endswith("PerdureType")
    assert {missing.level, mistyped.level} == {Level.PROBLEM}


def test_migrations_are_at_the_newest_behind_absent_or_ahead() -> None:
    newest = SCRIPTS.get_current_head()
    judged(postgres.judge_migrations(newest, SCRIPTS), Level.OK)
    absent = judged(postgres.judge_migrations(None, SCRIPTS), Level.PROBLEM)
    assert "python -m perdure.store.migrate" in str(absent.remedy)
    ahead = judged(postgres.judge_migrations("9999", SCRIPTS), Level.PROBLEM)
    assert "newer one" in ahead.what
    assert "Upgrade Perdure" in str(ahead.remedy)


def test_an_older_revision_asks_for_the_migration(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    for revision, before in (("1", "None"), ("2", "'1'")):
        (versions / f"r{revision}.py").write_text(f"revision = '{revision}'\ndown_revision = {before}\n")
    finding = judged(postgres.judge_migrations("1", ScriptDirectory(str(tmp_path))), Level.PROBLEM)
    assert finding.what == "at 1, but this Perdure needs 2"


@pytest.mark.parametrize(
    ("seconds", "deviates", "level"),
    [
        (0.0, 0.0, Level.OK),
        (0.5, 0.0, Level.OK),
        (1.5, 1.0, Level.OK),
        (2.0, 1.5, Level.WARNING),
        (3.0, 2.5, Level.PROBLEM),
        (-0.9, -0.9, Level.OK),
        (-1.5, -1.5, Level.WARNING),
        (-3600.0, -3600.0, Level.PROBLEM),
    ],
)
def test_a_clock_counts_as_wrong_only_by_what_the_time_of_asking_cannot_explain(
    seconds: float, deviates: float, level: Level
) -> None:
    theirs, after = NOW + timedelta(seconds=seconds), NOW + timedelta(seconds=0.5)
    assert deviation(NOW, theirs, after) == pytest.approx(deviates)
    finding = judged(examine_clock("Postgres", NOW, theirs, after), level)
    if level is not Level.OK:
        assert ("ahead of" if seconds > 0 else "behind") in finding.what


def test_a_key_tells_role_tenant_and_end_and_a_dead_one_is_a_problem() -> None:
    living = ApiKey("abcd", "acme", "ops", "operator", "", NOW, expires_at=NOW + timedelta(days=1))
    assert judged(judge_key(living, NOW), Level.OK).what == (
        "pdr_abcd_… (ops): role operator, tenant acme, until 2026-11-23 12:00:00Z"
    )
    assert "every tenant" in judge_key(ApiKey("abcd", "*", "root", "admin", "", NOW), NOW).what
    assert "expired" in judged(judge_key(living, NOW + timedelta(days=1)), Level.PROBLEM).what
    revoked = ApiKey("abcd", "*", "root", "admin", "", NOW, revoked_at=NOW)
    assert "revoked" in judged(judge_key(revoked, NOW), Level.PROBLEM).what


def judged(finding: Finding, level: Level) -> Finding:
    """What is not ok has a remedy of one line; what is ok has none."""
    assert finding.level is level
    assert (finding.remedy is None) is (level is Level.OK)
    assert "\n" not in f"{finding.what}{finding.remedy}"
    return finding
