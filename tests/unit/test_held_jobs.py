"""What the sweep has looked at because an activity is paused in Temporal."""

from worker.mark import MarkSet
from worker.service.held import HeldJobs


def key(number: int) -> tuple[str, str]:
    return f"default:{number}", f"run-{number}"


def looked_at(held: HeldJobs, marks: MarkSet, *numbers: int) -> set[str]:
    held.compare([key(number) for number in numbers])
    return {mark.job_id.removeprefix("default:") for mark in marks.take_attempts(1_000)}


def test_what_is_held_newly_or_no_more_is_looked_at_at_once() -> None:
    held = HeldJobs(marks := MarkSet())
    assert looked_at(held, marks, 1, 2) == {"1", "2"}
    assert looked_at(held, marks, 2, 3) == {"1", "2", "3"}
    assert looked_at(held, marks) == {"2", "3"}
    assert looked_at(held, marks) == set()


def test_of_many_that_stay_held_some_are_looked_at_in_turn() -> None:
    held = HeldJobs(marks := MarkSet())
    many = list(range(120))
    assert len(looked_at(held, marks, *many)) == 120
    rounds = [looked_at(held, marks, *many) for _ in range(3)]
    assert [len(seen) for seen in rounds] == [50, 50, 50]
    assert set.union(*rounds) == {str(number) for number in many}
