"""`pip install perdure[embedded]` and `perdure dev` in an empty directory: a job completes, and nothing is left."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from api.dashboard.files import BUILT
from tests.integration.wheel.conftest import Installed

pytestmark = pytest.mark.slow
START_SECONDS = 90
SECONDS = 30
ADMIN_KEY = re.compile(r"^ +admin key +(\S+)$", re.MULTILINE)
API = re.compile(r"^ +API +(http://\S+)/docs ", re.MULTILINE)
DASHBOARD = re.compile(r"^ +dashboard +(http://\S+/dashboard/) +log in with the admin key$", re.MULTILINE)


def test_the_checkout_is_not_seen_and_the_application_is_no_import_name(installed: Installed, tmp_path: Path) -> None:
    where = installed.run(str(installed.python), "-c", "import perdure; print(perdure.__file__)", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(installed.site_packages)
    for name in ("api", "worker", "workflows", "activities"):
        found = installed.run(
            str(installed.python), "-c", f"import importlib.util as u; print(u.find_spec('{name}'))", cwd=tmp_path
        )
        assert found.stdout.strip() == "None", found


def test_an_api_of_somebody_else_beside_it_is_not_taken_for_ours(installed: Installed, tmp_path: Path) -> None:
    strangers = [installed.site_packages / "api", installed.site_packages / "worker"]
    for stranger in strangers:
        stranger.mkdir()
        (stranger / "__init__.py").touch()
    try:
        code = "from perdure.embedded.config import application_root; print(application_root())"
        found = installed.run(str(installed.python), "-c", code, cwd=tmp_path)
    finally:
        for stranger in strangers:
            (stranger / "__init__.py").unlink()
            stranger.rmdir()
    assert Path(found.stdout.strip()) == installed.site_packages / "perdure/_application"


def test_perdure_dev_runs_a_job_in_an_empty_directory_and_leaves_nothing(installed: Installed, tmp_path: Path) -> None:
    with dev(installed, tmp_path) as output:
        url, key_file = found(API, output), Path(found(ADMIN_KEY, output))
        assert dashboard_status(found(DASHBOARD, output)) == (200 if BUILT.is_dir() else 404)
        data_dir = key_file.parents[1]
        access = ("--server", url, "--api-key", key_file.read_text().strip())
        example = installed.site_packages / "perdure/_application/examples/hello.json"
        submit = (str(installed.perdure), "jobs", "submit", str(example), "--watch", "-o", "json", *access)
        done = installed.run(*submit, cwd=tmp_path)
        assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "COMPLETED"), done
        doctor = installed.run(str(installed.perdure), "doctor", "--data-dir", str(data_dir), cwd=tmp_path)
        assert (doctor.returncode, "problems: 0" in doctor.stdout) == (0, True), doctor
        assert python_paths(data_dir) == {str(installed.site_packages / "perdure/_application")}
    assert "Stopped." in output.read_text()
    assert not data_dir.exists()
    assert processes_of(data_dir) == []
    assert list(tmp_path.iterdir()) == [output]


@contextmanager
def dev(installed: Installed, directory: Path) -> Iterator[Path]:
    """`perdure dev --ephemeral` in `directory`; yields the file with what it says, and ends with Ctrl-C."""
    output = directory / "dev.log"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [installed.perdure, "dev", "--ephemeral"],
            cwd=directory,
            env=installed.environment(),
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        wait_for("Ready.", output, process)
        yield output
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0, output.read_text()
    finally:
        process.kill()
        process.wait()


def wait_for(text: str, output: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while text not in output.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the stack did not start:\n{output.read_text()}")
        time.sleep(0.05)


def dashboard_status(url: str) -> int:
    with suppress(HTTPError), urlopen(url, timeout=60) as answer:
        return int(answer.status)
    return 404


def found(pattern: re.Pattern[str], output: Path) -> str:
    match = pattern.search(output.read_text())
    assert match is not None, output.read_text()
    return match[1]


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """The processes of the stack on that directory, by the mark they carry or where they work."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = [*process.cmdline(), process.cwd(), process.environ().get("PERDURE_EMBEDDED_DATA_DIR", "")]
            if any(str(data_dir) in word for word in words):
                found.append(process)
    return found


def python_paths(data_dir: Path) -> set[str]:
    """Where API and worker look for their code before anywhere else."""
    return {path for process in processes_of(data_dir) if (path := process.environ().get("PYTHONPATH"))}
