"""What came back over HTTP, and how it is judged: a model, a problem, or not our API at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from perdure.client.error import ProblemBody, ProblemError, UnexpectedAnswerError, problem

M = TypeVar("M", bound=BaseModel)
EXCERPT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `content` is the body as received; header names are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as received."""
        return self.content.decode("utf-8", "replace")

    def check(self) -> None:
        """Return only if the request succeeded.

        Raises:
            ProblemError: the API refused or failed it.
            UnexpectedAnswerError: something else answered.
        """
        if 200 <= self.status < 300:  # noqa: PLR2004  the definition of success in HTTP
            return
        raise self._failure()

    def model(self, kind: type[M]) -> M:
        """The body as a `kind`.

        Raises:
            UnexpectedAnswerError: it is not one.
        """
        try:
            return kind.model_validate_json(self.content)
        except ValidationError as error:
            raise self._unexpected() from error

    @classmethod
    def reader(cls, kind: type[M]) -> Callable[["Answer"], M]:
        """A function that reads an answer as a `kind`."""
        return lambda answer: answer.model(kind)

    def _failure(self) -> ProblemError | UnexpectedAnswerError:
        if "json" not in self.headers.get("content-type", ""):
            return self._unexpected()
        return problem(self.status, self.model(ProblemBody), self._retry_after())

    def _retry_after(self) -> float | None:
        try:
            return float(self.headers["retry-after"])
        except (KeyError, ValueError):
            return None

    def _unexpected(self) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(self.url, self.status, self.text[:EXCERPT])
