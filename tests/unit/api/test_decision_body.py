"""Bodies of decisions: what is taken, and what is refused with its place."""

from typing import Any

import pytest
from pydantic import BaseModel

from api.dead_letters.schemas import DiscardRequest, RetryDeadLetterRequest, SkipRequest
from api.jobs.request import (
    ApproveRequest,
    CancelRequest,
    DecisionRequest,
    DeliverRequest,
    PauseRequest,
    ResubmitRequest,
    ResumeRequest,
    RetryRequest,
    TerminateRequest,
)
from perdure.admission.problem import AdmissionError
from perdure.admission.structure import read_model
from perdure.contract.command import (
    ApproveCommand,
    Command,
    DeliverCommand,
    DiscardCommand,
    PauseCommand,
    ResumeCommand,
    RetryCommand,
    SkipCommand,
)

WHY = {"reason": "x"}
SKIP = {**WHY, "step": "a", "output": 1}


def problems(model: type[BaseModel], document: Any) -> list[tuple[str, str]]:
    with pytest.raises(AdmissionError) as refused:
        read_model(model, document)
    return [(problem.path, problem.code) for problem in refused.value.problems]


@pytest.mark.parametrize(
    "model", [CancelRequest, TerminateRequest, PauseRequest, ResumeRequest, RetryRequest, ResubmitRequest]
)
def test_a_decision_about_a_job_needs_no_reason(model: type[DecisionRequest]) -> None:
    assert read_model(model, {}).reason is None


@pytest.mark.parametrize("reason", [{}, {"reason": None}, {"reason": ""}, {"reason": " \n"}])
def test_a_decision_about_a_dead_letter_needs_one(reason: dict[str, Any]) -> None:
    for model in (RetryDeadLetterRequest, SkipRequest, DiscardRequest):
        assert "$.reason" in [path for path, _ in problems(model, {"step": "a", "output": 1, **reason})] or (
            model is not SkipRequest and "$.reason" in [path for path, _ in problems(model, reason)]
        )


@pytest.mark.parametrize(
    ("model", "document", "place", "code"),
    [
        (CancelRequest, {"reasons": "x"}, "$.reasons", "UNKNOWN"),
        (CancelRequest, {"reason": 5}, "$.reason", "TYPE"),
        (CancelRequest, {"reason": "x" * 2_001}, "$.reason", "LIMIT"),
        (CancelRequest, [], "$", "TYPE"),
        (CancelRequest, None, "$", "TYPE"),
        (RetryRequest, {"steps": []}, "$.steps", "VALUE"),
        (RetryRequest, {"steps": "a"}, "$.steps", "TYPE"),
        (RetryRequest, {"steps": ["a", "B"]}, "$.steps[1]", "VALUE"),
        (RetryRequest, {"steps": ["a.b"]}, "$.steps[0]", "VALUE"),
        (RetryRequest, {"steps": ["a", 1]}, "$.steps[1]", "TYPE"),
        (RetryRequest, {"steps": ["a"], "from_step": "b"}, "$", "VALUE"),
        (RetryRequest, {"from_step": "a.1"}, "$.from_step", "VALUE"),
        (RetryRequest, {"patch": {}}, "$.patch", "VALUE"),
        (RetryRequest, {"patch": []}, "$.patch", "TYPE"),
        (RetryRequest, {"patch": {"a": {}}}, "$.patch.a", "VALUE"),
        (RetryRequest, {"patch": {"a": "x"}}, "$.patch.a", "TYPE"),
        (RetryRequest, {"patch": {"A": {"x": 1}}}, "$.patch.A", "VALUE"),
        (RetryRequest, {"force": "yes"}, "$.force", "TYPE"),
        (RetryRequest, {"force": True}, "$", "VALUE"),
        (RetryRequest, {"force": True, "reason": " "}, "$", "VALUE"),
        (RetryRequest, {"actor": "key:root"}, "$.actor", "UNKNOWN"),
        (SkipRequest, {**WHY, "step": "a"}, "$.output", "MISSING"),
        (SkipRequest, {**WHY, "output": 1}, "$.step", "MISSING"),
        (SkipRequest, {**SKIP, "step": ""}, "$.step", "VALUE"),
        (DiscardRequest, {**WHY, "step": "a"}, "$.step", "UNKNOWN"),
        (DeliverRequest, WHY, "$.name", "MISSING"),
        (DeliverRequest, {"name": ""}, "$.name", "VALUE"),
        (DeliverRequest, {"name": "n" * 101}, "$.name", "LIMIT"),
        (ApproveRequest, WHY, "$.decision", "MISSING"),
        (ApproveRequest, {"decision": "maybe"}, "$.decision", "VALUE"),
        (ApproveRequest, {"decision": "approve", "role": "admin"}, "$.role", "UNKNOWN"),
        (ResubmitRequest, {"id": "a b"}, "$.id", "VALUE"),
        (ResubmitRequest, {"from_step": ""}, "$.from_step", "VALUE"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(model: type[BaseModel], document: Any, place: str, code: str) -> None:
    assert (place, f"API.FIELD.{code}") in problems(model, document)


@pytest.mark.parametrize("unit", ["fetch", "fetch.7", "fetch.compensate", "fetch.7.compensate"])
def test_whatever_can_be_parked_can_be_named(unit: str) -> None:
    assert read_model(RetryRequest, {"steps": [unit]}).steps == [unit]
    assert read_model(SkipRequest, {**SKIP, "step": unit}).step == unit


@pytest.mark.parametrize(
    ("model", "document", "command"),
    [
        (PauseRequest, WHY, PauseCommand),
        (ResumeRequest, WHY, ResumeCommand),
        (RetryRequest, {"steps": ["a.1"], "patch": {"a": {"x": 1}}, **WHY}, RetryCommand),
        (RetryRequest, {"from_step": "a", "force": True, **WHY}, RetryCommand),
        (RetryDeadLetterRequest, WHY, RetryCommand),
        (SkipRequest, {**SKIP, "output": {"n": [1, None]}}, SkipCommand),
        (DiscardRequest, WHY, DiscardCommand),
        (DeliverRequest, {"name": "go", "payload": {"n": 1}}, DeliverCommand),
        (ApproveRequest, {"decision": "reject", "step": "a"}, ApproveCommand),
    ],
)
def test_a_body_becomes_its_command(model: type[BaseModel], document: dict[str, Any], command: type[Command]) -> None:
    made = command(actor="key:ops", **dict(read_model(model, document)))
    said = made.model_dump(mode="json", exclude_defaults=True)
    assert said == {"actor": "key:ops", **document}


def test_a_resubmission_tells_null_from_nothing() -> None:
    assert not read_model(ResubmitRequest, {}).changes_input
    assert read_model(ResubmitRequest, {"input": None}).changes_input
