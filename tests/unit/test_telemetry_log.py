"""Log lines of every logger in a process: their form, fixed fields, level, and what is kept out of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perdure.telemetry.log_field import FIXED, trace_id_of
from perdure.telemetry.log_mask import masked

ROOT = Path(__file__).parents[2]
_PRELUDE = """
import logging, sys, warnings
import structlog
from perdure.telemetry.log import configure_logging
configure_logging("worker", {level!r}, {form!r})
log = structlog.get_logger("perdure.test")
"""


def said(code: str, *, level: str = "INFO", form: str = "json") -> str:
    """What a process of its own writes: logging is the process's, not the test's."""
    program = _PRELUDE.format(level=level, form=form) + code
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def lines(code: str, level: str = "INFO") -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(code, level=level).splitlines()]


@pytest.mark.parametrize(
    "code",
    [
        "log.info('ours')",
        "logging.getLogger('uvicorn.error').warning('%s', 'theirs')",
        "logging.getLogger('sqlalchemy.pool').error('theirs')",
        "logging.getLogger('temporalio.worker').warning('theirs')",
        "logging.getLogger('asyncio').error('theirs')",
        "logging.getLogger('a.plugin').info('theirs')",
        "warnings.warn('old')",
        "log.info('two\\nlines', field='a\\nb')",
    ],
)
def test_every_logger_writes_one_object_a_line_with_the_fixed_fields(code: str) -> None:
    (line,) = lines(code)
    assert set(FIXED) <= line.keys()
    assert {"timestamp", "level", "logger", "event"} <= line.keys()
    assert line["service"] == "worker"
    assert [line[name] for name in FIXED] == [None] * len(FIXED)


def test_the_tenant_follows_from_the_job() -> None:
    (line,) = lines("log.info('x', job_id='acme:order-1')")
    assert (line["job_id"], line["tenant"]) == ("acme:order-1", "acme")


def test_lines_of_temporalio_carry_the_job_and_step_they_are_about() -> None:
    details = {"workflow_id": "acme:j", "workflow_run_id": "r", "activity_id": "fetch.r2", "attempt": 3}
    (line,) = lines(f"logging.getLogger('temporalio.activity').error('x', extra={{'temporal_activity': {details!r}}})")
    fields = ("job_id", "run_id", "step_id", "attempt", "tenant")
    assert tuple(line[name] for name in fields) == ("acme:j", "r", "fetch", 3, "acme")


def test_lines_of_temporal_s_core_take_the_same_way() -> None:
    (line,) = lines("""
import asyncio
from temporalio.bridge.runtime import BufferedLogEntry
from perdure.telemetry import temporal_runtime
class Entry:
    level, message, target, time, fields = 40, "core says", "t", 0.0, {"workflow_id": "acme:j", "run_id": "r"}
class Config:
    def __init__(self, telemetry): telemetry.logging.forwarding._on_logs([Entry()])
temporal_runtime.Runtime = lambda telemetry: Config(telemetry)
temporal_runtime.make_runtime(None)
""")
    assert (line["logger"], line["level"]) == ("temporalio.core", "error")
    assert (line["job_id"], line["run_id"]) == ("acme:j", "r")


def test_an_exception_is_one_line_too() -> None:
    (line,) = lines("try:\n    1 / 0\nexcept Exception:\n    log.exception('failed')")
    assert "ZeroDivisionError" in line["exception"]


@pytest.mark.parametrize("value", ["{(1, 2): 3}", "Broken()", "chr(0xD800)", "[float('nan')]"])
def test_what_cannot_be_written_fails_nobody(value: str) -> None:
    code = "class Broken:\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__\n"
    found = lines(f"{code}log.info('x', value={value}); log.info('next')")
    assert [line["event"] for line in found][1:] == ["next"]


def test_a_stream_that_is_closed_fails_nobody() -> None:
    assert said("sys.stderr.close(); log.info('x')") == ""


def test_the_level_is_a_setting() -> None:
    code = "log.debug('a'); log.info('b'); log.warning('c'); logging.getLogger('x').info('d')"
    assert [line["event"] for line in lines(code, "WARNING")] == ["c"]
    assert [line["event"] for line in lines(code, "DEBUG")] == ["a", "b", "c", "d"]


def test_payloads_that_temporalio_would_log_at_debug_are_not() -> None:
    code = "logging.getLogger('temporalio.worker._activity').debug('Completing activity with payload')"
    assert said(code, level="DEBUG") == ""


def test_the_console_form_is_for_people() -> None:
    text = said("log.info('hello', job_id='acme:j', key='pdr_ab12_secretsecret')", form="console")
    assert "hello" in text
    assert "job_id=acme:j" in text
    assert "step_id" not in text
    assert "secretsecret" not in text


def test_auto_is_json_where_there_is_no_terminal() -> None:
    (line,) = said("log.info('x')", form="auto").splitlines()
    assert json.loads(line)["event"] == "x"


def test_auto_is_the_console_form_on_a_terminal() -> None:
    program = """
import io, structlog
from perdure.telemetry.log import configure_logging
class Terminal(io.StringIO):
    def isatty(self): return True
screen = Terminal()
configure_logging("worker", stream=screen)
structlog.get_logger("x").info("hello")
assert "hello" in screen.getvalue() and not screen.getvalue().startswith("{"), screen.getvalue()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "fields",
    [
        "api_key='topsecret'",
        "password='topsecret'",
        "db_password='topsecret'",
        "authorization='topsecret'",
        "fields={'nested': [{'Set-Cookie': 'topsecret'}]}",
        "input={'card': 'topsecret'}",
        "output=['topsecret']",
        "payload='topsecret'",
        "said='the key pdr_0a1b_topsecret is no good'",
        "said='Authorization: Bearer topsecret'",
        "url='postgresql+asyncpg://perdure:topsecret@db/perdure'",
        "problem='refused\\nDETAIL:  Failing row contains (topsecret)'",
        "problem=repr(ValueError('refused\\nDETAIL:  Failing row contains (topsecret)'))",
        "problem='[SQL: INSERT] [parameters: (topsecret,)]'",
        "problem='Input should be a string [type=string, input_value=topsecret, input_type=str]'",
    ],
)
def test_secrets_and_payloads_are_masked(fields: str) -> None:
    (line,) = lines(f"log.info('x', {fields})")
    assert "topsecret" not in json.dumps(line)
    assert "***" in json.dumps(line)


def test_tracebacks_are_masked_too() -> None:
    code = "try:\n    raise ValueError('pdr_0a1b_topsecret')\nexcept Exception:\n    log.exception('failed')"
    for form in ("json", "console"):
        assert "topsecret" not in said(code, form=form)


def test_what_is_no_secret_stays() -> None:
    plain = {"token_count": 3, "keys": ["a"], "url": "http://partner/x?y=1", "text": "basic facts", "none": None}
    assert masked(plain) == plain
    assert masked("idempotency_key order-1042") == "idempotency_key order-1042"


def test_a_value_nested_without_end_is_cut() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "***" in json.dumps(masked(endless))


@pytest.mark.parametrize("traceparent", [None, "", "x", "00-" + "g" * 32 + "-" + "a" * 16 + "-01"])
def test_a_traceparent_that_is_none_has_no_trace(traceparent: str | None) -> None:
    assert trace_id_of(traceparent) is None


def test_the_trace_is_read_from_the_traceparent() -> None:
    assert trace_id_of(f"00-{'ab' * 16}-{'cd' * 8}-01") == "ab" * 16
