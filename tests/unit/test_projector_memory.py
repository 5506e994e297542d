"""What the projector keeps in memory: marks and folds, both bounded."""

import asyncio
import math
import threading
import time

from perdure.projection import fold
from worker.mark import Mark, MarkSet
from worker.service.fold_cache import FoldCache, RunFold


def _fold(run_id: str) -> RunFold:
    return RunFold(fold.start("default:job", run_id))


def test_a_mark_is_taken_once_and_in_order() -> None:
    marks = MarkSet()
    for id_ in ("a", "b", "a", "c"):
        marks.mark(id_, "run")
    assert [mark.job_id for mark in marks.take(2)] == ["a", "b"]
    assert [mark.job_id for mark in marks.take(9)] == ["c"]
    assert not len(marks)


def test_a_fresh_mark_starts_the_count_of_vain_looks_anew() -> None:
    marks = MarkSet()
    marks.put(Mark("a", "run", tries=3))
    marks.mark("a", "run")
    marks.put(Mark("a", "run", tries=5, missing=True))
    assert marks.take(1) == [Mark("a", "run", tries=0, missing=True)]


def test_the_ends_of_runs_come_first_and_stand_for_the_marks_before_them() -> None:
    marks = MarkSet()
    for id_ in ("a", "b", "c"):
        marks.mark(id_, "run")
    marks.mark_end("b", "run")
    assert [mark.job_id for mark in marks.take(9, age=math.inf)] == ["b"]
    marks.mark_end("d", "run")
    assert [mark.job_id for mark in marks.take(2)] == ["d", "a"]
    assert [mark.job_id for mark in marks.take(9)] == ["c"]


def test_marks_are_left_until_they_are_old_enough_and_count_from_the_first_of_a_job() -> None:
    marks = MarkSet()
    marks.put(Mark("a", "run", made_at=time.monotonic() - 60))
    marks.mark("b", "run")
    marks.mark("a", "run")
    marks.mark_end("c", "run")
    assert [mark.job_id for mark in marks.take(9, age=30)] == ["c", "a"]
    assert [mark.job_id for mark in marks.take(9)] == ["b"]


def test_attempts_are_marked_apart() -> None:
    marks = MarkSet()
    marks.mark_attempt("a", "run")
    assert marks.take(1) == []
    assert len(marks) == 1
    assert marks.take_attempts(1) == [Mark("a", "run")]


def test_marks_above_the_limit_are_dropped_and_said_so_once() -> None:
    marks = MarkSet(limit=2)
    for id_ in ("a", "b", "b", "a"):
        marks.mark(id_)
    assert not marks.take_overflowed()
    marks.mark("c")
    assert marks.take_overflowed()
    assert not marks.take_overflowed()
    assert [mark.job_id for mark in marks.take(9)] == ["a", "b"]


async def test_a_mark_from_another_thread_wakes_the_loop() -> None:
    marks, woken = MarkSet(), asyncio.Event()
    marks.bind(asyncio.get_running_loop(), woken.set)
    thread = threading.Thread(target=marks.mark, args=("a", "run"))
    thread.start()
    await asyncio.wait_for(woken.wait(), 5)
    thread.join()


async def test_marks_made_before_anybody_listened_wake_the_loop() -> None:
    marks, woken = MarkSet(), asyncio.Event()
    marks.mark("a")
    marks.bind(asyncio.get_running_loop(), woken.set)
    await asyncio.wait_for(woken.wait(), 5)


def test_marking_after_the_loop_has_closed_raises_nothing() -> None:
    marks = MarkSet()
    loop = asyncio.new_event_loop()
    marks.bind(loop, print)
    loop.close()
    marks.mark("a")


def test_many_threads_lose_no_mark() -> None:
    marks = MarkSet()

    def mark(thread: int) -> None:
        for number in range(500):
            marks.mark(f"{thread}-{number}")

    threads = [threading.Thread(target=mark, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(marks.take(10_000)) == 2_000


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    cache = FoldCache(runs=2, size=1_000)
    for run in ("a", "b"):
        cache.put(_fold(run), 10)
    first = cache.take("a")
    assert first is not None
    cache.put(first, 10)
    cache.put(_fold("c"), 10)
    assert cache.take("b") is None
    assert cache.take("a") is first


def test_the_cache_keeps_within_its_bytes() -> None:
    cache = FoldCache(runs=100, size=100)
    for number in range(10):
        cache.put(_fold(f"{number}"), 40)
    assert (len(cache), cache.size) == (2, 80)
    cache.put(_fold("large"), 101)
    assert (len(cache), cache.size) == (0, 0)


def test_a_run_that_grew_is_counted_once() -> None:
    cache = FoldCache(runs=10, size=1_000)
    run = _fold("a")
    for size in (10, 300, 20):
        cache.put(run, size)
    assert cache.size == 20


def test_a_fold_that_was_taken_and_not_given_back_is_gone() -> None:
    cache = FoldCache(runs=10, size=1_000)
    cache.put(_fold("a"), 10)
    assert cache.take("a") is not None
    assert cache.take("a") is None
    assert cache.size == 0


def test_finished_runs_are_remembered_until_somebody_doubts() -> None:
    cache = FoldCache(runs=10, size=1_000)
    run = _fold("a")
    cache.put(run, 10)
    cache.finish("a")
    assert cache.is_finished("a")
    assert cache.take("a") is None
    cache.distrust("a")
    assert not cache.is_finished("a")


def test_a_fold_is_closed_when_its_run_ended_or_goes_on_in_another() -> None:
    run = _fold("a")
    assert not run.closed
    run.state.continued_to = "b"
    assert run.closed
