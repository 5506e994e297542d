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

    maximum_attempts: int = Field(4, ge=1, le=MAX_ATTEMPTS, description="Tries in all; 1 means never again.")
    initial_interval: Duration = Field("1s", description="The wait before the second attempt.")
    backoff_coefficient: float = Field(
        2.0, ge=1, le=100, allow_inf_nan=False, description="What each further wait is multiplied by."
    )
    maximum_interval: Duration = Field("300s", description="No wait is longer.")
    jitter: float = Field(
        0.2, ge=0, le=1, allow_inf_nan=False, description="The part of a wait that is taken off or put on at random."
    )
    non_retryable_errors: list[ErrorPattern] = Field(
        default_factory=list, max_length=100, description="Error codes that are not tried again: `STEP.HTTP.4XX`."
    )


class DeadLetterPolicy(Model):
    """Whether a step that fails for good parks the job, and how long the job stays parked."""

    enabled: bool = Field(True, description="False: the job fails at once instead of being parked.")
    retention: Duration = Field("30d", description="How long it stays parked before it fails, as EXPIRED.")


class Operation(Model):
    """What is run: a step type with its parameters, and the policy of its attempts."""

    type: Annotated[str, StringConstraints(pattern=STEP_TYPE_FORM)] = Field(description="A type of the catalogue.")
    params: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="Parameters of the type; may hold `${ }`."
    )
    retry: RetryPolicy | None = Field(None, description="What it leaves out is taken from the job's `retry`.")
    timeout: Duration = Field("5m", description="For one attempt.")
    total_timeout: Duration | None = Field(None, description="For all attempts together, waits included.")
    heartbeat_timeout: Duration = Field("30s", description="A worker silent for so long is taken for lost.")


class Compensation(Operation):
    """What undoes a completed step, when the job ends without completing."""


class ForEach(Model):
    """Runs the step once for each entry of `items`: a list, or a `${ }` that gives one."""

    items: list[Any] | str = Field(description="A list, or one `${ }` that gives one; 10,000 items a job in all.")
    max_parallel: int = Field(10, ge=1, le=MAX_IN_FLIGHT, description="Items that run at the same time.")


class CatchRule(Model):
    """A failure with one of these codes completes the step with `output` instead."""

    errors: list[ErrorPattern] = Field(
        default_factory=lambda: ["*"], min_length=1, max_length=100, description="Error codes, `*` for any characters."
    )
    output: Any = Field(None, description="The step's output then; may hold `${ }`, also of `steps.<its id>.error`.")


class StepSpec(Operation):
    """One step. `depends_on` absent in every step means listed order."""

    id: StepId = Field(description="Unique in the job.")
    depends_on: list[StepId] | None = Field(
        None,
        max_length=MAX_STEPS,
        description="Steps it waits for. Absent in every step: each waits for the one before.",
    )
    when: bool | str | None = Field(None, description="False, or a `${ }` that gives it: the step is SKIPPED.")
    for_each: ForEach | None = Field(None, description="Run it once for each of a list; the output is a list.")
    continue_on_error: bool = Field(
        False, description="The job goes on although the step failed, and ends COMPLETED_WITH_ERRORS."
    )
    catch: list[CatchRule] = Field(
        default_factory=list, max_length=MAX_CATCHES, description="Failures that complete it; the first rule that fits."
    )
    compensate: Compensation | None = Field(
        None,
        description="Undoes it once completed, when the job is discarded, expires, fails, is canceled or times out.",
    )
    effect: Annotated[Effect, Field(strict=False)] = Field(  # a JSON string is one of them
        Effect.IDEMPOTENT,
        description="at_most_once: an attempt that may have taken effect is never repeated by itself.",
    )


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

    name: Annotated[str, StringConstraints(pattern=DEPENDENT_FORM)] = Field(description="Unique in the job.")
    when: Annotated[DependentWhen, Field(strict=False)] = Field(  # a JSON string is one of them
        DependentWhen.SUCCESS, description="How the parent ended, or that it was dead-lettered."
    )
    job: "JobSpec" = Field(description="The job to start; it has no `id` of its own.")


class JobSpec(Model):
    """What a client asks for. `id` and the Idempotency-Key header are the same thing."""

    id: Annotated[str, StringConstraints(pattern=f"^{KEY.pattern}$")] | None = Field(
        None, description="The idempotency key; made where neither it nor the header is given."
    )
    name: Annotated[str, StringConstraints(pattern=JOB_NAME_FORM)] = Field(description="A label for people.")
    type: Literal["INLINE", "SIMULATION"] = Field("INLINE", description="Both mean the same.")
    input: Any = Field(None, description="What expressions see as `input`.")
    steps: list[StepSpec] = Field(min_length=1, max_length=MAX_STEPS, description="What it does.")
    retry: RetryPolicy | None = Field(None, description="The default of its steps.")
    timeout: Duration | None = Field(None, description="For its running time: parked and paused time does not count.")
    priority: int = Field(3, ge=1, le=5, description="1 goes first.")
    fairness_key: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="Jobs of one key share their turn; the tenant where it is absent."
    )
    queue: Annotated[str, StringConstraints(pattern=QUEUE_FORM)] = Field("default", description="Whose workers run it.")
    start_at: Timestamp | None = Field(
        None, description="When it starts, at most 365 days ahead; at once if that has passed. Not with `delay`."
    )
    delay: Duration | None = Field(None, description="How long after its submission it starts. Not with `start_at`.")
    labels: dict[Annotated[str, StringConstraints(pattern=LABEL_FORM)], LabelText] = Field(
        default_factory=dict, max_length=MAX_LABELS, description="To search by; jobs within it inherit them."
    )
    correlation_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        None, description="An id of the sender's; jobs within it inherit it."
    )
    dead_letter: DeadLetterPolicy = Field(
        default_factory=DeadLetterPolicy, description="What becomes of a step that fails for good."
    )
    output: Any = Field(None, description="May hold `${ }`. Absent: the outputs of the last steps, by id.")
    dependents: list[DependentSpec] = Field(
        default_factory=list, max_length=MAX_DEPENDENTS, description="Jobs that are started when this one has ended."
    )


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
