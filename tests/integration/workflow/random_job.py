"""Hypothesis strategies: random jobs of every construct, and random decisions about them while they run."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Draw = st.DrawFn
CLASSES = ("TRANSIENT", "PERMANENT", "THROTTLED", "TIMEOUT", "INTERNAL")
ANSWERS = ([200], [200], [503, 200], [500, 500, 200], [404, 200], [404], [429, 200])
UNDO_ANSWERS = ([200], [200], [200], [404, 200], [503, 200])
POLICIES = (
    {"maximum_attempts": 1},
    {"maximum_attempts": 2, "initial_interval": "5ms"},
    {"maximum_attempts": 4, "initial_interval": "5ms", "backoff_coefficient": 1.5},
    {"maximum_attempts": 3, "initial_interval": "5ms", "non_retryable_errors": ["STEP.HTTP.5*"]},
)
NONSENSE: tuple[tuple[str, list[Any]], ...] = (
    ("retry", [1, 2]),
    ("skip", ["x"]),
    ("deliver", [{"name": 7}]),
    ("make_coffee", []),
    ("approve", [None]),
    ("discard", [{"actor": ["a"]}]),
)


@dataclass(frozen=True)
class Move:
    """Somebody does something `after` milliseconds: a command with its argument, or Temporal's own cancel."""

    after: int
    name: str
    args: list[Any]
    signal: bool


@dataclass(frozen=True, repr=False)
class Plan:
    """A job and what happens to it. `answers` are the partner's, by the last part of the path."""

    steps: list[dict[str, Any]]
    fields: dict[str, Any]
    answers: dict[str, list[int]]
    moves: list[Move]

    def __repr__(self) -> str:
        return f"Plan of {len(self.steps)} steps"  # Hypothesis warns of a long one

    def told(self) -> str:
        """The whole plan as one line of Python, to try it again by hand."""
        return f"Plan({self.steps}, {self.fields}, {self.answers}, {self.moves})"


@st.composite
def plans(draw: Draw) -> Plan:
    """A whole job. Paths are made absolute by `at`."""
    answers: dict[str, list[int]] = {}
    ids = [f"s{number}" for number in range(draw(st.integers(2, 12)))]
    steps = [_step(draw, id_, ids[:place], answers) for place, id_ in enumerate(ids)]
    moves = draw(st.lists(_moves(ids), max_size=8))
    return Plan(steps, _fields(draw), answers, moves)


def _fields(draw: Draw) -> dict[str, Any]:
    dead_letter = draw(
        st.sampled_from([{"enabled": True}, {"enabled": True, "retention": "250ms"}, {"enabled": False}])
    )
    rare: dict[str, list[Any]] = {
        "timeout": [None, None, None, "400ms"],
        "delay": [None, None, None, "60ms"],
        "output": [None, None, None, "${ steps.s0.status }", "${ input.nothing }"],
    }
    drawn = {name: draw(st.sampled_from(values)) for name, values in rare.items()}
    return {"dead_letter": dead_letter, **{name: value for name, value in drawn.items() if value is not None}}


def _step(draw: Draw, id_: str, earlier: list[str], answers: dict[str, list[int]]) -> dict[str, Any]:
    after = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
    step: dict[str, Any] = {"id": id_, "depends_on": after, "retry": draw(st.sampled_from(POLICIES))}
    step |= draw(st.sampled_from([_compute, _log, _sleep, _fail, _call, _call, _wait, _approval, _job]))(
        draw, id_, answers
    )
    if draw(st.integers(0, 3)) == 0:
        size = draw(st.integers(0, 5))
        step["for_each"] = {"items": list(range(size)), "max_parallel": draw(st.integers(1, 4))}
    if draw(st.integers(0, 4)) == 0:
        seen = f"${{ steps.{after[0]}.status == 'COMPLETED' }}" if after else True
        step["when"] = draw(st.sampled_from([False, seen, "${ input.nothing }"]))
    if draw(st.integers(0, 3)) == 0:
        errors = draw(st.sampled_from([["*"], ["STEP.HTTP.*"], ["MY.*", "ENGINE.*"]]))
        step["catch"] = [
            {"errors": errors, "output": draw(st.sampled_from([None, {"code": f"${{ steps.{id_}.error.code }}"}]))}
        ]
    step["continue_on_error"] = draw(st.sampled_from([False, False, True]))
    if draw(st.booleans()):
        step["compensate"] = _undo(draw, f"undo-{id_}", answers, items="for_each" in step)
    return step


def _undo(draw: Draw, path: str, answers: dict[str, list[int]], *, items: bool) -> dict[str, Any]:
    """Each item is undone at a path of its own."""
    for each in [f"{path}.{index}" for index in range(5)] if items else [path]:
        answers[each] = list(draw(st.sampled_from(UNDO_ANSWERS)))
    params = {"url": f"/{path}.${{ index }}" if items else f"/{path}", "method": "POST"}
    return {"type": "HTTP_CALL", "with": params, "retry": {"maximum_attempts": 2, "initial_interval": "5ms"}}


def _compute(draw: Draw, *_: Any) -> dict[str, Any]:
    expression = draw(st.sampled_from(["1 + 1", "job.name", "1 / 0", "input.nothing"]))
    return {"type": "COMPUTE", "with": {"expression": expression}}


def _log(*_: Any) -> dict[str, Any]:
    return {"type": "LOG", "with": {"message": "${ job.id }"}}


def _sleep(draw: Draw, *_: Any) -> dict[str, Any]:
    return {"type": "SLEEP", "with": {"duration": f"{draw(st.integers(1, 120))}ms"}}


def _fail(draw: Draw, *_: Any) -> dict[str, Any]:
    params: dict[str, Any] = {"code": "MY.CODE", "class": draw(st.sampled_from(CLASSES))}
    times = draw(st.sampled_from([None, 0, 1, 2]))
    return {"type": "FAIL", "with": params if times is None else {**params, "times": times}}


def _call(draw: Draw, id_: str, answers: dict[str, list[int]]) -> dict[str, Any]:
    answers[id_] = list(draw(st.sampled_from(ANSWERS)))
    effect = draw(st.sampled_from(["idempotent", "idempotent", "at_most_once"]))
    return {"type": "HTTP_CALL", "with": {"url": f"/{id_}", "method": "POST"}, "effect": effect}


def _wait(draw: Draw, id_: str, _: Any) -> dict[str, Any]:
    params = {"name": draw(st.sampled_from(["go", id_])), "timeout": f"{draw(st.integers(20, 300))}ms"}
    return {"type": "WAIT", "with": {**params, "on_timeout": draw(st.sampled_from(["fail", "continue"]))}}


def _approval(draw: Draw, *_: Any) -> dict[str, Any]:
    params = {"timeout": f"{draw(st.integers(20, 300))}ms", "required_approvals": draw(st.integers(1, 2))}
    return {"type": "APPROVAL", "with": {**params, "on_timeout": draw(st.sampled_from(["fail", "continue"]))}}


def _job(draw: Draw, *_: Any) -> dict[str, Any]:
    inner = draw(st.sampled_from([_compute, _log, _sleep, _fail]))(draw)
    child = {
        "name": "child",
        "steps": [{"id": "only", **inner, "retry": {"maximum_attempts": 2, "initial_interval": "5ms"}}],
        "dead_letter": draw(st.sampled_from([{"enabled": False}, {"enabled": True, "retention": "50ms"}])),
    }
    return {"type": "JOB", "with": {"job": child, "wait": draw(st.sampled_from([True, True, False]))}}


def _moves(ids: list[str]) -> st.SearchStrategy[Move]:
    @st.composite
    def move(draw: Draw) -> Move:
        step = draw(st.sampled_from([*ids, f"{ids[0]}.0", f"{ids[-1]}.compensate"]))
        by = {"actor": draw(st.sampled_from(["ann", "bob"])), "reason": "why not"}
        name: str
        args: list[Any]
        name, args = draw(  # type: ignore[assignment]  # of several shapes
            st.sampled_from(
                [
                    ("retry", []),
                    ("retry", [{**by, "steps": [step], "force": True}]),
                    ("retry", [{**by, "from_step": draw(st.sampled_from(ids)), "force": True}]),
                    ("retry", [{**by, "steps": [step], "patch": {step.split(".")[0]: {"code": "MY.OTHER"}}}]),
                    ("skip", [{**by, "step": step, "output": {"by": "hand"}}]),
                    ("skip", [by]),
                    ("discard", [by]),
                    ("pause", [by]),
                    ("resume", [by]),
                    ("deliver", [{**by, "name": "go", "payload": {"n": 1}}]),
                    ("deliver", [{**by, "name": step, "payload": "early"}]),
                    ("approve", [{**by, "decision": draw(st.sampled_from(["approve", "reject"]))}]),
                    ("cancel", [by]),
                    ("temporal cancel", []),
                    *NONSENSE,
                ]
            )
        )
        return Move(draw(st.integers(0, 250)), name, args, draw(st.booleans()))

    return move()


def at(value: Any, base: str, queue: str) -> Any:
    """The same with paths made absolute, and children on the test's queue."""
    if isinstance(value, list):
        return [at(each, base, queue) for each in value]
    if isinstance(value, dict):
        whole = {name: at(each, base, queue) for name, each in value.items()}
        if "job" in whole:
            whole["job"]["queue"] = queue
        return whole
    return base + value if isinstance(value, str) and value.startswith("/") else value
