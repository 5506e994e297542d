"""How far another clock is from this machine's; asked of API, Temporal and Postgres."""

from datetime import UTC, datetime

from perdure.doctor.finding import Finding, ok, problem, warning

WARNING_SECONDS = 1.0
PROBLEM_SECONDS = 2.0


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


def deviation(before: datetime, theirs: datetime, after: datetime) -> float:
    """Seconds by which `theirs`, read at some moment from `before` to `after`, is surely ahead (or behind: < 0)."""
    if theirs > after:
        return (theirs - after).total_seconds()
    return min(0.0, (theirs - before).total_seconds())


def examine_clock(name: str, before: datetime, theirs: datetime, after: datetime) -> Finding:
    """Whether the clock of `name` agrees with ours."""
    seconds = deviation(before, theirs, after)
    check = f"clock of {name}"
    if abs(seconds) <= WARNING_SECONDS:
        uncertain = (after - before).total_seconds()
        return ok(check, f"agrees with this machine's within {abs(seconds) + uncertain:.2f} s")
    word = "ahead of" if seconds > 0 else "behind"
    what = f"is {abs(seconds):.1f} s {word} this machine's: times in journal and lists will not fit together"
    remedy = f"Let NTP set both clocks, this machine's and that of {name}."
    return (problem if abs(seconds) > PROBLEM_SECONDS else warning)(check, what, remedy)
