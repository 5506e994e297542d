"""The order of a job's steps: which are free to start, and which come after which."""

from collections.abc import Container, Iterable

from perdure.contract import graph
from perdure.contract.spec import StepSpec
from perdure.contract.state import MET_STEP_STATUSES, StepStatus
from workflows.job.unit import StepRun


class Plan:
    """Counts for each step the dependencies that are not met; one that ended is told once."""

    def __init__(self, steps: dict[str, StepRun]) -> None:
        self._steps = steps
        self._waits_for = graph.dependencies([step.step for step in steps.values()])
        self._after = graph.dependents(self._waits_for)
        self._unmet: dict[str, int] = {}
        self.recount(steps)

    def recount(self, step_ids: Iterable[str]) -> None:
        """Count again for these steps."""
        for step_id in step_ids:
            self._unmet[step_id] = sum(not is_met(self._steps[other]) for other in self._waits_for[step_id])

    def free(self, step: StepRun) -> bool:
        """Whether the step may start, as far as others are concerned."""
        return self._unmet[step.step.id] == 0

    def freed_by(self, step: StepRun) -> list[StepRun]:
        """The steps that may start now that `step` has ended."""
        freed = []
        for other in self._after[step.step.id]:
            self._unmet[other] -= 1
            if self._unmet[other] == 0:
                freed.append(self._steps[other])
        return freed

    def after_all(self, step: StepRun, others: Container[str]) -> list[StepRun]:
        """The steps that depend on `step`, and wait for nothing but `others`."""
        after = (self._steps[step_id] for step_id in self._after[step.step.id])
        return [other for other in after if all(id_ in others for id_ in self.waits_for(other))]

    def waits_for(self, step: StepRun) -> list[str]:
        """The steps that have to end before this one may start."""
        return [other for other in self._waits_for[step.step.id] if not is_met(self._steps[other])]

    def from_(self, step_id: str) -> list[StepRun]:
        """A step and everything after it, in listed order."""
        found, open_ = {step_id}, [step_id]
        while open_:
            further = [other for other in self._after[open_.pop()] if other not in found]
            found.update(further)
            open_.extend(further)
        return [step for id_, step in self._steps.items() if id_ in found]


def is_met(step: StepRun) -> bool:
    """Whether what depends on the step may go on."""
    return step.status in MET_STEP_STATUSES or (tolerated(step.step) and step.status is StepStatus.FAILED)


def tolerated(step: StepSpec) -> bool:
    """Whether the job goes on although the step failed for good."""
    return step.continue_on_error
