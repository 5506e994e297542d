"""What somebody has done within the last minute, so that the same again is not entered again; used by the book."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

_SECONDS = 60.0
_MANY = 1_000
"""Actors, before those whose minute is over are forgotten."""


@dataclass(slots=True)
class _Minute:
    began: float
    done: set[Hashable] = field(default_factory=set)

    def over(self, now: float) -> bool:
        return now - self.began >= _SECONDS


class Minutes:
    """One an API process. An actor's minute begins with the first thing done, and the next one after it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._of: dict[str, _Minute] = {}

    def first(self, actor: str, what: Hashable, most: int | None = None) -> bool:
        """Whether the actor has not done this yet within this minute, and not `most` other things either."""
        now = self._clock()
        minute = self._of.get(actor)
        if minute is None or minute.over(now):
            if len(self._of) >= _MANY:
                self._of = {who: kept for who, kept in self._of.items() if not kept.over(now)}
            minute = self._of[actor] = _Minute(now)
        if what in minute.done or (most is not None and len(minute.done) >= most):
            return False
        minute.done.add(what)
        return True

    def forget(self, actor: str, what: Hashable) -> None:
        """The actor shall be asked again: what was done was not entered."""
        minute = self._of.get(actor)
        if minute is not None:
            minute.done.discard(what)
