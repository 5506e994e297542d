"""What the doctor found, as it goes from the examining process to the command that shows it."""

from enum import StrEnum

from perdure.contract.model import Model


class Level(StrEnum):
    """A problem keeps Perdure from working as it should; a warning may."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(Model):
    """One thing that was looked at. `what` and `remedy` are one line each; what is ok needs no remedy."""

    check: str
    level: Level
    what: str
    remedy: str | None = None


class Report(Model):
    """Every finding, in the order in which they are shown."""

    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether there is no problem."""
        return all(finding.level is not Level.PROBLEM for finding in self.findings)


def ok(check: str, what: str) -> Finding:
    """It is as it should be."""
    return Finding(check=check, level=Level.OK, what=_line(what))


def warning(check: str, what: str, remedy: str) -> Finding:
    """It works, but somebody should know."""
    return Finding(check=check, level=Level.WARNING, what=_line(what), remedy=remedy)


def problem(check: str, what: str, remedy: str) -> Finding:
    """It does not work, or not safely."""
    return Finding(check=check, level=Level.PROBLEM, what=_line(what), remedy=remedy)


def cause_of(error: BaseException) -> str:
    """The first line of what went wrong."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _line(text: str) -> str:
    return " ".join(text.split())
