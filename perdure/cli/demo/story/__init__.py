"""The demo's jobs, in the order they are shown; one module each."""

from collections.abc import Sequence

from perdure.cli.demo.scenario import Scenario
from perdure.cli.demo.story import dead_letter, followed, graph, order, payment

SCENARIOS: Sequence[Scenario] = (
    order.SCENARIO,
    payment.SCENARIO,
    graph.SCENARIO,
    dead_letter.SCENARIO,
    followed.SCENARIO,
)
