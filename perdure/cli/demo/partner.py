"""The partner the demo's jobs call: a small HTTP server with moods that counts every call.

It stands for a shop's own services. Like a good partner it keys its effects by `Idempotency-Key`.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

QUOTE_SECONDS = 0.8
MOODY_REFUSALS = 2
QUOTES = {"north": 42, "south": 35, "east": 51}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as the partner saw it, and what it answered."""

    path: str
    key: str
    status: int

    @property
    def effect(self) -> bool:
        """Whether something was done, not only asked for."""
        return self.status < 400  # noqa: PLR2004  where HTTP's errors begin


class Partner:
    """The server, on a free port of this machine, while its `with` block runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._repaired = threading.Event()
        self._asking = 0
        self.most_at_once = 0
        """Most quotes that were being worked out at the same time."""
        handler = type("Handler", (_Handler,), {"partner": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._repaired.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def repair(self) -> None:
        """From now on the depot can ship."""
        self._repaired.set()

    def received(self) -> list[Received]:
        """Every call, oldest first."""
        with self._lock:
            return list(self._received)

    def received_from(self, job_id: str) -> list[Received]:
        """The calls of a job and of its children, oldest first."""
        own = (f"{job_id}/", f"{job_id}~")
        return [one for one in self.received() if one.key.startswith(own)]

    def answer(self, path: str, key: str) -> tuple[int, dict[str, Any]]:
        """Do what `path` asks, and write the call down."""
        status, body = _SERVICES.get(path, _unknown)(self, key)
        with self._lock:
            self._received.append(Received(path, key, status))
        return status, body

    def _calls_before(self, key: str) -> int:
        return Counter(one.key for one in self.received())[key]

    def order(self, _key: str) -> tuple[int, dict[str, Any]]:
        """Takes an order."""
        return 201, {"order": "A-1042", "total": 79.8}

    def invoice(self, _key: str) -> tuple[int, dict[str, Any]]:
        """Writes an invoice."""
        return 201, {"invoice": "INV-7", "amount": 79.8}

    def accept(self, _key: str) -> tuple[int, dict[str, Any]]:
        """Accepts whatever it is told."""
        return 202, {"accepted": True}

    def moody(self, key: str) -> tuple[int, dict[str, Any]]:
        """Refuses the first calls under each key, as an overloaded service would."""
        if self._calls_before(key) < MOODY_REFUSALS:
            return 503, {"error": "too busy, try again"}
        return 200, {"paid": True}

    def ship(self, _key: str) -> tuple[int, dict[str, Any]]:
        """Fails until it is repaired."""
        if not self._repaired.is_set():
            return 500, {"error": "the depot's label printer is broken"}
        return 201, {"parcel": "P-9"}

    def quote(self, place: str) -> tuple[int, dict[str, Any]]:
        """Takes its time to work out a price."""
        with self._lock:
            self._asking += 1
            self.most_at_once = max(self.most_at_once, self._asking)
        threading.Event().wait(QUOTE_SECONDS)
        with self._lock:
            self._asking -= 1
        return 200, {"place": place, "price": QUOTES[place]}


Service = Callable[[Partner, str], tuple[int, dict[str, Any]]]


def _quote_for(place: str) -> Service:
    return lambda partner, _key: partner.quote(place)


_SERVICES: dict[str, Service] = {
    "/orders": Partner.order,
    "/invoices": Partner.invoice,
    "/notices": Partner.accept,
    "/reservations": Partner.accept,
    "/payments": Partner.accept,
    "/moody/payments": Partner.moody,
    "/shipments": Partner.ship,
    "/ping": Partner.accept,
    **{f"/quotes/{place}": _quote_for(place) for place in QUOTES},
}


def _unknown(_partner: Partner, _key: str) -> tuple[int, dict[str, Any]]:
    return 404, {"error": "no such service"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that hangs up, as one that is stopped does, is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    partner: ClassVar[Partner]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.headers.get("Idempotency-Key") or ""
        status, answer = self.partner.answer(urlsplit(self.path).path, key)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815  the name http.server looks for

    def log_message(self, *_args: object) -> None:
        """Keep the demo's screen its own."""
