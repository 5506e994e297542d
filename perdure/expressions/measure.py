"""The size of JSON values, and what the CEL binding cannot take; used on all that enters and leaves."""

import json
import math
from typing import Any

from perdure.expressions.error import ExpressionError
from perdure.expressions.limit import DATA_DEPTH
from perdure.expressions.path import JSON, describe

_VALUE_BYTES = 8
_INT64 = 2**63


def json_size(value: JSON) -> int:
    """Bytes of `value` as JSON text. Raises ExpressionError for what is not JSON."""
    if isinstance(value, str):
        return len(value)
    if value is None or isinstance(value, bool | int | float):
        return _VALUE_BYTES
    try:
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"not a JSON value: {error}") from None


def weigh(value: JSON) -> int:
    """About how many bytes `value` has, checked to be safe for the binding.

    Raises ExpressionError for NUL (the binding cuts strings there), lone surrogates, integers past 64 bits,
    NaN and Infinity, anything deeper than DATA_DEPTH (its recursion overflows the stack), and non-JSON types.
    """
    level, texts, integers, decimals, nodes = [value], [], [], [], 0
    for _ in range(DATA_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                texts.append(item)
            elif kind is dict:
                texts.extend(item)
                below.extend(item.values())
            elif kind is list:
                below.extend(item)
            elif kind is int:
                integers.append(item)
            elif kind is float:
                decimals.append(item)
            elif item is not None and kind is not bool:
                raise ExpressionError(f"holds {describe(item)}, which is not JSON")
        nodes += len(level)
        if not below:
            _check_numbers(integers, decimals)
            return nodes * _VALUE_BYTES + _check_texts(texts)
        level = below
    raise ExpressionError(f"is nested deeper than {DATA_DEPTH} levels")


def _check_numbers(integers: list[int], decimals: list[float]) -> None:
    if integers and not -_INT64 <= min(integers) <= max(integers) < _INT64:
        raise ExpressionError("holds an integer past 64 bits")
    if not all(map(math.isfinite, decimals)):
        raise ExpressionError("holds NaN or Infinity, which are not JSON")


def _check_texts(texts: list[Any]) -> int:
    try:
        joined = "".join(texts)
        size = len(joined.encode())
    except TypeError:
        raise ExpressionError("holds an object with a key that is not a string") from None
    except UnicodeEncodeError:
        raise ExpressionError("holds a lone surrogate, which is no character") from None
    if "\0" in joined:
        raise ExpressionError("holds a NUL character (U+0000), which expressions cannot carry")
    return size
