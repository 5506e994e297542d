"""Which steps are cheap and pure, so that they are tried within the workflow task, and where several may be at once."""

from collections import Counter

from perdure.contract import graph
from perdure.contract.local_first import LOCAL_OUTPUT_BYTES
from perdure.contract.spec import JobSpec, StepSpec
from perdure.contract.state import Effect
from perdure.contract.step_call import StepInput
from perdure.expressions import needs_child
from workflows.job.unit import StepRun, Unit


def is_cheap(unit: Unit, call: StepInput) -> bool:
    """Whether the unit is tried locally. Raises ExpressionError."""
    if unit.operation.type not in LOCAL_OUTPUT_BYTES or call.effect is Effect.AT_MOST_ONCE:
        return False
    expression = call.params.get("expression")
    return not isinstance(expression, str) or not needs_child(expression, call.params["roots"])


def may_go_ahead(step: StepRun) -> bool:
    """Whether the step may be begun ahead of its turn, behind others in one batch, as far as its spec tells."""
    return is_plain(step.step) and step.step.when is None and step.step.for_each is None


def several(spec: JobSpec) -> bool:
    """Whether two local tries of such a job may be in one batch; no job needs batches for one."""
    cheap = {step.id for step in spec.steps if is_plain(step)}
    if any(step.for_each is not None for step in spec.steps if step.id in cheap):
        return True
    waits_for = graph.dependencies(spec.steps)
    siblings = Counter(frozenset(waits_for[step_id]) for step_id in waits_for if step_id in cheap)
    in_a_row = any(cheap.intersection(waits) for step_id, waits in waits_for.items() if step_id in cheap)
    return in_a_row or max(siblings.values(), default=0) > 1


def is_plain(step: StepSpec) -> bool:
    """Whether the step's type and effect are those of a cheap one."""
    return step.type in LOCAL_OUTPUT_BYTES and step.effect is not Effect.AT_MOST_ONCE
