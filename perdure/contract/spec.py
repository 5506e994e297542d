"""The job spec a client posts (contract section 1), strict; read by admission, the workflow and the API."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from pydantic_core import to_json

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
from perdure.contract.limit import MAX_ATTEMPTS, MAX_CATCHES, MAX_DEPENDENTS, MAX_IN_FLIGHT, MAX_LABELS, MAX_STEPS
from perdure.contract.model import Model
from perdure.contract.state import Effect
from perdure.contract.timestamp import Timestamp

StepId = Annotated[str, StringConstraints(pattern=STEP_ID_FORM)]
LabelText = Annotated[str, StringConstraints(min_length=1, max_length=255)]
ErrorPattern = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""An error code; `*` stands for any characters: `STEP.HTTP.*`."""


class RetryPolicy(Model):
    """How attempts of a step are repeated. `maximum_attempts` counts the first; 1 means never."""

    maximum_attempts: int = Field(4, ge=1, le=MAX_ATTEMPTS)
    initial_interval: Duration = "1s"
    backoff_coefficient: float = Field(2.0, ge=1, le=100, allow_inf_nan=False)
    maximum_interval: Duration = "300s"
    jitter: float = Field(0.2, ge=0, le=1, allow_inf_nan=False)
    non_retryable_errors: list[ErrorPattern] = Field(default_factory=list, max_length=100)


class DeadLetterPolicy(Model):
    """Whether a step that fails for good parks the job, and how long the job stays parked."""

    enabled: bool = True
    retention: Duration = "30d"


class Operation(Model):
    """What is run: a step type with its parameters, and the policy of its attempts."""

    type: Annotated[str, StringConstraints(pattern=STEP_TYPE_FORM)]
    params: dict[str, Any] = Field(default_factory=dict, alias="with")
    retry: RetryPolicy | None = None
    timeout: Duration = "5m"
    total_timeout: Duration | None = None
    heartbeat_timeout: Duration = "30s"


class Compensation(Operation):
    """What undoes a completed step, when the job ends without completing."""


class ForEach(Model):
    """Runs the step once for each entry of `items`: a list, or a `${ }` that gives one."""

    items: list[Any] | str
    max_parallel: int = Field(10, ge=1, le=MAX_IN_FLIGHT)


class CatchRule(Model):
    """A failure with one of these codes completes the step with `output` instead."""

    errors: list[ErrorPattern] = Field(default_factory=lambda: ["*"], min_length=1, max_length=100)
    output: Any = None


class StepSpec(Operation):
    """One step. `depends_on` absent in every step means listed order."""

    id: StepId
    depends_on: list[StepId] | None = Field(None, max_length=MAX_STEPS)
    when: bool | str | None = None
    for_each: ForEach | None = None
    continue_on_error: bool = False
    catch: list[CatchRule] = Field(default_factory=list, max_length=MAX_CATCHES)
    compensate: Compensation | None = None
    effect: Annotated[Effect, Field(strict=False)] = Effect.IDEMPOTENT  # a JSON string is one of them


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
    start_at: Timestamp | None = None
    delay: Duration | None = None
    labels: dict[Annotated[str, StringConstraints(pattern=LABEL_FORM)], LabelText] = Field(
        default_factory=dict, max_length=MAX_LABELS
    )
    correlation_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    dead_letter: DeadLetterPolicy = Field(default_factory=DeadLetterPolicy)
    output: Any = None
    dependents: list[DependentSpec] = Field(default_factory=list, max_length=MAX_DEPENDENTS)


class JobParams(Model):
    """Parameters of a `JOB` step. Of `job` only `input` is resolved by the parent; the rest belongs to the child.

    Without `wait` the step completes once the child is started, with the output `{"job_id": …}`.
    """

    job: JobSpec
    wait: bool = True


def effective(spec: JobSpec) -> JobSpec:
    """The spec with every default filled in: each step carries its own whole retry policy.

    A step's `retry` takes what it leaves out from the job's `retry`, that from the defaults. Jobs inside it
    (dependents, `JOB` steps) likewise, each by its own `retry`.
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
    update: dict[str, Any] = {"retry": _effective_retry(step, of_job)}
    if step.compensate is not None:
        retry = _effective_retry(step.compensate, of_job)
        update["compensate"] = step.compensate.model_copy(update={"retry": retry})
    if step.type == "JOB":
        child = JobParams.model_validate_json(to_json(step.params))
        whole = child.model_copy(update={"job": effective(child.job)})
        update["params"] = whole.model_dump(mode="json", by_alias=True)
    return step.model_copy(update=update)


def _effective_retry(operation: Operation, of_job: dict[str, Any]) -> RetryPolicy:
    own = operation.retry.model_dump(exclude_unset=True) if operation.retry else {}
    return RetryPolicy.model_validate({**of_job, **own})
