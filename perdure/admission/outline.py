"""A spec read as far as it goes, so that the further checks run although something in it is malformed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perdure.admission.json_path import Path
from perdure.contract.limit import MAX_DEPENDENTS, MAX_NESTING, MAX_STEPS


@dataclass(frozen=True, slots=True)
class OperationOutline:
    """What is usable of what a step does, or of its compensation: a type, and its parameters."""

    path: Path
    type: str | None
    params: Mapping[str, Any]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepOutline(OperationOutline):
    """What is usable of one step. `depends_on`: place in the list, and id; None without such a list.

    `job` is that of a JOB step, `each` says whether it is a fan-out, `items` are those written out.
    """

    position: int
    id: str | None
    depends_on: tuple[tuple[int, str], ...] | None
    compensate: OperationOutline | None
    each: bool
    items: list[Any] | None
    job: "Outline | None"

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

    def children(self) -> "tuple[Outline, ...]":
        """The jobs right within this one: those of its JOB steps, and its dependents."""
        jobs = (*(step.job for step in self.steps), *(dependent.job for dependent in self.dependents))
        return tuple(job for job in jobs if job is not None)

    def jobs(self) -> "Iterator[Outline]":
        """This job and all within it, theirs too."""
        yield self
        for child in self.children():
            yield from child.jobs()


def outline(document: Any, path: Path = (), level: int = 0) -> Outline:
    """What is usable of a document; never raises. What is beyond a limit is not looked at."""
    fields = _fields(document)
    steps, dependents = _objects(fields, "steps", MAX_STEPS), _objects(fields, "dependents", MAX_DEPENDENTS)
    return Outline(
        path,
        level,
        fields,
        tuple(_step((*path, "steps", position), position, step, level) for position, step in steps),
        tuple(_dependent((*path, "dependents", position), found, level) for position, found in dependents),
    )


def _objects(fields: Mapping[str, Any], name: str, limit: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = fields.get(name)
    for position, found in enumerate(listed[:limit] if isinstance(listed, list) else ()):
        if isinstance(found, dict):
            yield position, found


def _step(path: Path, position: int, step: Mapping[str, Any], level: int) -> StepOutline:
    type_, params, each = _text(step.get("type")), _fields(step.get("with")), step.get("for_each")
    items, undo = _fields(each).get("items"), step.get("compensate")
    return StepOutline(
        path=path,
        type=type_,
        params=params,
        fields=step,
        position=position,
        id=_text(step.get("id")),
        depends_on=_dependencies(step),
        compensate=_operation((*path, "compensate"), undo) if isinstance(undo, dict) else None,
        each=each is not None,
        items=items if isinstance(items, list) else None,
        job=_inner(params.get("job"), (*path, "with", "job"), level) if type_ == "JOB" else None,
    )


def _operation(path: Path, found: Mapping[str, Any]) -> OperationOutline:
    return OperationOutline(path, _text(found.get("type")), _fields(found.get("with")), found)


def _dependent(path: Path, found: Mapping[str, Any], level: int) -> DependentOutline:
    return DependentOutline(path, _text(found.get("name")), found, _inner(found.get("job"), (*path, "job"), level))


def _inner(job: Any, path: Path, level: int) -> Outline | None:
    return outline(job, path, level + 1) if isinstance(job, dict) and level < MAX_NESTING else None


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _dependencies(step: Mapping[str, Any]) -> tuple[tuple[int, str], ...] | None:
    listed = step.get("depends_on")
    if not isinstance(listed, list):
        return None
    return tuple((place, id_) for place, id_ in enumerate(listed[:MAX_STEPS]) if isinstance(id_, str))
