"""Versions of what Perdure runs on, and how they are compared; used by the other examinations."""

import re
import sys
from importlib.metadata import PackageNotFoundError, version

import perdure
from perdure.doctor.finding import Finding, ok, problem

PYTHON = (3, 11)
TEMPORALIO = ((1, 35), (2,))


def parse_version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: `1.32.0-rc.1` is (1, 32, 0), anything else ()."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def examine_versions() -> list[Finding]:
    """Of this process: Python and the Temporal SDK."""
    return [_python(), _temporalio()]


def _python() -> Finding:
    text = f"Python {'.'.join(map(str, sys.version_info[:3]))}, Perdure {perdure.__version__}"
    if sys.version_info[:2] < PYTHON:
        return problem("python", f"{text} is too old", "Install Perdure into an environment of Python 3.11 or newer.")
    return ok("python", text)


def _temporalio() -> Finding:
    remedy = "Run: pip install 'temporalio>=1.35,<2'."
    try:
        found = version("temporalio")
    except PackageNotFoundError:
        return problem("temporalio", "The Temporal SDK is not installed", remedy)
    low, high = TEMPORALIO
    if not low <= parse_version(found) < high:
        return problem("temporalio", f"The Temporal SDK {found} is not one that Perdure works with", remedy)
    return ok("temporalio", f"Temporal SDK {found}")
