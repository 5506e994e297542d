"""CEL itself (`cel_expr_python`): texts compiled once a process, evaluated with nothing but what they use.

Compiling is safe for any text within the length limit: the parser stops at 32 levels. Evaluating is safe once
`measure.weigh` has passed the data and `cost` the work; what else can go wrong in the binding is caught here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cel_expr_python import cel  # type: ignore[import-untyped]  # it ships stubs without py.typed

from perdure.expressions.analysis import Analysis, analyse
from perdure.expressions.arithmetic import mix_numbers
from perdure.expressions.error import ExpressionError
from perdure.expressions.explain import explain_syntax
from perdure.expressions.limit import EXPRESSION_LENGTH
from perdure.expressions.path import JSON, ROOTS
from perdure.expressions.result import ErrorValue, to_json
from perdure.expressions.serial import read_tree, write_tree

_PROGRAMS = 1_024


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression and what is known of it."""

    text: str
    analysis: Analysis
    expression: cel.Expression


def _environment(*, loops: bool) -> cel.Env:
    macros = "{}" if loops else "{include_macros: [has]}"
    return cel.NewEnv(
        variables=dict.fromkeys(sorted(ROOTS), cel.Type.DYN),
        config=cel.NewEnvConfigFromYaml(f"stdlib: {macros}"),
    )


# Built on import: at first use it would import a library, within a workflow task.
_ENVIRONMENTS = {loops: _environment(loops=loops) for loops in (False, True)}


@lru_cache(maxsize=_PROGRAMS)
def compile_text(text: str, *, loops: bool) -> Program:
    """Compile and analyse. Raises ExpressionError for what CEL cannot read; the rest is in the analysis.

    With `loops`, the looping macros are known; without, `has` is the only macro.
    """
    refuse_text(text)
    environment = _ENVIRONMENTS[loops]
    try:
        parsed = environment.compile(text, disable_check=True)
        tree = read_tree(parsed.serialize())
        mixed = mix_numbers(tree)
        expression = parsed if mixed == tree else environment.deserialize(write_tree(mixed))
    except RuntimeError as error:
        raise ExpressionError(explain_syntax(str(error)), text) from None
    return Program(text, analyse(tree), expression)


def refuse_text(text: str) -> None:
    """Raise ExpressionError for a text that is empty, too long, or holds what the binding cannot take."""
    if not text.strip():
        raise ExpressionError("the expression is empty", text)
    if len(text) > EXPRESSION_LENGTH:
        raise ExpressionError(f"longer than {EXPRESSION_LENGTH:,} characters", text)
    if "\0" in text:
        raise ExpressionError("a NUL character (U+0000), which expressions cannot carry", text)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ExpressionError("a lone surrogate, which is no character", text)


def run(program: Program, data: Mapping[str, JSON]) -> JSON:
    """Evaluate on checked data. Raises ErrorValue with CEL's own words, ExpressionError about the result."""
    try:
        value = program.expression.eval(data=dict(data))
    except MemoryError:
        raise ExpressionError("needs more memory than it may have; work on less data at once") from None
    except RuntimeError as error:
        raise ErrorValue(str(error)) from None
    return to_json(value)
