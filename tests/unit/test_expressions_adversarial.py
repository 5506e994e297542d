"""What clients may write to harm a worker: it is refused, quickly, with a reason, and the process lives on.

Each case runs in a thread with a small stack, and its time is taken: generously, to tell a refusal from a stall.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from perdure.expressions import ExpressionError, Scope, check_template, evaluate_compute, needs_child, resolve
from perdure.expressions.engine import compile_text
from perdure.expressions.pattern import pattern_weight

CPU_SECONDS = 1.5
STACK_BYTES = 512 * 1024
MEGABYTE = "x" * 1_000_000
ROWS = [{"id": number, "name": f"row {number}", "price": number * 1.5} for number in range(10_000)]


def quickly(action: Callable[[], Any]) -> Any:
    """What `action` gives or the ExpressionError it raises; fails on anything else, and when it is slow."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(action())
        except ExpressionError as error:
            found.append(error)
        found.append(time.thread_time())

    before = threading.stack_size(STACK_BYTES)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(found) > 1, "neither a value nor an ExpressionError"
    assert found[1] < CPU_SECONDS
    return found[0]


def resolving(template: Any, **roots: Any) -> Any:
    return quickly(lambda: resolve(template, Scope(roots)).value)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 1_000 + "1" + ")" * 999,
        "[" * 2_000,
        "{" * 1_999,
        "{1:" * 600 + "1" + "}" * 200,
        "!" * 1_999 + "true",
        "-" * 1_990 + "1",
        "true ? 1 : " * 180 + "1",
        "a ? " * 300 + "1" + " : 2" * 190,
        "input" + ".a" * 990,
        "input" + "[0]" * 660,
        "input" + ".size()" * 280,
        "1+" * 999 + "1",
        "1<" * 999 + "1",
        "item&&" * 330 + "item",
        "[1].map(x, " * 180,
        "[1]" + ".map(a,a)" * 210,
        "has(" * 490 + "input.a",
        "[" + "1," * 990 + "1]",
        "{" + "1:1," * 490 + "}",
        '"' + "x" * 1_990,
        "'" * 2_000,
        '"""' * 660,
        "`" * 2_000,
        "\\u" * 900,
        "😀" * 500,
        "//" + "x" * 1_900,
        "\n" * 2_000,
        "?" * 2_000,
        "9" * 2_000,
        "1e" + "9" * 1_990,
        "r'" * 900,
        "input.?a" * 200,
        "0." + "1" * 1_990,
        "(((item+index*2)*item-1)*2)+" * 60 + "1",
    ],
)
def test_no_text_of_two_thousand_characters_stalls_or_crashes(source: str) -> None:
    template = "${" + source + "}"
    quickly(lambda: check_template(template, roots=["input", "item"], steps=[], allow_secrets=False))
    resolving(template, input=[[1]], item=2, index=3)
    quickly(lambda: compile_text(source, loops=True))


WORK = "too much work outside a COMPUTE step"
SIZE = "the resolved value is larger than"
VALUES = "gives more than"


@pytest.mark.parametrize(
    ("template", "roots", "part"),
    [
        ("${ size(" + " + ".join(["input"] * 29) + ") }", {"input": MEGABYTE}, WORK),
        ("${ [" + ", ".join(["size(item + item + item + item)"] * 60) + "] }", {"item": MEGABYTE}, WORK),
        ("${ size(" + " + ".join(["input"] * 29) + ") }", {"input": "x" * 300_000}, WORK),
        ("${ [" + ", ".join(["size(item)"] * 150) + "] }", {"item": MEGABYTE}, WORK),
        ("${ size(" + " + ".join(["item"] * 29) + ") }", {"item": list(range(100_000))}, WORK),
        ("${ size([" + ",".join(["item + item"] * 130) + "]) }", {"item": MEGABYTE}, WORK),
        ("${ input + input }", {"input": "x" * 700_000}, VALUES),
        ("${ [" + ",".join(["input"] * 250) + "] }", {"input": ROWS}, VALUES),
        ("${ {" + ",".join(f"'{n}': input" for n in range(150)) + "} }", {"input": ROWS}, VALUES),
        ("${ " + " && ".join(["item == item"] * 120) + " }", {"item": ROWS}, WORK),
        ("${ [" + ",".join(["item"] * 300) + "] == [" + ",".join(["item"] * 80) + "] }", {"item": ROWS}, WORK),
        ("${ " + " || ".join(["item in [1, item]"] * 80) + " && false }", {"item": ROWS}, WORK),
        (["${ size(input) + " + str(n) + " }" for n in range(500)], {"input": ROWS}, WORK),
        (["${ input }"] * 1_000, {"input": ROWS}, SIZE),
        ("${ input.matches('(a|b|ab|ba|aab|bba){500}c') }", {"input": "ab" * 50_000}, WORK),
        ("${ input.matches('a[ab]{990}c') }", {"input": "ab" * 500_000}, WORK),
        ("${ input.matches('((a{0,30}){30}b?)c') }", {"input": "ab" * 50_000}, WORK),
        ("${ [" + ", ".join(["'a'.matches('[^a]{900}')"] * 60) + "] }", {}, WORK),
        ("${ [" + ", ".join(["'a'.matches('\\\\pL{60}')"] * 80) + "] }", {}, WORK),
    ],
)
def test_work_that_multiplies_is_refused(template: Any, roots: Any, part: str) -> None:
    found = resolving(template, **roots)
    assert isinstance(found, ExpressionError)
    assert part in found.message


@pytest.mark.parametrize("depth", [101, 1_000, 100_000])
def test_data_nested_without_end_never_enters(depth: int) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    found = resolving("${ input == input }", input=nested)
    assert isinstance(found, ExpressionError)
    assert "nested deeper than 100 levels" in found.message


def test_data_nested_a_hundred_deep_passes_on_a_small_stack() -> None:
    nested: Any = {"end": 1}
    for level in range(48):
        nested = {"a": [nested]} if level % 2 else [{"b": nested}]
    assert resolving("${ [input] == [input] }", input=nested) is True
    assert resolving("${ [input][0] }", input=nested) == nested


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("a\0b", "NUL"),
        ({"a\0b": 1}, "NUL"),
        ("a\ud800b", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        (2**63, "64 bits"),
        ([-(2**63) - 1], "64 bits"),
        (10**400, "64 bits"),
        (float("nan"), "NaN"),
        ({1: 2}, "a key that is not a string"),
        ({None: 2}, "a key that is not a string"),
        (object(), "not JSON"),
        ((1, 2), "not JSON"),
        (b"bytes", "not JSON"),
    ],
)
def test_what_the_binding_cannot_take_is_refused_by_name(value: Any, part: str) -> None:
    found = resolving("${ [input.x, true] }", input={"x": value})
    assert isinstance(found, ExpressionError)
    assert found.message.startswith("'input' holds")
    assert part in found.message
    assert resolving("${ input.other }", input={"x": value, "other": 1}) == 1
    assert resolving("${ [input.other] }", input={"x": value, "other": 1}) == [1]


def test_null_does_no_harm_however_often() -> None:
    """In 0.1.3 reading null from the binding drops a reference to None; some 5,000 of them abort the process."""
    scope = Scope({"input": {"n": None, "l": [None] * 500}})
    for _ in range(60):
        assert resolve("${ [input.l, {'a': input.n}, null][0] }", scope).value == [None] * 500
        assert resolve("${ dyn(null) }", scope).value is None


def test_evaluations_keep_no_memory() -> None:
    """Operators written in Python lose 128 bytes a call in 0.1.3; ours are not."""
    scope = Scope({"input": {"a": 1, "b": 2.5}})
    for _ in range(2_000):
        resolve("${ input.a * input.b + 1 }", scope)
    before = _resident_kib()
    for _ in range(20_000):
        resolve("${ input.a * input.b + 1 }", scope)
    assert _resident_kib() - before < 1_500


def _resident_kib() -> int:
    with open("/proc/self/statm", encoding="ascii") as status:  # noqa: PTH123  read at once
        return int(status.read().split()[1]) * 4


@pytest.mark.parametrize(
    ("pattern", "least"),
    [
        ("abc", 3),
        ("a{1000}", 1_000),
        ("(ab{10}){20}", 200),
        ("((a{30}){30}b){2}", 1_800),
        ("[^a]{50}", 500),
        ("\\pL", 500),
        ("[\\p{Greek}x]{3}", 1_500),
        (".{100}", 800),
        ("(?:a|bc){5,40}", 120),
        ("a{,5}b", 2),
        (")(", 1),
        ("[", 1),
        ("a{99999999999999999999}", 1_000),
    ],
)
def test_a_pattern_weighs_what_it_repeats(pattern: str, least: int) -> None:
    assert pattern_weight(pattern) >= least


def test_everyday_patterns_pass_on_everyday_texts() -> None:
    uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    mail = r"^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$"
    scope = Scope(
        {"input": {"id": "0190163d-8694-739b-aea5-966c26f8ad91", "mail": "ü@example.org", "long": "ab" * 5_000}}
    )
    assert resolve(f'${{ input.id.matches("{uuid}") && input.mail.matches("{mail}") }}', scope).value is True
    assert resolve("${ input.long.matches('^[ab]+$') }", scope).value is True


@pytest.mark.parametrize(
    ("expression", "roots"),
    [
        ("input.map(x, x)", {"input": []}),
        ("[1].all(x, x > 0)", {}),
        ("input.text.matches(input.pattern)", {"input": {"text": "a", "pattern": "a"}}),
        (" + ".join(["input"] * 30), {"input": MEGABYTE}),
    ],
)
def test_what_is_heavy_needs_a_child_and_is_refused_here(expression: str, roots: Any) -> None:
    assert needs_child(expression, roots)
    with pytest.raises(ExpressionError, match="too heavy"):
        evaluate_compute(expression, roots)


@pytest.mark.parametrize("expression", ["input.a", "input.a * 2.5", "size(input.rows) > 2", "${ [input.a] }"])
def test_what_is_light_does_not(expression: str) -> None:
    roots = {"input": {"a": 1, "rows": ROWS}}
    assert not needs_child(expression, roots)
    assert evaluate_compute(expression, roots) is not None
