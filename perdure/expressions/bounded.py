"""COMPUTE expressions evaluated where they can do no harm; for the COMPUTE activity, never for workflow code.

What loops, or may take long, runs in a child process of its own, limited in memory and killed when its time is
up. Everything else is evaluated at once: that costs microseconds, a child some 60 ms.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from weakref import WeakKeyDictionary

from perdure.expressions.compute import compute_source, evaluate_compute, needs_child
from perdure.expressions.error import ExpressionError, located
from perdure.expressions.path import JSON
from perdure.expressions.usage import Usage, usage_of

TIMEOUT_SECONDS = 10.0
MEMORY_BYTES = 512 * 1024 * 1024
_MEMORY_DEATHS = {-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV}

OnUsage = Callable[[Usage], object]


def _nobody(_usage: Usage) -> None:
    """Nobody wants to know."""


_children: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def evaluate_bounded(
    expression: str,
    roots: Mapping[str, JSON],
    timeout_seconds: float = TIMEOUT_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
    on_usage: OnUsage = _nobody,
) -> JSON:
    """The value of a COMPUTE expression; `roots` as `compute_roots` gives them.

    At most one child a CPU runs at a time; waiting for a turn does not count. Raises ExpressionError, also when
    the time or the memory is used up. Cancelling kills the child. `on_usage` is told what the child took, as far as
    that is known: not of one that its memory limit killed, and nothing where no child was needed.
    """
    if not needs_child(expression, roots):
        return evaluate_compute(expression, roots)
    request = {
        "expression": expression,
        "roots": roots,
        "memory_bytes": memory_bytes,
        "seconds": timeout_seconds,
    }
    with located(compute_source(expression)):
        async with _turn():
            return await _ask_child(json.dumps(request).encode(), timeout_seconds, memory_bytes, on_usage)


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    return _children.setdefault(loop, asyncio.Semaphore(os.cpu_count() or 1))


async def _ask_child(request: bytes, timeout_seconds: float, memory_bytes: int, on_usage: OnUsage) -> JSON:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "perdure.expressions.child",
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=_environment(),
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(request), timeout_seconds)
    except TimeoutError:
        raise ExpressionError(f"took longer than {timeout_seconds:g} s; work on less data at once") from None
    finally:
        await _end(child, on_usage)
    return _read_answer(output, child.returncode, memory_bytes, on_usage)


async def _end(child: Process, on_usage: OnUsage) -> None:
    if child.returncode is None:
        if (used := usage_of(child.pid)) is not None:
            on_usage(used)
        child.kill()
        await child.wait()


def _read_answer(output: bytes, returncode: int | None, memory_bytes: int, on_usage: OnUsage) -> JSON:
    try:
        answer = json.loads(output)
    except ValueError:
        raise ExpressionError(_death(returncode, memory_bytes)) from None
    on_usage(Usage(*answer["usage"]))
    if "error" in answer:
        raise ExpressionError(answer["error"])
    return answer["value"]


def _death(returncode: int | None, memory_bytes: int) -> str:
    """A child that gave no answer was killed: by the memory limit in nearly every case."""
    memory = f"needs more than {memory_bytes // 2**20} MiB of memory; work on less data at once"
    return memory if returncode in _MEMORY_DEATHS else f"its process died ({returncode})"


def _environment() -> dict[str, str]:
    """Nothing of ours: the child needs no secret and no setting, only our import path."""
    return {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path), "PYTHONHASHSEED": "0"}
