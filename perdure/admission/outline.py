"""A spec read as far as it goes, so that the further checks run although something in it is malformed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perdure.admission.json_path import Path
from perdure.contract.limit import MAX_DEPENDENTS, MAX_NESTING, MAX_STEPS


@dataclass(frozen=True, slots=True)
class StepOutline:
    """What is usable of one step. `depends_on`: place in the list, and id; None without such a list."""

    path: Path
    position: int
    id: str | None
    type: str | None
    depends_on: tuple[tuple[int, str], ...] | None
    fields: Mapping[str, Any]

    @property
    def label(self) -> str:
        """How messages call the step."""
        return self.id if self.id is not None else f"steps[{self.position}]"


@dataclass(frozen=True, slots=True)
class DependentOutline:
    """What is usable of one dependent. `job` is None where there is no object, or too many in each other."""

    path: Path
    name: str | None
    fields: Mapping[str, Any]
    job: "Outline | None"


@dataclass(frozen=True, slots=True)
class Outline:
    """The usable part of a spec. `level` counts the jobs around it."""

    path: Path
    level: int
    fields: Mapping[str, Any]
    steps: tuple[StepOutline, ...]
    dependents: tuple[DependentOutline, ...]

    def ids(self) -> tuple[str, ...]:
        """The ids of the steps, in order."""
        return tuple(step.id for step in self.steps if step.id is not None)

    def jobs(self) -> "Iterator[Outline]":
        """This job and all its dependents, theirs too."""
        yield self
        for dependent in self.dependents:
            if dependent.job is not None:
                yield from dependent.job.jobs()


def outline(document: Any, path: Path = (), level: int = 0) -> Outline:
    """What is usable of a document; never raises. What is beyond a limit is not looked at."""
    fields = document if isinstance(document, dict) else {}
    steps, dependents = _objects(fields, "steps", MAX_STEPS), _objects(fields, "dependents", MAX_DEPENDENTS)
    return Outline(
        path,
        level,
        fields,
        tuple(_step((*path, "steps", position), position, step) for position, step in steps),
        tuple(_dependent((*path, "dependents", position), found, level) for position, found in dependents),
    )


def _objects(fields: Mapping[str, Any], name: str, limit: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = fields.get(name)
    for position, found in enumerate(listed[:limit] if isinstance(listed, list) else ()):
        if isinstance(found, dict):
            yield position, found


def _step(path: Path, position: int, step: Mapping[str, Any]) -> StepOutline:
    return StepOutline(path, position, _text(step.get("id")), _text(step.get("type")), _dependencies(step), step)


def _dependent(path: Path, found: Mapping[str, Any], level: int) -> DependentOutline:
    job = found.get("job")
    usable = isinstance(job, dict) and level < MAX_NESTING
    inner = outline(job, (*path, "job"), level + 1) if usable else None
    return DependentOutline(path, _text(found.get("name")), found, inner)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _dependencies(step: Mapping[str, Any]) -> tuple[tuple[int, str], ...] | None:
    listed = step.get("depends_on")
    if not isinstance(listed, list):
        return None
    return tuple((place, id_) for place, id_ in enumerate(listed[:MAX_STEPS]) if isinstance(id_, str))
