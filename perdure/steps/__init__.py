"""The step catalogue, and what authors of steps import: `@step`, `StepContext`, `StepError`. No implementations."""

from perdure.contract.error import ErrorClass
from perdure.steps.context import StepContext
from perdure.steps.definition import StepDefinition, step
from perdure.steps.error import StepError

__all__ = ["ErrorClass", "StepContext", "StepDefinition", "StepError", "step"]
