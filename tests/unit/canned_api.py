"""The far side of the client and the CLI: a real HTTP server that plays canned answers and keeps what it got."""

import json
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Got:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Canned:
    status: int
    body: bytes
    headers: dict[str, str]
    hang_up: bool = False


class CannedApi:
    """Answers of one path are played in order; the last one is played again and again."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self._answers: dict[str, deque[Canned]] = defaultdict(deque)
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: str, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """`request` is "GET /v1/jobs"; a body that is not bytes is sent as JSON."""
        if not isinstance(body, bytes):
            kind = "application/problem+json" if status >= 400 else "application/json"
            headers = {"Content-Type": kind, **(headers or {})}
            body = json.dumps(body, ensure_ascii=False).encode()
        self._answers[request].append(Canned(status, body, headers or {}))

    def hang_up(self, request: str) -> None:
        self._answers[request].append(Canned(0, b"", {}, hang_up=True))

    def problem(self, request: str, status: int, code: str, **more: Any) -> None:
        headers = more.pop("headers", {})
        body = {"type": "about:blank", "title": f"Title of {code}", "status": status, "code": code, **more}
        self.answer(request, body, status, headers)

    def play(self, got: Got) -> Canned:
        self.got.append(got)
        answers = self._answers[f"{got.method} {got.path}"]
        if not answers:
            return Canned(404, b"nothing canned", {"Content-Type": "text/plain"})
        return answers.popleft() if len(answers) > 1 else answers[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    api: ClassVar[CannedApi]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        canned = self.api.play(Got(self.command, parts.path, parse_qsl(parts.query), headers, body))
        if canned.hang_up:
            return
        self.send_response(canned.status)
        for name, value in {**canned.headers, "Content-Length": str(len(canned.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(canned.body)

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, *_args: object) -> None:
        pass


def job_view(**changes: Any) -> dict[str, Any]:
    """A job as the API shows it: completed, one step, with a field no client knows."""
    step = {
        "id": "greet",
        "type": "LOG",
        "status": "COMPLETED",
        "started_at": "2026-11-22T10:00:00.100Z",
        "completed_at": "2026-11-22T10:00:00.220Z",
        "output": None,
        "error": None,
        "attempts": [attempt(1, "COMPLETED")],
    }
    view = {
        "id": "default:order-1",
        "name": "hello",
        "type": "INLINE",
        "tenant": "default",
        "status": "COMPLETED",
        "status_reason": "all 1 steps completed",
        "resolution": None,
        "queue": "default",
        "priority": 3,
        "labels": {},
        "correlation_id": None,
        "submitted_by": "key:admin",
        "created_at": "2026-11-22T10:00:00Z",
        "started_at": "2026-11-22T10:00:00.050Z",
        "completed_at": "2026-11-22T10:00:00.250Z",
        "queue_wait_ms": 50,
        "execution_ms": 200,
        "attempts": 1,
        "retry_count": 0,
        "run_id": "r",
        "input": None,
        "output": {"n": 9007199254740991},
        "error": None,
        "steps": [step],
        "children": [],
        "links": {},
        "a_field_of_tomorrow": {"x": 1},
    }
    return {**view, **changes}


def attempt(number: int, outcome: str | None, **changes: Any) -> dict[str, Any]:
    error = {
        "code": "STEP.HTTP.5XX",
        "class": "TRANSIENT",
        "message": "the partner answered 500",
        "fingerprint": "ab",
    }
    failed = outcome not in (None, "COMPLETED")
    return {
        "attempt": number,
        "round": 1,
        "worker": "w@h",
        "started_at": "2026-11-22T10:00:00.100Z",
        "ended_at": "2026-11-22T10:00:00.200Z" if outcome else None,
        "outcome": outcome,
        "error": error if failed else None,
        "next_retry_at": None,
        "live": False,
        **changes,
    }


def audit_entry(**changes: Any) -> dict[str, Any]:
    """An entry of the audit, as the API tells it."""
    made = {
        "seq": 7,
        "at": "2026-11-22T10:00:00.000Z",
        "type": "KEY_REVOKED",
        "tenant": "acme",
        "actor": "key:boss",
        "actor_key_id": "k1",
        "job_id": None,
        "subject": "k2",
        "reason": "it leaked",
        "request_id": "r",
        "trace_id": "t",
        "data": {"name": "orders"},
    }
    return {**made, **changes}
