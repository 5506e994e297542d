"""Turns Ctrl-C, SIGTERM and SIGHUP into an orderly end; for what runs a stack (`perdure dev`, the demo)."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# One wish to stop may come as several signals: a terminal that closes, a wrapper that passes its own on.
_SAME_WISH = 1.0  # seconds


@dataclass(slots=True)
class Interruption:
    """`by` is the signal that came first, or None."""

    by: signal.Signals | None = None
    at: float = 0.0


@contextmanager
def interruptible(hurry: Callable[[], None]) -> Iterator[Interruption]:
    """Cancel the current task at the first signal; call `hurry` at one that comes more than a second later.

    Must be entered in the main thread, within a running event loop. The caller tells by `by` that a
    CancelledError came from here.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    interruption = Interruption()

    def on_signal(number: signal.Signals) -> None:
        if interruption.by is None:
            interruption.by, interruption.at = number, time.monotonic()
            if task is not None:
                task.cancel()
        elif time.monotonic() - interruption.at > _SAME_WISH:
            hurry()

    # Under nohup a closing terminal is to be ignored.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield interruption
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
