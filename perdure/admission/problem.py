"""What is wrong with a body, place by place; raised by admission, answered by the API as problem+json."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from perdure.contract.error import ErrorClass, PerdureError

MAX_PROBLEMS = 100
"""Problems told at once. A body can hold half a million of them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `path` is a JSON path such as `$.steps[2].with.url`; `message` says how to mend it."""

    path: str
    code: str
    message: str


class AdmissionError(PerdureError):
    """The body cannot be accepted. `problems` names every place (at most `MAX_PROBLEMS`), in order.

    The code is API.BODY_TOO_LARGE, API.BODY_INVALID (not acceptable as JSON) or API.VALIDATION.
    """

    def __init__(self, code: str, problems: Iterable[Problem], message: str | None = None) -> None:
        listed = list(islice(problems, MAX_PROBLEMS + 1))
        more = len(listed) > MAX_PROBLEMS
        self.problems = tuple(listed[:MAX_PROBLEMS])
        super().__init__(code, ErrorClass.PERMANENT, message or _summary(self.problems, more=more))


def _summary(problems: tuple[Problem, ...], *, more: bool) -> str:
    if len(problems) == 1:
        return f"{problems[0].path}: {problems[0].message}"
    count = f"more than {len(problems)}" if more else str(len(problems))
    return f"{count} problems, listed in `errors`. The first: {problems[0].path}: {problems[0].message}"
