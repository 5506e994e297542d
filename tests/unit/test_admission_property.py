"""Properties of admission: any document is accepted or refused in words, and what is accepted can run."""

import copy
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from perdure.admission.admission import Admitted, admit, check_ids
from perdure.admission.problem import AdmissionError
from perdure.contract.execution import JobStart
from workflows.job.opening import read_start

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOISE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 10**9, 0.5, [], {}, [[]], [None], {"a": 1}, "", "a", "b", "LOG", "JOB", "WAIT"),
    *("0s", "-1s", "1000000000000s", "2026-12-01", "2029-12-01T00:00:00Z", "STEP *", "*", "\U0001f600", "a\n"),
    *("${ input }", "${ item }", "${ steps.s0.output }", "${ steps.s2.error }", "${", "${ 1 + }", "${ secrets.A }"),
    *(["*"], [1] * 101, {"type": "strin"}, {"$ref": "#"}, {"name": "x", "steps": [{"id": "a", "type": "LOG"}]}),
]
PARAMS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "LOG": lambda rng: {"message": rng.choice(["x", "${ input.a } of ${ job.id }"])},
    "COMPUTE": lambda rng: {"expression": rng.choice(["1 + 1", "input.rows.map(r, r + 1)"])},
    "HTTP_CALL": lambda rng: {"url": rng.choice(["https://x.example/", "${ input.url }"])},
    "FAIL": lambda rng: {"times": rng.randrange(3)},
    "SLEEP": lambda rng: {"duration": rng.choice(["1s", "${ input.rest }"])},
    "WAIT": lambda rng: {"name": "paid", "schema": rng.choice([True, {"const": "${ x"}, {"items": {"$ref": "#"}}])},
    "APPROVAL": lambda rng: {"roles": rng.choice([[], ["admin"]]), "required_approvals": rng.randint(1, 3)},
}
WITHOUT_ATTEMPTS = {"SLEEP", "WAIT", "APPROVAL", "JOB"}


def operation(rng: Random, types: list[str], level: int) -> dict[str, Any]:
    type_ = rng.choice(types)
    params = {"job": job(rng, level + 1), "wait": rng.random() < 0.5} if type_ == "JOB" else PARAMS[type_](rng)
    policy = {"timeout": "1m", "retry": {"maximum_attempts": rng.randint(1, 9)}}
    return {"type": type_, "with": params, **({} if type_ in WITHOUT_ATTEMPTS or rng.random() < 0.5 else policy)}


def step(rng: Random, place: int, level: int) -> dict[str, Any]:
    made = {"id": f"s{place}", **operation(rng, [*PARAMS, *(["JOB"] if level < 3 else [])], level)}
    before = f"${{ steps.s{rng.randrange(place)}.output }}" if place else "${ input }"
    active = sorted(PARAMS.keys() - WITHOUT_ATTEMPTS)
    fields: dict[str, Callable[[], Any]] = {
        "when": lambda: rng.choice([True, "${ input.a == 1 }"]),
        "for_each": lambda: {"items": rng.choice([before, [1, before], []]), "max_parallel": rng.randint(1, 500)},
        "continue_on_error": lambda: rng.random() < 0.5,
        "catch": lambda: [{"errors": ["STEP.*"], "output": f"${{ steps.s{place}.error.code }}"}, {"output": before}],
        "compensate": lambda: operation(rng, active, level),
    }
    return {**made, **{name: value() for name, value in fields.items() if rng.random() < 0.3}}


def job(rng: Random, level: int = 0) -> dict[str, Any]:
    steps = [step(rng, place, level) for place in range(rng.randint(1, 4))]
    fields: dict[str, Callable[[], Any]] = {
        "input": lambda: rng.choice(["${ input }", {"a": [1, 2.5, None]}]) if level else {"a": "${"},
        "output": lambda: {"all": [f"${{ steps.{made['id']}.status }}" for made in steps]},
        "retry": lambda: {"jitter": rng.random()},
        "timeout": lambda: "365d",
        "delay": lambda: "1h",
        "labels": lambda: {f"l{rng.randrange(9)}": "x"},
        "dependents": lambda: [{"name": "d", "when": "always", "job": job(rng, level + 1)}] if level < 3 else [],
    }
    chosen = {name: value() for name, value in fields.items() if rng.random() < 0.3}
    if level and isinstance(chosen.get("input"), str):
        chosen["input"] = "${ input }"
    return {"name": "job", "steps": steps, **chosen}


def spoil(rng: Random, document: Any) -> Any:
    """The document with something else at a place of it."""
    inner = document
    while isinstance(inner, dict | list) and inner:
        key = rng.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        if rng.random() < 0.3 or not isinstance(inner[key], dict | list) or not inner[key]:
            if isinstance(inner, dict) and rng.random() < 0.2:
                key = rng.choice(["id", "job", "when", "timeout", "errors", "nope"])
            inner[key] = copy.deepcopy(rng.choice(NOISE))
            return document
        inner = inner[key]
    return copy.deepcopy(rng.choice(NOISE))


def tried(document: Any) -> Admitted | AdmissionError:
    try:
        admitted = admit(document, now=NOW)
        check_ids(admitted, "default:key")
    except AdmissionError as refused:
        return refused
    return admitted


def check(document: Any) -> bool:
    """Whether it is admitted; then it is one that the workflow can read."""
    before = json.dumps(document)
    admitted = tried(document)
    assert json.dumps(document) == before
    if isinstance(admitted, AdmissionError):
        assert admitted.problems
        assert all(problem.path.startswith("$") and problem.message for problem in admitted.problems)
        return False
    start = JobStart(spec=admitted.spec, tenant="default")
    assert read_start(RawValue(Payload(data=start.model_dump_json(by_alias=True).encode()))) == start
    again = tried(admitted.spec.model_dump(mode="json", by_alias=True))
    assert isinstance(again, Admitted)
    assert again.spec == admitted.spec
    return True


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_b5_a_well_made_spec_is_admitted_and_can_run(seed: int) -> None:
    document = job(Random(seed))
    assert check(document), tried(document)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_b5_a_spoiled_spec_is_refused_with_places_or_can_run(seed: int, times: int) -> None:
    rng = Random(seed)
    document = job(rng)
    for _ in range(times):
        document = spoil(rng, document)
    check(document)


def test_the_generated_specs_are_of_both_kinds() -> None:
    found = Counter(check(spoil(Random(seed), job(Random(seed)))) for seed in range(60))
    assert min(found[True], found[False]) > 5
