"""An API or worker process of a test's own beside a stack, to be stopped and killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from perdure.embedded.port import PortWish, settle_ports
from tests.server.stack import ROOT, Stack, environment

START_SECONDS = 60
_PORT = {"worker": "PERDURE_WORKER_HEALTH_PORT", "api": "PERDURE_API_PORT"}


class Part:
    """A running `python -m worker` or `python -m api`."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    def ready(self) -> tuple[int, dict[str, Any]]:
        """What /readyz answers; status 0 where nothing listens (any more)."""
        try:
            with urlopen(f"{self.url}/readyz", timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as refused:
            return refused.code, json.loads(refused.read())
        except OSError as gone:
            return 0, {"reason": str(gone.reason if isinstance(gone, URLError) else gone)}

    def await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (seen := self.ready())[0] != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready ({seen}):\n{self.log.read_text()}")
            time.sleep(0.05)

    def terminate(self) -> float:
        """SIGTERM; the moment of it."""
        self.process.send_signal(signal.SIGTERM)
        return time.monotonic()


@contextmanager
def running_part(name: Literal["worker", "api"], directory: Path, wanted: dict[str, str]) -> Iterator[Part]:
    """The part with these settings (`PERDURE_*`) on a free port; killed at the end if it still runs."""
    (port,) = settle_ports([PortWish(name, "", 0)])
    log = directory / f"{name}-{port}.log"
    with log.open("wb") as sink:
        env = environment(**{_PORT[name]: str(port), "PERDURE_LOG_FORMAT": "json", **wanted})
        process = subprocess.Popen([sys.executable, "-m", name], cwd=ROOT, env=env, stdout=sink, stderr=sink)
    try:
        yield Part(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def settings_of(stack: Stack, **more: str) -> dict[str, str]:
    """The settings that bring a part to a stack, HTTP steps free to reach this machine; `more` by short name."""
    info = stack.info
    key = Path(info.admin_api_key_file)
    named = {
        "temporal_address": info.temporal_address,
        "database_url": info.database_url,
        "http_allowed_hosts": "127.0.0.1",
        "bootstrap_admin_key_file": str(key),
        "api_key_pepper_file": str(key.with_name("api-key-pepper")),
        **more,
    }
    return {f"PERDURE_{name.upper()}": value for name, value in named.items()}
