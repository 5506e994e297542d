"""Properties of admission: any document is accepted or refused in words, and what is accepted can run."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from perdure.admission.admission import admit, check_ids
from perdure.admission.problem import AdmissionError
from perdure.contract.execution import JobStart
from workflows.job.opening import read_start

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TEXTS = [
    *("", "a", "b", "1s", "0s", "5m", "1000000000000s", "2026-12-01T00:00:00Z", "STEP.HTTP.*", "*", "default"),
    *(
        "${ input }",
        "${ input.rows }",
        "${ item }",
        "${ index }",
        "${ steps.a.output }",
        "${ steps.b.error }",
        "${ job.id }",
    ),
    *("${", "${ 1 + }", "${ secrets.A }", "$${ x }", "${ true }", "LOG", "JOB", "WAIT", "at_most_once", "\U0001f600"),
]
scalars = st.none() | st.booleans() | st.integers(-2, 1_001) | st.just(10**9) | st.sampled_from(TEXTS)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS[:4]), inner, max_size=3),
    max_leaves=5,
)
ids = st.sampled_from(["a", "b", "c"])


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is meant, and sometimes anything else."""
    return st.integers(0, 15).flatmap(lambda chance: anything if chance == 0 else good)


schemas = st.sampled_from([True, {"type": "object"}, {"type": "strin"}, {"$ref": "#"}, {"items": {"$ref": "#"}}])
params = {
    "LOG": st.fixed_dictionaries({"message": st.sampled_from(TEXTS)}),
    "SLEEP": st.fixed_dictionaries({"duration": st.sampled_from(["1s", "${ input }", "0s"])}),
    "COMPUTE": st.fixed_dictionaries({"expression": st.sampled_from(["1 + 1", "item", "steps.a.output", "["])}),
    "FAIL": st.just({}),
    "WAIT": st.fixed_dictionaries(
        {"name": st.sampled_from(TEXTS)}, optional={"schema": schemas, "timeout": mostly(st.just("1h"))}
    ),
    "APPROVAL": st.fixed_dictionaries({}, optional={"roles": mostly(st.just(["admin"])), "message": scalars}),
}
durations = mostly(st.sampled_from(["1ms", "5m", "365d"]))
policies = st.fixed_dictionaries(
    {}, optional={"maximum_attempts": mostly(st.integers(1, 1_000)), "initial_interval": durations, "jitter": scalars}
)


def operations(types: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    def of(type_: str) -> st.SearchStrategy[Any]:
        fixed = {"type": st.just(type_), "with": mostly(types[type_])}
        return st.fixed_dictionaries(fixed, optional={"timeout": durations, "retry": mostly(policies)})

    return st.sampled_from(sorted(types)).flatmap(of)


def steps(types: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    fan_outs = st.fixed_dictionaries(
        {"items": mostly(st.just("${ input.rows }") | st.lists(scalars, max_size=3))},
        optional={"max_parallel": mostly(st.integers(1, 500))},
    )
    rules = st.fixed_dictionaries(
        {}, optional={"errors": mostly(st.just(["STEP.*"])), "output": st.sampled_from(TEXTS)}
    )
    around = st.fixed_dictionaries(
        {"id": mostly(ids)},
        optional={
            "depends_on": mostly(st.lists(ids, max_size=2, unique=True)),
            "when": mostly(st.booleans() | st.just("${ input.a == 1 }")),
            "for_each": mostly(fan_outs),
            "continue_on_error": mostly(st.booleans()),
            "catch": mostly(st.lists(rules, max_size=2)),
            "compensate": mostly(operations(types)),
            "effect": mostly(st.sampled_from(["idempotent", "at_most_once"])),
        },
    )
    return st.builds(lambda one, other: {**one, **other}, operations(types), around)


def jobs(inner: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    types = (
        params
        if inner is None
        else {**params, "JOB": st.fixed_dictionaries({"job": inner}, optional={"wait": scalars})}
    )
    optional: dict[Any, st.SearchStrategy[Any]] = {
        "input": anything,
        "output": anything,
        "retry": mostly(policies),
        "timeout": durations,
        "delay": durations,
        "start_at": mostly(st.just("2026-12-01T00:00:00Z")),
        "labels": mostly(st.dictionaries(ids, st.just("x"))),
    }
    if inner is not None:
        dependents = st.fixed_dictionaries({"name": mostly(ids), "job": mostly(inner)}, optional={"when": scalars})
        optional["dependents"] = mostly(st.lists(dependents, max_size=2))
    listed = mostly(st.lists(mostly(steps(types)), min_size=1, max_size=3))
    return st.fixed_dictionaries({"name": mostly(st.just("job")), "steps": listed}, optional=optional)


specs = anything | jobs(jobs(jobs()))


@settings(deadline=None, max_examples=500)
@given(specs)
def test_b5_any_document_is_admitted_and_runs_or_is_refused_with_places(document: Any) -> None:
    before = json.dumps(document)
    try:
        admitted = admit(document, now=NOW)
        check_ids(admitted, "default:key")
    except AdmissionError as refused:
        assert refused.problems
        assert all(problem.path.startswith("$") and problem.message for problem in refused.problems)
    else:
        start = JobStart(spec=admitted.spec, tenant="default")
        payload = Payload(data=start.model_dump_json(by_alias=True).encode())
        assert read_start(RawValue(payload)) == start
        again = admit(admitted.spec.model_dump(mode="json", by_alias=True), now=NOW)
        assert again.spec == admitted.spec
    assert json.dumps(document) == before
