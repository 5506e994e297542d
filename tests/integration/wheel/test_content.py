"""What the wheel and the source distribution hold: one import name, the application as data, nothing stray."""

import shutil
import tarfile
import zipfile
from pathlib import Path

from tests.integration.wheel.conftest import ROOT, build

APPLICATION = ("api", "worker", "workflows", "activities")
DASHBOARD = {".css", ".html", ".js", ".svg"}


def sources(folder: str, suffix: str = ".py") -> set[str]:
    """The checkout's files below `folder`, relative to the root."""
    return {str(file.relative_to(ROOT)) for file in (ROOT / folder).rglob(f"*{suffix}")}


def test_perdure_is_the_only_import_name(content: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in content.namelist() if ".dist-info/" not in name}
    assert tops == {"perdure"}


def test_the_application_and_the_examples_ride_along_whole(content: zipfile.ZipFile) -> None:
    names = set(content.namelist())
    wanted = set().union(*(sources(folder) for folder in APPLICATION), sources("examples", ".json"))
    assert {f"perdure/_application/{name}" for name in wanted} <= names
    assert sources("perdure") <= names
    assert "perdure/store/migrations/versions/0001_first.py" in names


def test_the_dashboard_rides_along_as_it_was_built(content: zipfile.ZipFile) -> None:
    built = sources("dashboard/dist", "")
    assert {name for name in content.namelist() if Path(name).suffix in DASHBOARD} == {
        f"perdure/_application/{name}" for name in built if (ROOT / name).is_file()
    }


def test_nothing_stray_is_in_it(content: zipfile.ZipFile) -> None:
    endings = {Path(name).suffix for name in content.namelist() if ".dist-info/" not in name}
    assert endings <= {".py", ".json", ".typed", *DASHBOARD}
    assert not [name for name in content.namelist() if "test" in Path(name).parts[1]]


def test_the_same_wheel_can_be_built_from_the_source_distribution(
    distributions: Path, content: zipfile.ZipFile, tmp_path: Path
) -> None:
    (packed,) = distributions.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    (project,) = tmp_path.iterdir()
    assert not (project / "dashboard/node_modules").exists()
    assert {"README.md", "LICENSE", "pyproject.toml", "Makefile", "tests"} <= {one.name for one in project.iterdir()}
    build(project, tmp_path / "again")
    (wheel,) = (tmp_path / "again").glob("*.whl")
    with zipfile.ZipFile(wheel) as again:
        assert {one.filename: one.CRC for one in again.infolist()} == {
            one.filename: one.CRC for one in content.infolist()
        }


def test_a_wheel_is_built_also_where_no_dashboard_was(distributions: Path, tmp_path: Path) -> None:
    (packed,) = distributions.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    (project,) = tmp_path.iterdir()
    shutil.rmtree(project / "dashboard")
    build(project, tmp_path / "again", "--target", "wheel")
    (wheel,) = (tmp_path / "again").glob("*.whl")
    with zipfile.ZipFile(wheel) as without:
        names = without.namelist()
    assert "perdure/_application/api/app.py" in names
    assert not [name for name in names if "/_application/dashboard" in name]
