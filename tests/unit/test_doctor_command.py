"""What `perdure doctor` does when its examining process does not do its part."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from perdure.cli.doctor import doctor

APP = typer.Typer()
APP.command()(doctor)


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, examiner: str) -> Result:
    script = tmp_path / "examiner"
    script.write_text(f"#!/bin/sh\n{examiner}\n")
    script.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("perdure.cli.doctor.sys.executable", str(script))
    return CliRunner().invoke(APP, [])


def test_an_examination_that_fails_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = run(monkeypatch, tmp_path, "echo 'no module named perdure' >&2; exit 1")
    assert done.exit_code == 1
    assert "the examination failed:\nno module named perdure" in done.stderr
    assert done.stdout == ""


def test_an_examination_that_says_nothing_is_told_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = run(monkeypatch, tmp_path, "exit 7")
    assert (done.exit_code, "exit code 7" in done.stderr) == (1, True)


def test_an_examination_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("perdure.cli.doctor.TIME_LIMIT", 0.2)
    done = run(monkeypatch, tmp_path, "exec sleep 30")
    assert (done.exit_code, "did not end within 0.2 s" in done.stderr) == (1, True)


def test_what_the_parts_answer_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    finding = '{"check": "api", "level": "problem", "what": "\\u001b[2J gone", "remedy": "look"}'
    done = run(monkeypatch, tmp_path, f"cat <<'END'\n{{\"findings\": [{finding}]}}\nEND")
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout
    assert "\\x1b[2J gone" in done.stdout
