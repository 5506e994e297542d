"""The job while it runs: its steps in memory, and their form when the job continues as new."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perdure.contract.error import ErrorInfo
from perdure.contract.execution import JobStart, StepState
from perdure.contract.json_size import json_bytes
from perdure.contract.spec import StepSpec
from perdure.contract.state import StepStatus
from perdure.expressions import Scope
from workflows.job.budget import TaskBudget


@dataclass
class StepRun:
    """A step while its job runs; the fields are those of `StepState`."""

    spec: StepSpec
    status: StepStatus = StepStatus.PENDING
    round: int = 1
    output: Any = None
    error: ErrorInfo | None = None
    started_at: str | None = None
    completed_at: str | None = None
    attempts: int = 0
    wake_at: str | None = None

    @classmethod
    def restore(cls, spec: StepSpec, carried: StepState | None) -> "StepRun":
        """The step as an earlier run of the job left it; new where there was none."""
        return cls(spec) if carried is None else cls(spec, **{k: v for k, v in dict(carried).items() if k in cls.__dataclass_fields__})

    def carry(self) -> StepState:
        """What the next run of the job takes over."""
        return StepState(**{name: getattr(self, name) for name in StepState.model_fields if hasattr(self, name)})

    @property
    def id(self) -> str:
        """The step's id in the spec."""
        return self.spec.id


class JobRun:
    """What all modules of the interpreter share about one job."""

    def __init__(self, job_id: str, start: JobStart) -> None:
        carried = start.carried.steps if start.carried else {}
        self.id = job_id
        self.start = start
        self.spec = start.spec
        self.limits = start.limits
        self.steps = {step.id: StepRun.restore(step, carried.get(step.id)) for step in start.spec.steps}
        self.budget = TaskBudget(start.limits.task_bytes)
        self._kept_bytes = len(start.spec.model_dump_json(by_alias=True).encode()) + sum(
            json_bytes(step.output) for step in self.steps.values()
        )

    def keep(self, step: StepRun, output: Any) -> bool:
        """Keep a step's output if the job's state stays within its limit; whether it did."""
        size = json_bytes(output) - json_bytes(step.output)
        if self._kept_bytes + size > self.limits.state_bytes:
            return False
        self._kept_bytes += size
        step.output = output
        return True

    def scope(self) -> Scope:
        """What `${ }` may refer to now."""
        spec = self.spec
        return Scope(
            {
                "input": spec.input,
                "job": {
                    "id": self.id,
                    "name": spec.name,
                    "type": spec.type,
                    "labels": spec.labels,
                    "correlation_id": spec.correlation_id,
                },
            },
            StepsView(self.steps),
        )


class StepsView(Mapping[str, Any]):
    """`steps` of the expressions: each step's output, status and error, made when asked for."""

    def __init__(self, steps: dict[str, StepRun]) -> None:
        self._steps = steps

    def __getitem__(self, step_id: str) -> dict[str, Any]:
        step = self._steps[step_id]
        error = step.error.model_dump(mode="json", by_alias=True) if step.error else None
        return {"output": step.output, "status": str(step.status), "error": error}

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)
