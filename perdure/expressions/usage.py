"""What a process took: CPU and memory at its peak. Used by `child` of itself, and by `bounded` of a child it ends."""

import os
import resource
import sys
from pathlib import Path
from typing import NamedTuple

_KIB = 1024
_TIMES, _PEAK = slice(11, 13), "VmHWM:"
"""utime and stime among the fields of /proc/<pid>/stat behind the name; the line of the peak in /proc/<pid>/status."""


class Usage(NamedTuple):
    """CPU time, user and system together, and the most memory that was resident."""

    cpu_seconds: float
    peak_bytes: int


def own_usage() -> Usage:
    """Of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Where there is no /proc the kernel's own figure has to do; on Linux it also counts what this process was before
    # it became this program.
    unit = 1 if sys.platform == "darwin" else _KIB
    return Usage(used.ru_utime + used.ru_stime, _peak("self") or used.ru_maxrss * unit)


def usage_of(pid: int) -> Usage | None:
    """Of a process that still runs; None where the system does not tell."""
    peak = _peak(str(pid))
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(map(int, fields[_TIMES]))
    except (OSError, ValueError):
        return None
    return None if peak is None else Usage(ticks / os.sysconf("SC_CLK_TCK"), peak)


def _peak(process: str) -> int | None:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * _KIB for line in lines if line.startswith(_PEAK)), None)
