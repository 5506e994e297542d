"""`COMPUTE`: a CEL expression, loops included, or a hash."""

import hashlib
from typing import Any

import rfc8785

from perdure.expressions.bounded import evaluate_bounded
from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.parameter.compute import ComputeCall


@step("COMPUTE")
async def compute(ctx: StepContext, params: ComputeCall) -> Any:
    """The value of the expression, or the digest in hexadecimal digits."""
    if params.expression is not None:
        return await evaluate_bounded(params.expression, params.roots, on_usage=lambda took: ctx.used(*took))
    return _digest(params)


def _digest(params: ComputeCall) -> str:
    value = params.value
    try:
        data = value.encode() if isinstance(value, str) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as problem:
        raise StepError(
            "STEP.PARAMETERS", ErrorClass.PERMANENT, f"value: it has no canonical form: {problem}"
        ) from None
    return hashlib.new(params.algorithm, data).hexdigest()
