"""COMPUTE: what it gives, and that its child process ends with its time, its memory or its step."""

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from perdure.expressions import ExpressionError, Scope, compute_references, compute_roots
from perdure.expressions.bounded import evaluate_bounded

if TYPE_CHECKING:
    from perdure.expressions.usage import Usage

MEBIBYTE = 1024 * 1024
CPUS = os.cpu_count() or 1


@pytest.mark.parametrize(
    ("expression", "input_", "value"),
    [
        ("input.map(x, x * 2)", [1, 2.5], [2, 5.0]),
        ("input.map(x, x * 1.5 + 1)", [1, 2], [2.5, 4.0]),
        ("input.filter(x, x.ok).map(x, x.id)", [{"ok": True, "id": 1}, {"ok": False, "id": 2}], [1]),
        ("input.map(x, x > 1, x / 2.0)", [1, 3], [1.5]),
        ("input.exists(x, x == 'b') && input.all(x, size(x) == 1)", ["a", "b"], True),
        ("input.exists_one(x, x == 1)", [1, 1], False),
        ("input.map(x, input.map(y, [x, y * 0.5]))", [1, 2], [[[1, 0.5], [1, 1.0]], [[2, 0.5], [2, 1.0]]]),
        ("{'total': input.map(x, x.n), 'all': input}", [{"n": 1}], {"all": [{"n": 1}], "total": [1]}),
        ("input.all(k, k.startsWith('k'))", {"k1": 1, "k2": 2}, True),
        ("input.a + 1", {"a": 1}, 2),
        ("input.a", {"a": None}, None),
        ("${ input.map(x, x) }", ["😀", "שלום", None, 1.0], ["😀", "שלום", None, 1.0]),
        ("input.text.matches(input.pattern)", {"text": "aab", "pattern": "^a+b$"}, True),
        ("size(input.map(x, x))", list(range(3_000)), 3_000),
    ],
)
async def test_compute_gives(expression: str, input_: Any, value: Any) -> None:
    found = await evaluate_bounded(expression, {"input": input_})
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("expression", "input_", "part"),
    [
        ("input.map(x, x.y)", [{}], "an object has no field 'y'"),
        ("input.missing.map(x, x)", {}, "input has no field 'missing'"),
        ("input.map(x, x + 'a')", [1], "'+' does not take number and string"),
        ("input.map(x, now())", [1], "there is no function now()"),
        ("input.map(x, 9007199254740993)", [1], "past what JSON keeps exactly"),
        ("input.map(x, x) +", [1], "unexpected end"),
        ("input.all(x, input.all(y, true))", list(range(200)), "loops more than 10,000 times"),
        ("item.map(x, x)", [1], "'item' is not available here"),
        ("input.map(x, x)", ["a\0"], "NUL"),
        ("input.map(x, input)", ["x" * 2_000] * 1_000, "gives more than"),
    ],
)
async def test_compute_fails_in_words(expression: str, input_: Any, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        await evaluate_bounded(expression, {"input": input_})
    assert part in caught.value.message
    assert caught.value.expression == expression


@pytest.mark.parametrize(
    ("expression", "input_"),
    [
        ("size([input]" + ".map(a, a + a)" * 25 + "[0])", "x" * 1_000),
        ("size(input.map(x, x))", list(range(9_999))),
        ("[input]" + ".map(a, [a, a, a, a, a, a, a, a, a, a])" * 8, ["x"]),
    ],
)
async def test_too_much_memory_is_an_error_and_kills_nothing_else(expression: str, input_: Any) -> None:
    with pytest.raises(ExpressionError, match=r"memory|gives more than"):
        await evaluate_bounded(expression, {"input": input_}, memory_bytes=64 * MEBIBYTE)
    assert await evaluate_bounded("[1].map(x, x)", {}) == [1]


async def test_too_long_is_an_error_and_leaves_no_process() -> None:
    started = time.monotonic()
    with pytest.raises(ExpressionError, match=r"took longer than 0.5 s"):
        await evaluate_bounded(
            "input.map(x, x.matches('(a|b|ab|ba|aab|bba){500}c'))", {"input": ["ab" * 400_000]}, timeout_seconds=0.5
        )
    assert time.monotonic() - started < 5
    assert not _children()


async def test_what_a_child_took_is_told() -> None:
    told: list[Usage] = []
    assert await evaluate_bounded("size(input.map(x, x))", {"input": [1, 2]}, on_usage=told.append) == 2
    with pytest.raises(ExpressionError, match="no field"):
        await evaluate_bounded("input.map(x, x.y)", {"input": [{}]}, on_usage=told.append)
    assert len(told) == 2
    for used in told:
        assert 0 < used.cpu_seconds < 60
        assert MEBIBYTE < used.peak_bytes < 512 * MEBIBYTE


async def test_what_a_child_took_until_its_time_was_up_is_told() -> None:
    told: list[Usage] = []
    with pytest.raises(ExpressionError, match="took longer"):
        await evaluate_bounded(
            "input.map(x, x.matches('(a|b|ab|ba|aab|bba){500}c'))",
            {"input": ["ab" * 400_000]},
            timeout_seconds=2,
            on_usage=told.append,
        )
    assert [used.cpu_seconds > 0 for used in told] == [True]


async def test_what_needs_no_child_takes_nothing_that_is_known() -> None:
    told: list[Usage] = []
    assert await evaluate_bounded("1 + 1", {}, on_usage=told.append) == 2
    assert not told


async def test_cancelling_kills_the_child() -> None:
    evaluation = asyncio.create_task(
        evaluate_bounded("input.map(x, x.matches('(a|b|ab|ba|aab|bba){500}c'))", {"input": ["ab" * 400_000]})
    )
    await _until(_children)
    evaluation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await evaluation
    assert not _children()


async def test_many_at_once_take_turns() -> None:
    evaluations = [evaluate_bounded("input.map(x, x)", {"input": [number]}) for number in range(3 * CPUS)]
    together = asyncio.gather(*evaluations)
    most = 0
    while not together.done():
        most = max(most, len(_children()))
        await asyncio.sleep(0.005)
    assert await together == [[number] for number in range(3 * CPUS)]
    assert 1 <= most <= CPUS


async def test_the_child_sees_none_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_SECRET_X", "hidden")
    evaluation = asyncio.create_task(
        evaluate_bounded("input.map(x, x.matches('(a|b|ab|ba|aab|bba){500}c'))", {"input": ["ab" * 400_000]})
    )
    await _until(lambda: [child for child in _children() if _environment(child)])
    assert all("PERDURE_SECRET_X" not in _environment(child) for child in _children())
    evaluation.cancel()
    await asyncio.wait([evaluation])


def _children() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [child for child in found if "perdure.expressions.child" in _command(child)]


def _command(child: psutil.Process) -> str:
    try:
        return " ".join(child.cmdline())
    except psutil.Error:
        return ""


def _environment(child: psutil.Process) -> dict[str, str]:
    try:
        return dict(child.environ())
    except psutil.Error:
        return {}


async def _until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_only_the_data_an_expression_names_is_sent() -> None:
    steps = {"a": {"output": {"rows": [1], "other": 2}, "status": "COMPLETED", "error": None}}
    scope = Scope({"input": {"x": 1, "big": "x" * 10}, "job": {"id": "j"}}, steps)
    assert compute_roots("steps.a.output.rows.map(r, r * input.x)", scope) == {
        "steps": {"a": {"output": {"rows": [1]}}},
        "input": {"x": 1},
    }
    assert compute_roots("${ input.x }", scope) == {"input": {"x": 1}}
    assert compute_roots("[1].map(input, input)", scope) == {}
    with pytest.raises(ExpressionError, match="'item' is not available"):
        compute_roots("item.map(r, r)", scope)
    with pytest.raises(ExpressionError, match="larger than"):
        compute_roots("input.map(r, r)", Scope({"input": ["x" * 2_000_000]}))


def test_references_of_an_expression_are_its_steps() -> None:
    assert compute_references("steps.a.output.all(x, x in steps['b'].output)") == {("a", "output"), ("b", "output")}
    assert compute_references("${ steps.a.output }") == {("a", "output")}
    assert compute_references("steps.") == set()
