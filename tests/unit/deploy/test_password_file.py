"""PERDURE_DATABASE_PASSWORD_FILE: the password that is not in the URL."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from perdure.settings import Settings, setting_problems
from perdure.store.engine import create_engine

URL = "postgresql+asyncpg://perdure@postgres:5432/perdure"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("p@ss/word\n")
    return path


def _password(url: str, file: Path | None) -> str | None:
    return create_engine(Settings(database_url=SecretStr(url), database_password_file=file)).url.password


def test_the_password_comes_from_the_file_whatever_it_holds(file: Path) -> None:
    assert _password(URL, file) == "p@ss/word"


def test_a_password_in_the_url_stays(file: Path) -> None:
    assert _password(URL.replace("perdure@", "perdure:own@"), file) == "own"


def test_without_a_file_there_is_none() -> None:
    assert _password(URL, None) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff", "cannot be read")],
)
def test_a_file_that_cannot_be_used_names_its_variable(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValidationError) as caught:
        Settings(database_password_file=path)
    problem = setting_problems(caught.value)
    assert problem.startswith("PERDURE_DATABASE_PASSWORD_FILE: ")
    assert said in problem
    assert str(path) in problem
