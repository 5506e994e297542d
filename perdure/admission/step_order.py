"""Which step surely ends before which starts, also in a malformed spec; used by the checks of a spec."""

from collections.abc import Mapping, Sequence
from typing import Self

from perdure.admission.outline import Outline, StepOutline
from perdure.contract.graph import dependents, unreachable

Waits = Mapping[str, Sequence[str]]


class StepOrder:
    """The order of the steps of one spec. Of steps with the same id the first counts."""

    def __init__(self, waits_for: Waits) -> None:
        self.waits_for = waits_for
        self.stuck = frozenset(unreachable(waits_for))
        """Steps on a circle or behind one."""
        self._places = {id_: place for place, id_ in enumerate(waits_for)}
        self._before = self._closure()

    @classmethod
    def of(cls, spec: Outline) -> Self:
        """The order that the usable dependencies of a spec give: to other steps that exist."""
        steps = {step.id: step for step in reversed(spec.steps) if step.id is not None}
        ids = list(dict.fromkeys(spec.ids()))
        if all(step.depends_on is None for step in spec.steps):
            return cls({id_: ids[:place][-1:] for place, id_ in enumerate(ids)})
        return cls({id_: _others(steps[id_], steps) for id_ in ids})

    def surely_before(self, earlier: str, later: str) -> bool:
        """Whether `earlier` has ended whenever `later` starts."""
        return bool(self._before[later] >> self._places[earlier] & 1)

    def circles(self) -> list[list[str]]:
        """Circles of steps that wait for each other; each begins with the step listed first."""
        walked: dict[str, int] = {}
        return [found for number, id_ in enumerate(self.waits_for) if (found := self._circle(id_, number, walked))]

    def _circle(self, start: str, number: int, walked: dict[str, int]) -> list[str]:
        """Follow what waits from `start`; the circle it runs into, unless it was walked before."""
        way: list[str] = []
        here = start
        while here in self.stuck and here not in walked:
            walked[here] = number
            way.append(here)
            here = next(other for other in self.waits_for[here] if other in self.stuck)
        if not way or walked.get(here) != number:
            return []
        circle = way[way.index(here) :]
        first = circle.index(min(circle, key=self._places.__getitem__))
        return circle[first:] + circle[:first]

    def _closure(self) -> dict[str, int]:
        """For each step a bit for every step before it; none for those that are stuck."""
        bits: dict[str, int] = dict.fromkeys(self.stuck, 0)
        after = dependents(self.waits_for)
        missing = {id_: len(waits) for id_, waits in self.waits_for.items()}
        ready = [id_ for id_, count in missing.items() if count == 0]
        for id_ in ready:
            bits[id_] = self._union(self.waits_for[id_], bits)
            for other in after[id_]:
                missing[other] -= 1
                if missing[other] == 0:
                    ready.append(other)
        return bits

    def _union(self, waits: Sequence[str], bits: Mapping[str, int]) -> int:
        union = 0
        for other in waits:
            union |= bits[other] | 1 << self._places[other]
        return union


def _others(step: StepOutline, known: Mapping[str, object]) -> list[str]:
    named = dict.fromkeys(id_ for _, id_ in step.depends_on or ())
    return [id_ for id_ in named if id_ in known and id_ != step.id]
