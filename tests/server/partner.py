"""A partner's HTTP server: counts what it is asked and answers as the test says."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Partner:
    """`answers[path]` is a list of statuses used in turn, the last for ever; 200 where there is none.

    `delays[path]` are the seconds an answer takes.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, list[int]] = {}
        self.delays: dict[str, float] = {}
        self.calls: Counter[str] = Counter()
        self.order: list[str] = []
        """The paths asked for, as they came."""
        self.keys: dict[str, list[str | None]] = {}
        self.traceparents: dict[str, list[str | None]] = {}
        self.most_at_once: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def leave(self, path: str) -> None:
        with self._lock:
            self._open[path] -= 1

    def take(self, path: str, key: str | None) -> int:
        with self._lock:
            self._open[path] += 1
            self.most_at_once[path] = max(self.most_at_once[path], self._open[path])
            self.calls[path] += 1
            self.order.append(path)
            self.keys.setdefault(path, []).append(key)
            left = self.answers.get(path, [200])
            return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def running_partner() -> Iterator[Partner]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer()

        def _answer(self) -> None:
            partner.traceparents.setdefault(self.path, []).append(self.headers.get("traceparent"))
            status = partner.take(self.path, self.headers.get("Idempotency-Key"))
            time.sleep(partner.delays.get(self.path, 0))
            body = json.dumps({"path": self.path, "call": partner.calls[self.path]}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            partner.leave(self.path)
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    partner = Partner(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield partner
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
