"""Every construct of the job spec, every command and every note has a stored history that uses it."""

import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from perdure.contract.command import Command  # noqa: TC001  one place for imports
from perdure.contract.execution import JobState
from perdure.contract.spec import CatchRule, Compensation, DependentSpec, DependentWhen, ForEach, JobSpec, StepSpec
from perdure.contract.waiting import ApprovalParams, WaitParams
from perdure.steps.catalogue import CATALOGUE
from tests.replay.stored import HISTORIES, commands_of, notes_of, read, specs_of, start_of
from workflows.job.command import SIGNALS, UPDATES
from workflows.job.ending import EndingKind

RUNS = [read(path) for path in HISTORIES]
STARTS = [start_of(run) for run in RUNS]
SPECS = [spec for start in STARTS for spec in specs_of(start.spec)]
STEPS = [step for spec in SPECS for step in spec.steps]
NOTES = [note for run in RUNS for note in notes_of(run)]
COMMANDS = [command for run in RUNS for command in commands_of(run)]
SOURCES = Path(__file__).parents[2] / "workflows" / "job"
READ_BY_THE_API = {"id"}
"""The workflow never sees it: it is the workflow's own id."""


def used(models: Iterable[BaseModel]) -> set[str]:
    """The fields that have another value than their default somewhere."""
    return {
        name
        for model in models
        for name, field in type(model).model_fields.items()
        if field.is_required() or getattr(model, name) != field.get_default(call_default_factory=True)
    }


@pytest.mark.parametrize("type_", sorted(CATALOGUE))
def test_b9_every_step_type_has_a_history(type_: str) -> None:
    assert any(step.type == type_ for step in STEPS)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (JobSpec, SPECS),
        (StepSpec, STEPS),
        (ForEach, [step.for_each for step in STEPS if step.for_each]),
        (CatchRule, list(chain.from_iterable(step.catch for step in STEPS))),
        (Compensation, [step.compensate for step in STEPS if step.compensate]),
        (DependentSpec, list(chain.from_iterable(spec.dependents for spec in SPECS))),
        (JobState, [start.carried for start in STARTS if start.carried]),
    ],
)
def test_b9_every_field_has_a_history_that_uses_it(model: type[BaseModel], found: list[BaseModel]) -> None:
    assert set(model.model_fields) - used(found) <= READ_BY_THE_API


@pytest.mark.parametrize(("model", "type_"), [(WaitParams, "WAIT"), (ApprovalParams, "APPROVAL")])
def test_b9_every_parameter_of_a_wait_has_a_history(model: type[BaseModel], type_: str) -> None:
    given: set[str] = {name for step in STEPS if step.type == type_ for name in step.params}
    assert {field.alias or name for name, field in model.model_fields.items()} <= given


def test_b9_every_kind_of_dependent_has_a_history() -> None:
    assert {each.when for spec in SPECS for each in spec.dependents} == set(DependentWhen)


@pytest.mark.parametrize("via", ["signal", "update"])
def test_b9_every_command_has_a_history(via: str) -> None:
    known: dict[str, Any] = {"signal": SIGNALS, "update": UPDATES}
    assert {name for by, name, _ in COMMANDS if by == via} >= set(known[via])


@pytest.mark.parametrize("name", sorted(UPDATES))
def test_b9_every_field_of_a_command_has_a_history(name: str) -> None:
    model: type[Command] = UPDATES[name]
    assert used(command for _, each, command in COMMANDS if each == name) == set(model.model_fields)


def test_b9_every_note_that_the_code_writes_has_a_history() -> None:
    source = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    written = set(re.findall(r"JournalType\.([A-Z_]+)", source))
    assert written - {str(note.kind) for note in NOTES} == set()


def test_b9_every_way_to_end_has_a_history() -> None:
    reasons = {note.reason for note in NOTES if note.kind == "STEP_OMITTED"}
    ended = {kind.value[1] for kind in EndingKind} - {"the job completed", "the job completed with errors"}
    assert ended - reasons == set()
