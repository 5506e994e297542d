"""Acceptance F2: an API process that is stopped while requests are under way."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.server.part import Part, running_part, settings_of
from tests.server.stack import Stack

GRACE = 10.0  # of `python -m api`


@pytest.fixture
def api(stack: Stack, tmp_path: Path) -> Iterator[Part]:
    """A second API of the session's stack."""
    with running_part("api", tmp_path, settings_of(stack)) as part:
        part.await_ready()
        yield part


def spec(key: str) -> dict[str, object]:
    return {"id": key, "name": "drained", "steps": [{"id": "say", "type": "LOG", "with": {"message": "x"}}]}


class Request:
    """A submission of which the API has everything but the last byte."""

    def __init__(self, url: str, api_key: str, key: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        body = json.dumps(spec(key)).encode()
        head = (
            f"POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api_key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._last = body[-1:]
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.sendall(head.encode() + body[:-1])

    def finish(self) -> bytes:
        """Send the rest; all that is answered until the connection is closed."""
        with self._socket as connection:
            connection.sendall(self._last)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return answer


def refuses(part: Part) -> bool:
    host, port = part.url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def until_read(part: Part, requests: int) -> None:
    """Wait until it answers so many."""
    deadline = time.monotonic() + 60
    while True:
        told = httpx.get(f"{part.url}/metrics", trust_env=False, timeout=60).text
        name = "perdure_api_requests_in_progress "
        if any(line.startswith(name) and float(line.removeprefix(name)) >= requests for line in told.splitlines()):
            return
        assert time.monotonic() < deadline, told
        time.sleep(0.02)


def test_f2_an_api_that_is_told_to_stop_answers_what_it_has_and_takes_nothing_new(stack: Stack, api: Part) -> None:
    run = uuid4().hex[:8]
    keys = [f"{run}-{number}" for number in range(20)]
    under_way = [Request(api.url, stack.api_key, key) for key in keys]
    until_read(api, len(keys))
    begun = api.terminate()
    while not refuses(api):
        assert time.monotonic() - begun < GRACE - 1
        time.sleep(0.02)
    assert api.process.poll() is None, "it waits for what is under way"
    answers = [request.finish() for request in under_way]
    assert Counter(answer.split(b"\r\n")[0] for answer in answers) == {b"HTTP/1.1 202 Accepted": len(keys)}
    assert api.process.wait(60) == 0
    with stack.client() as client:
        assert {client.wait(f"default:{key}", timeout=60).status for key in keys} == {"COMPLETED"}


def test_f2_stopping_an_api_under_load_loses_and_doubles_nothing(stack: Stack, api: Part) -> None:
    run = uuid4().hex[:8]
    load = _Load(api.url, stack, run)
    senders = [threading.Thread(target=load.send, args=(number,)) for number in range(4)]
    for sender in senders:
        sender.start()
    load.until_accepted(20)
    begun = api.terminate()
    code = api.process.wait(GRACE + 60)
    assert (code, time.monotonic() - begun < GRACE + 30) == (0, True), api.log.read_text()
    for sender in senders:
        sender.join(60)
    assert load.accepted, "nothing was under way"
    assert load.refused == []
    with stack.client() as client:
        for key in load.accepted:
            assert client.get(f"default:{key}").id == f"default:{key}"
        # Whoever got no answer sends the same request to another one: it is one job, whichever took it first.
        again = [client.submit(spec(key)).job.id for key in load.unknown]
    assert again == [f"default:{key}" for key in load.unknown]


class _Load:
    """Submissions one after the other until the API is gone."""

    def __init__(self, url: str, stack: Stack, run: str) -> None:
        self._url = url
        self._key = stack.api_key
        self._run = run
        self.accepted: list[str] = []
        self.unknown: list[str] = []
        self.refused: list[int] = []

    def until_accepted(self, number: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.accepted) < number:
            assert time.monotonic() < deadline, self.refused
            time.sleep(0.02)

    def send(self, sender: int) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=60, trust_env=False) as client:
            for number in range(10_000):
                key = f"{self._run}-{sender}-{number}"
                try:
                    status = client.post("/v1/jobs", json=spec(key)).status_code
                except httpx.ConnectError:
                    return
                except httpx.TransportError:
                    self.unknown.append(key)
                    return
                if status == 202:
                    self.accepted.append(key)
                else:
                    self.refused.append(status)
