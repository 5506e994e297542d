"""A spec read as far as it goes, so that the further checks run although something in it is malformed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perdure.admission.json_path import Path
from perdure.contract.limit import MAX_STEPS


@dataclass(frozen=True, slots=True)
class StepOutline:
    """What is usable of one step. `depends_on`: place in the list, and id; None without such a list."""

    position: int
    id: str | None
    type: str | None
    depends_on: tuple[tuple[int, str], ...] | None
    fields: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where the step stands in the spec."""
        return ("steps", self.position)

    @property
    def label(self) -> str:
        """How messages call the step."""
        return self.id if self.id is not None else f"steps[{self.position}]"


@dataclass(frozen=True, slots=True)
class Outline:
    """The usable part of a spec."""

    fields: Mapping[str, Any]
    steps: tuple[StepOutline, ...]

    def ids(self) -> tuple[str, ...]:
        """The ids of the steps, in order."""
        return tuple(step.id for step in self.steps if step.id is not None)


def outline(document: Any) -> Outline:
    """What is usable of a document; never raises. Steps beyond the limit are not looked at."""
    fields = document if isinstance(document, dict) else {}
    return Outline(fields, tuple(_steps(fields.get("steps"))))


def _steps(listed: Any) -> Iterator[StepOutline]:
    for position, step in enumerate(listed[:MAX_STEPS] if isinstance(listed, list) else ()):
        if isinstance(step, dict):
            yield StepOutline(position, _text(step.get("id")), _text(step.get("type")), _dependencies(step), step)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _dependencies(step: Mapping[str, Any]) -> tuple[tuple[int, str], ...] | None:
    listed = step.get("depends_on")
    if not isinstance(listed, list):
        return None
    return tuple((place, id_) for place, id_ in enumerate(listed[:MAX_STEPS]) if isinstance(id_, str))
