"""The job spec a client posts (contract section 1), strict; read by admission, the workflow and the API."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from perdure.contract.duration import Duration
from perdure.contract.identifier import (
    DEPENDENT_FORM,
    JOB_NAME_FORM,
    KEY,
    LABEL_FORM,
    QUEUE_FORM,
    STEP_ID_FORM,
    STEP_TYPE_FORM,
)
from perdure.contract.limit import MAX_ATTEMPTS, MAX_DEPENDENTS, MAX_LABELS, MAX_STEPS
from perdure.contract.model import Model

StepId = Annotated[str, StringConstraints(pattern=STEP_ID_FORM)]
LabelText = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class RetryPolicy(Model):
    """How attempts of a step are repeated. `maximum_attempts` counts the first; 1 means never."""

    maximum_attempts: int = Field(4, ge=1, le=MAX_ATTEMPTS)
    initial_interval: Duration = "1s"
    backoff_coefficient: float = Field(2.0, ge=1, le=100, allow_inf_nan=False)
    maximum_interval: Duration = "300s"
    jitter: float = Field(0.2, ge=0, le=1, allow_inf_nan=False)
    non_retryable_errors: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        default_factory=list, max_length=100
    )


class DeadLetterPolicy(Model):
    """Whether a step that fails for good parks the job, and how long the job stays parked."""

    enabled: bool = True
    retention: Duration = "30d"


class StepSpec(Model):
    """One step. `depends_on` absent in every step means listed order."""

    id: StepId
    type: Annotated[str, StringConstraints(pattern=STEP_TYPE_FORM)]
    depends_on: list[StepId] | None = Field(None, max_length=MAX_STEPS)
    when: bool | str | None = None
    params: dict[str, Any] = Field(default_factory=dict, alias="with")
    retry: RetryPolicy | None = None
    timeout: Duration = "5m"
    total_timeout: Duration | None = None
    heartbeat_timeout: Duration = "30s"


class DependentWhen(StrEnum):
    """What starts a dependent: how its parent ended, or that it was dead-lettered."""

    SUCCESS = "success"
    FAILURE = "failure"
    DEAD_LETTER = "dead_letter"
    ALWAYS = "always"


class DependentSpec(Model):
    """A job of its own, started as a child workflow `{parent}~~{name}`.

    `job.input` may use `${ }` with what the parent's output may use; the rest of `job` belongs to the child.
    """

    name: Annotated[str, StringConstraints(pattern=DEPENDENT_FORM)]
    when: Annotated[DependentWhen, Field(strict=False)] = DependentWhen.SUCCESS  # a JSON string is one of them
    job: "JobSpec"


class JobSpec(Model):
    """What a client asks for. `id` and the Idempotency-Key header are the same thing."""

    id: Annotated[str, StringConstraints(pattern=f"^{KEY.pattern}$")] | None = None
    name: Annotated[str, StringConstraints(pattern=JOB_NAME_FORM)]
    type: Literal["INLINE", "SIMULATION"] = "INLINE"
    input: Any = None
    steps: list[StepSpec] = Field(min_length=1, max_length=MAX_STEPS)
    retry: RetryPolicy | None = None
    timeout: Duration | None = None
    priority: int = Field(3, ge=1, le=5)
    fairness_key: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    queue: Annotated[str, StringConstraints(pattern=QUEUE_FORM)] = "default"
    labels: dict[Annotated[str, StringConstraints(pattern=LABEL_FORM)], LabelText] = Field(
        default_factory=dict, max_length=MAX_LABELS
    )
    correlation_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    dead_letter: DeadLetterPolicy = Field(default_factory=DeadLetterPolicy)
    output: Any = None
    dependents: list[DependentSpec] = Field(default_factory=list, max_length=MAX_DEPENDENTS)


def effective(spec: JobSpec) -> JobSpec:
    """The spec with every default filled in: each step carries its own whole retry policy.

    A step's `retry` takes what it leaves out from the job's `retry`, that from the defaults.
    """
    of_job = spec.retry.model_dump(exclude_unset=True) if spec.retry else {}
    return spec.model_copy(
        update={
            "steps": [_effective_step(step, of_job) for step in spec.steps],
            "dependents": [
                dependent.model_copy(update={"job": effective(dependent.job)}) for dependent in spec.dependents
            ],
        }
    )


def _effective_step(step: StepSpec, of_job: dict[str, Any]) -> StepSpec:
    of_step = step.retry.model_dump(exclude_unset=True) if step.retry else {}
    return step.model_copy(update={"retry": RetryPolicy.model_validate({**of_job, **of_step})})
