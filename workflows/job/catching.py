"""`catch`: whether a rule of the step takes a failure, and the output it gives instead."""

from dataclasses import replace

from perdure.contract.error import ErrorClass
from perdure.contract.error_pattern import matches
from perdure.contract.json_size import json_bytes
from perdure.contract.spec import CatchRule
from perdure.expressions import ExpressionError, resolve
from workflows.job.outcome import Caught, Failed, failure, told
from workflows.job.state import JobRun
from workflows.job.unit import Unit


def caught(job: JobRun, unit: Unit, failed: Failed) -> Caught | Failed | None:
    """The output of the first rule that names the failure's code; None where none does.

    A rule whose output has no value is a failure of its own: the step would otherwise hide what happened.
    """
    rule = next((rule for rule in unit.step.catch if _takes(rule, failed.error.code)), None)
    if rule is None:
        return None
    before, unit.error = unit.error, failed.error
    try:
        output = resolve(rule.output, job.scope(unit)).value
    except ExpressionError as problem:
        found = failure(job, unit, problem.code, failed.error.error_class, f"catch: {told(problem)}")
        return replace(failed, error=found.error)
    finally:
        unit.error = before
    if json_bytes(output) > job.limits.output_bytes:
        message = f"the output that `catch` gives is larger than {job.limits.output_bytes} bytes"
        return replace(failed, error=failure(job, unit, "STEP.OUTPUT_TOO_LARGE", ErrorClass.PERMANENT, message).error)
    return Caught(failed, output)


def _takes(rule: CatchRule, code: str) -> bool:
    return any(matches(pattern, code) for pattern in rule.errors)
