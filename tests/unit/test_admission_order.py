"""Which step surely ends before which starts: compared with reachability found the slow way."""

from hypothesis import given
from hypothesis import strategies as st

from perdure.admission.outline import outline
from perdure.admission.step_order import StepOrder

graphs = st.integers(1, 8).flatmap(
    lambda size: st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size)
)


def reachable(graph: list[set[int]], start: int) -> set[int]:
    found: set[int] = set()
    todo = list(graph[start])
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            todo.extend(graph[here])
    return found


def order_of(graph: list[set[int]]) -> StepOrder:
    return StepOrder({f"s{n}": [f"s{other}" for other in sorted(waits)] for n, waits in enumerate(graph)})


@given(graphs)
def test_surely_before_is_reachability(graph: list[set[int]]) -> None:
    order = order_of(graph)
    for later in range(len(graph)):
        if f"s{later}" in order.stuck:
            continue
        before = reachable(graph, later)
        assert {n for n in range(len(graph)) if order.surely_before(f"s{n}", f"s{later}")} == before


@given(graphs)
def test_stuck_are_those_on_a_circle_or_behind_one(graph: list[set[int]]) -> None:
    on_a_circle = {n for n in range(len(graph)) if n in reachable(graph, n)}
    stuck = {n for n in range(len(graph)) if n in on_a_circle or reachable(graph, n) & on_a_circle}
    assert order_of(graph).stuck == {f"s{n}" for n in stuck}


@given(graphs)
def test_every_circle_told_is_one_and_one_is_told_where_there_is_any(graph: list[set[int]]) -> None:
    order = order_of(graph)
    circles = order.circles()
    assert bool(circles) == bool(order.stuck)
    for circle in circles:
        for here, following in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert following in order.waits_for[here]
        assert len(set(circle)) == len(circle)


def test_without_depends_on_each_step_waits_for_the_one_before() -> None:
    order = StepOrder.of(outline({"steps": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}))
    assert order.waits_for == {"a": [], "b": ["a"], "c": ["b"]}


def test_with_depends_on_anywhere_a_step_without_it_starts_at_once() -> None:
    order = StepOrder.of(outline({"steps": [{"id": "a"}, {"id": "b"}, {"id": "c", "depends_on": ["a"]}]}))
    assert order.waits_for == {"a": [], "b": [], "c": ["a"]}


def test_null_is_no_depends_on() -> None:
    order = StepOrder.of(outline({"steps": [{"id": "a"}, {"id": "b", "depends_on": None}]}))
    assert order.waits_for == {"a": [], "b": ["a"]}


def test_outline_bears_anything() -> None:
    odd: list[object] = [
        None,
        5,
        [],
        {"steps": 5},
        {"steps": [None, 5, {"id": 5, "depends_on": [5]}], "dependents": {}},
    ]
    for document in odd:
        outline(document)
