"""A real Temporal server for tests, in memory, with the embedded stack's search attributes and timer settings."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from perdure.embedded.binary import find_binaries
from perdure.embedded.port import PortWish, settle_ports
from perdure.embedded.temporal import DYNAMIC_CONFIG, SEARCH_ATTRIBUTES


@contextmanager
def running_temporal(extra_config: Sequence[str] = (), port: int = 0) -> Iterator[str]:
    """Yields its address. `extra_config` are dynamic config values, `key=value`; port 0 is a free one."""
    (port,) = settle_ports([PortWish("Temporal", "", port)])
    values = [word for value in (*DYNAMIC_CONFIG, *extra_config) for word in ("--dynamic-config-value", value)]
    attributes = [word for name in SEARCH_ATTRIBUTES for word in ("--search-attribute", f"{name}=Keyword")]
    base = [str(find_binaries().temporal), "server", "start-dev", "--headless", "--port", str(port)]
    with TemporaryDirectory(prefix="perdure-temporal-") as home:
        log = Path(home, "log")
        with log.open("wb") as sink:
            process = subprocess.Popen([*base, *values, *attributes], stdout=sink, stderr=sink, cwd=home)
        try:
            _wait(process, port, log)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()  # it keeps nothing; told to stop, it takes a second
            process.wait(60)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    command = [str(find_binaries().temporal), "operator", "namespace", "describe", "default"]
    deadline = time.monotonic() + 60
    while subprocess.run([*command, "--address", f"127.0.0.1:{port}"], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError(log.read_text())
        time.sleep(0.05)
