"""How the projector spaces its rounds: soon where little happens, seldom and in large batches where much does."""

from typing import Any, cast

import pytest

from worker.mark import MarkSet
from worker.service.projector import Projector, ProjectorConfig


def _projector() -> Projector:
    nothing = cast("Any", None)  # neither Temporal nor Postgres is asked
    return Projector(nothing, nothing, MarkSet(), ProjectorConfig(interval=0.1, busy_interval=0.3))


def test_after_a_short_round_marks_are_gathered_for_the_interval() -> None:
    projector = _projector()
    projector._space_out(0.01)
    assert projector._gathering == 0.1


def test_after_a_long_round_marks_are_gathered_for_longer_but_not_for_ever() -> None:
    projector = _projector()
    projector._space_out(0.05)
    assert 0.1 < projector._gathering < 0.3
    projector._space_out(20.0)
    assert projector._gathering == 0.3


def test_an_interval_that_is_longer_than_the_busy_one_stays() -> None:
    nothing = cast("Any", None)
    projector = Projector(nothing, nothing, MarkSet(), ProjectorConfig(interval=1.0))
    projector._space_out(20.0)
    assert projector._gathering == 1.0


def test_jobs_that_go_on_wait_for_some_times_a_round_but_not_for_ever() -> None:
    projector = _projector()
    projector._space_out(0.05)
    assert projector._patience == pytest.approx(0.2)
    projector._space_out(20.0)
    assert projector._patience == ProjectorConfig().longest


def test_after_a_short_round_jobs_that_go_on_wait_less_and_less() -> None:
    projector = _projector()
    projector._space_out(20.0)
    waits = []
    for _ in range(30):
        projector._space_out(0.001)
        waits.append(projector._patience)
    assert waits == sorted(waits, reverse=True)
    assert waits[0] > 0.1
    assert waits[-1] < 0.01
