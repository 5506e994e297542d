"""The catalogue of step types, their parameters, `@step` and plugins."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.secret import SecretStore
from activities.steps import BUILT_IN
from perdure.contract.sleep import SleepParams
from perdure.contract.timestamp import parse_timestamp
from perdure.steps import ErrorClass, StepError
from perdure.steps.catalogue import CATALOGUE, check_params
from perdure.steps.definition import definition_of

OK: list[tuple[str, dict[str, Any]]] = [
    ("SLEEP", {"duration": "5s"}),
    ("SLEEP", {"until": "2026-12-01T00:00:00Z", "duration": None}),
    ("SLEEP", {"duration": "${ input.d }", "until": "${ input.u }"}),
    ("SLEEP", {"duration": "${ input.d }"}),
    ("LOG", {"message": "hi"}),
    ("LOG", {"message": "${ input }", "level": "${ input.level }", "fields": {"a": "${ input.a }", "b": 1}}),
    ("LOG", {"message": "a", "fields": "${ input.fields }"}),
    ("COMPUTE", {"expression": "input.a + 1"}),
    ("COMPUTE", {"expression": "${ input.a + 1 }"}),
    ("COMPUTE", {"operation": "hash", "value": None}),
    ("COMPUTE", {"operation": "hash", "value": {"a": "${ input }"}, "algorithm": "sha512"}),
    ("HTTP_CALL", {"url": "https://example.com/a?b=c"}),
    ("HTTP_CALL", {"url": "${ input.url }", "method": "${ input.method }", "timeout": "${ input.t }"}),
    ("HTTP_CALL", {"url": "http://h/${ input.id }", "expect": ["${ input.status }", "2xx", 404]}),
    ("HTTP_CALL", {"url": "http://h/", "headers": {"Authorization": "Bearer ${ secrets.KEY }"}}),
    ("HTTP_CALL", {"url": "http://h/", "json": "${ input.a }", "body": "${ input.b }"}),
    ("HTTP_CALL", {"url": "http://h/", "query": {"a": [1, None, True, "x"]}, "expect": "200-299"}),
    ("FAIL", {}),
    ("FAIL", {"code": "MY.OWN-code_1", "class": "TRANSIENT", "times": 2, "message": "m"}),
    ("FAIL", {"times": "${ input.times }"}),
]


@pytest.mark.parametrize(("type_", "with_"), OK)
def test_good_parameters(type_: str, with_: dict[str, Any]) -> None:
    assert check_params(type_, with_) == []


BAD: list[tuple[str, dict[str, Any], tuple[str | int, ...]]] = [
    ("SLEEP", {}, ()),
    ("SLEEP", {"duration": "5"}, ("duration",)),
    ("SLEEP", {"duration": 5}, ("duration",)),
    ("SLEEP", {"duration": "366d"}, ("duration",)),
    ("SLEEP", {"duration": "1s", "until": "2026-12-01T00:00:00Z"}, ()),
    ("SLEEP", {"until": "2026-12-01T00:00:00"}, ("until",)),
    ("SLEEP", {"until": "2026-02-30T00:00:00Z"}, ("until",)),
    ("LOG", {}, ("message",)),
    ("LOG", {"message": 5}, ("message",)),
    ("LOG", {"message": "a", "level": "loud"}, ("level",)),
    ("LOG", {"message": "a", "lvl": "${ input.level }"}, ("lvl",)),
    ("LOG", {"message": "$${ literal }", "level": "$${ literal }"}, ("level",)),
    ("COMPUTE", {}, ()),
    ("COMPUTE", {"expression": "${ a }", "operation": "hash", "value": 1}, ()),
    ("COMPUTE", {"operation": "hash"}, ()),
    ("COMPUTE", {"operation": "sum", "value": 1}, ("operation",)),
    ("COMPUTE", {"expression": "a", "roots": {}}, ("roots",)),
    ("HTTP_CALL", {}, ("url",)),
    ("HTTP_CALL", {"url": "example.com"}, ("url",)),
    ("HTTP_CALL", {"url": "file:///etc/passwd"}, ("url",)),
    ("HTTP_CALL", {"url": "http://"}, ("url",)),
    ("HTTP_CALL", {"url": "http://h:99999/"}, ("url",)),
    ("HTTP_CALL", {"url": "http://h:0/"}, ("url",)),
    ("HTTP_CALL", {"url": "http://h/", "json_body": 1}, ("json_body",)),
    ("HTTP_CALL", {"url": "http://[::1"}, ("url",)),
    ("HTTP_CALL", {"url": "http://h/\n"}, ("url",)),
    ("HTTP_CALL", {"url": "http://h/", "method": "get"}, ("method",)),
    ("HTTP_CALL", {"url": "http://h/", "json": {}, "body": ""}, ()),
    ("HTTP_CALL", {"url": "http://h/", "headers": {"A": 5, "B": "${ input }"}}, ("headers", "A")),
    ("HTTP_CALL", {"url": "http://h/", "headers": {"A": "x\r\nB: y"}}, ("headers", "A")),
    ("HTTP_CALL", {"url": "http://h/", "headers": {"A": "é"}}, ("headers", "A")),
    ("HTTP_CALL", {"url": "http://h/", "headers": {"A B": "x"}}, ("headers", "A B")),
    ("HTTP_CALL", {"url": "http://h/", "headers": {"Transfer-Encoding": "x"}}, ("headers", "Transfer-Encoding")),
    ("HTTP_CALL", {"url": "http://h/", "query": {"a": {"b": 1}}}, ("query", "a")),
    ("HTTP_CALL", {"url": "http://h/", "expect": []}, ("expect",)),
    ("HTTP_CALL", {"url": "http://h/", "expect": [200, "6xx"]}, ("expect", 1)),
    ("HTTP_CALL", {"url": "http://h/", "expect": ["300-200"]}, ("expect", 0)),
    ("HTTP_CALL", {"url": "http://h/", "expect": True}, ("expect",)),
    ("HTTP_CALL", {"url": "http://h/", "timeout": 30}, ("timeout",)),
    ("HTTP_CALL", {"url": "http://h/", "output": "headers"}, ("output",)),
    ("FAIL", {"code": "CANCELED"}, ("code",)),
    ("FAIL", {"code": "with space"}, ("code",)),
    ("FAIL", {"class": "CANCELED"}, ("class",)),
    ("FAIL", {"error_class": "PERMANENT"}, ("error_class",)),
    ("FAIL", {"times": -1}, ("times",)),
    ("FAIL", {"times": "2"}, ("times",)),
    ("FAIL", {"times": 1.5}, ("times",)),
]


@pytest.mark.parametrize(("type_", "with_", "path"), BAD)
def test_bad_parameters_are_named_by_their_place(
    type_: str, with_: dict[str, Any], path: tuple[str | int, ...]
) -> None:
    problems = check_params(type_, with_)
    assert [found for found, _ in problems] == [path]
    assert not problems[0][1].startswith("Value error")


def test_all_problems_are_told_at_once() -> None:
    with_ = {"url": "x", "method": "y", "headers": {"A": "${ input }", "B": 1}, "what": 1}
    paths = {path for path, _ in check_params("HTTP_CALL", with_)}
    assert paths == {("url",), ("method",), ("headers", "B"), ("what",)}


def test_an_unknown_type_has_no_parameters_to_check() -> None:
    assert "NOT_HERE" not in CATALOGUE
    with pytest.raises(KeyError):
        check_params("NOT_HERE", {})


def test_the_catalogue_and_the_implementations_agree() -> None:
    definitions = {definition.name: definition for definition in map(definition_of, BUILT_IN)}
    assert set(definitions) == {name for name, type_ in CATALOGUE.items() if type_.needs_activity}
    assert all(issubclass(definitions[name].params, CATALOGUE[name].params) for name in definitions)
    assert all(definitions[name].version == CATALOGUE[name].version for name in definitions)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists), st.data())
def test_nothing_a_client_writes_breaks_the_check(value: Any, data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(sorted(CATALOGUE)))
    field = data.draw(st.sampled_from(sorted(CATALOGUE[type_].params.model_fields)) | st.text())
    assert all(isinstance(message, str) for _, message in check_params(type_, {field: value}))


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("params", "wakes"),
    [
        ({"duration": "90s"}, NOW + timedelta(seconds=90)),
        ({"until": "2026-11-22T14:00:00+01:00"}, NOW + timedelta(hours=1)),
        ({"until": "2020-01-01T00:00:00.123456789Z"}, datetime(2020, 1, 1, 0, 0, 0, 123456, UTC)),
        ({"until": "9999-12-31T23:59:59Z"}, NOW + timedelta(days=365)),
    ],
)
def test_when_a_sleep_ends(params: dict[str, str], wakes: datetime) -> None:
    assert SleepParams.model_validate(params).wake_at(NOW) == wakes


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-12-01T24:30:00Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-12-01T00:00:00Z",
        "1733011200",
        "",
    ],
)
def test_what_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_timestamp(text)


def test_the_environment_wins_over_files(tmp_path: Path) -> None:
    (tmp_path / "A").write_text("file-a\n")
    (tmp_path / "B").write_text("two\nlines\r\n")
    store = SecretStore({"PERDURE_SECRET_A": "env-a"}, tmp_path)
    assert (store.get("A"), store.get("B")) == ("env-a", "two\nlines")


@pytest.mark.parametrize("name", ["NONE", "../A", "/etc/passwd", "", "A\x00", "A.txt", "DIR"])
def test_what_is_no_secret_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "DIR").mkdir()
    (tmp_path.parent / "A").write_text("outside")
    with pytest.raises(StepError) as missing:
        SecretStore({}, tmp_path).get(name)
    assert (missing.value.code, missing.value.error_class) == ("STEP.SECRET_MISSING", ErrorClass.TRANSIENT)


def test_parameters_are_frozen() -> None:
    params = SleepParams(duration="1s")
    with pytest.raises(ValidationError):
        params.duration = "2s"  # type: ignore[misc]
