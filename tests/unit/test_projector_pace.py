"""How the projector spaces its rounds: soon where little happens, seldom and in large batches where much does."""

from typing import Any, cast

from worker.mark import MarkSet
from worker.service.projector import Projector, ProjectorConfig


def _projector() -> Projector:
    nothing = cast("Any", None)  # neither Temporal nor Postgres is asked
    return Projector(nothing, nothing, MarkSet(), ProjectorConfig(interval=0.1, busy_interval=0.3))


def test_after_a_short_round_marks_are_gathered_for_the_interval() -> None:
    projector = _projector()
    projector._space_out(0.01, urgent_only=True)
    assert projector._gathering == 0.1


def test_after_a_long_round_marks_are_gathered_for_longer_but_not_for_ever() -> None:
    projector = _projector()
    projector._space_out(0.05, urgent_only=True)
    assert 0.1 < projector._gathering < 0.3
    projector._space_out(20.0, urgent_only=True)
    assert projector._gathering == 0.3


def test_an_interval_that_is_longer_than_the_busy_one_stays() -> None:
    nothing = cast("Any", None)
    projector = Projector(nothing, nothing, MarkSet(), ProjectorConfig(interval=1.0))
    projector._space_out(20.0, urgent_only=True)
    assert projector._gathering == 1.0


def test_only_a_round_of_all_marks_puts_off_the_next_such_round() -> None:
    projector = _projector()
    projector._space_out(1.0, urgent_only=True)
    assert projector._all_due == 0.0
    projector._space_out(1.0, urgent_only=False)
    assert projector._all_due > 0.0
