"""Begins cheap units ahead of their turn, behind units that begin now: one local batch makes them all (decision 0025).

What is begun so is PENDING until the batch tells that it ran; what the batch did not come to waits for its turn, as if
it had never been begun. Used by the scheduler.
"""

from collections import deque

from perdure.contract.name import activity_id
from perdure.contract.state import StepStatus
from workflows.job.cheap import is_plain, may_go_ahead
from workflows.job.fan_out import admit
from workflows.job.plan import Plan
from workflows.job.state import JobRun
from workflows.job.unit import FanOut, StepRun, Unit


def go_ahead(job: JobRun, plan: Plan, begun: list[Unit], places: int) -> list[Unit]:
    """The units to begin together with `begun`, at most `places`, each with `behind` set."""
    found: list[Unit] = []
    _add_items(job, begun, found, places)
    _add_steps(job, plan, begun, found, places)
    return found


def _add_steps(job: JobRun, plan: Plan, begun: list[Unit], found: list[Unit], places: int) -> None:
    """Steps that wait for nothing but cheap steps that begin now, or are ahead themselves."""
    line = [unit for unit in begun if isinstance(unit, StepRun) and is_plain(unit.step)]
    together = {step.name: activity_id(step.name, step.round) for step in line}
    for step in line:  # grows
        for other in plan.after_all(step, together):
            if not _is_new(other) or not may_go_ahead(other) or not _has_room(job, begun, found, places):
                continue
            other.behind = tuple(together[name] for name in plan.waits_for(other))
            together[other.name] = activity_id(other.name, other.round)
            found.append(other)
            line.append(other)


def _add_items(job: JobRun, begun: list[Unit], found: list[Unit], places: int) -> None:
    """Items of a fan-out, each behind one that has a place: the place is its own once that one has completed."""
    line = deque(unit for unit in begun if _is_item(unit) and is_plain(unit.step))
    while line:
        before = line.popleft()
        fan_out = job.steps[before.id.step].fan_out
        if fan_out is None or not fan_out.queue or not _has_room(job, begun, found, places):
            continue
        item = fan_out.queue.popleft()
        item.behind = (activity_id(before.name, before.round),)
        before.follower, item.leader = item, before
        found.append(item)
        line.append(item)


def _is_item(unit: Unit) -> bool:
    return unit.id.index is not None and not unit.id.compensates


def _is_new(step: StepRun) -> bool:
    return step.status is StepStatus.PENDING and not step.behind


def _has_room(job: JobRun, begun: list[Unit], found: list[Unit], places: int) -> bool:
    return len(found) < places and len(begun) + len(found) < job.batches.capacity and job.in_batches


def leave_place(step: StepRun, item: Unit) -> list[Unit]:
    """An item's place is free: for the one behind it, else for the next in line. The items that may begin."""
    follower, item.follower = item.follower, None
    if follower is not None:
        follower.leader = None
        return []
    if step.fan_out is not None:
        step.fan_out.running -= 1
    return admit(step)


def send_back(step: StepRun, item: Unit) -> list[Unit]:
    """An item that was ahead was not made: it is in line again. The items that may begin."""
    leader, item.leader = item.leader, None
    if step.fan_out is None:
        return []
    _put_back(step.fan_out, item)
    if leader is not None:
        leader.follower = None
        return []
    return leave_place(step, item)


def _put_back(fan_out: FanOut, item: Unit) -> None:
    index = item.id.index or 0
    before = (place for place, other in enumerate(fan_out.queue) if (other.id.index or 0) > index)
    fan_out.queue.insert(next(before, len(fan_out.queue)), item)
