"""`${ }` expressions over CEL: checked by admission, resolved by workflow code, computed by COMPUTE.

Everything here is pure and bounded. What starts a process is apart, in `perdure.expressions.bounded`.
"""

from perdure.expressions.check import check_template, is_one_expression
from perdure.expressions.compute import (
    check_compute,
    compute_references,
    compute_roots,
    compute_source,
    evaluate_compute,
    needs_child,
)
from perdure.expressions.error import ExpressionError, TemplateProblem
from perdure.expressions.path import JSON
from perdure.expressions.scan import SecretRef
from perdure.expressions.schema import payload_problem, schema_problem
from perdure.expressions.scope import Scope
from perdure.expressions.secret import SecretSlot, fill_secrets
from perdure.expressions.template import Resolved, expression_size, references, resolve, resolve_condition

__all__ = [
    "JSON",
    "ExpressionError",
    "Resolved",
    "Scope",
    "SecretRef",
    "SecretSlot",
    "TemplateProblem",
    "check_compute",
    "check_template",
    "compute_references",
    "compute_roots",
    "compute_source",
    "evaluate_compute",
    "expression_size",
    "fill_secrets",
    "is_one_expression",
    "needs_child",
    "payload_problem",
    "references",
    "resolve",
    "resolve_condition",
    "schema_problem",
]
