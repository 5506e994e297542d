"""The binding's errors in words that name the place and the remedy; used by `engine` and `evaluation`."""

import re
from collections.abc import Mapping

from perdure.expressions.arithmetic import INEXACT
from perdure.expressions.error import ExpressionError, shorten
from perdure.expressions.path import describe, show
from perdure.expressions.scope import Scope, Use

_LONGEST = 300
_SYNTAX = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_EXPECTED = re.compile(r" expecting (?:<EOF>|\{'\[', .*)$")  # nothing more, or the list of all that may begin a value
_STATUS = re.compile(r"^[A-Z_]+: (.*?)(?: \[[A-Z_]+\])?$", re.DOTALL)
_OVERLOAD = re.compile(r"No matching overloads found : (\S+?)(?:\(([^)]*)\))?$")
_OPERATOR = re.compile(r"^(?:_(\S+)_|(\S)_|@(in))$")
_KEY = re.compile(r'Key not found in map : "(.*)"$', re.DOTALL)
_INDEX = re.compile(r"Index error: index=(-?\d+) size=(\d+)$")
_TYPES = {"int64": "number", "uint64": "number", "double": "number", "bool": "boolean", "map": "object"}
_TOO_DEEP = "nested too deeply: at most 32 levels, where each '+' of 'a + b + …' is one: group with ( )"


def explain_syntax(message: str) -> str:
    """Why a text does not compile."""
    if "recursion" in message or "serialized" in message:
        return _TOO_DEEP
    found = _SYNTAX.search(message)
    if found is None:
        return shorten(_plain(message), _LONGEST)
    line, column, text = found.groups()
    where = f"character {column}" if line == "1" else f"line {line}, character {column}"
    words = _EXPECTED.sub("", text.removeprefix("Syntax error: ")).replace("mismatched input '<EOF>'", "unexpected end")
    return f"{shorten(words, _LONGEST)} (at {where})"


def explain_failure(message: str, uses: tuple[Use, ...], scope: Scope) -> str:
    """Why an evaluation failed; a missing field is looked for in the scope."""
    text = _plain(message)
    overload = _OVERLOAD.search(text)
    if overload is not None:
        return _explain_overload(overload[1], overload[2])
    if text.endswith(f'"{INEXACT}"'):
        return "an integer past 2^53 − 1 beside a decimal would lose digits; convert it first: double(…)"
    if "Iteration budget" in text:
        return "loops more than 10,000 times in all; work on fewer entries"
    if any(sign in text for sign in ("Key not found", "Index error", "Applying SELECT", "Invalid container")):
        text = _explain_missing(uses, scope, text) or _explain_lookup(text)
    return shorten(text, _LONGEST)


def _plain(message: str) -> str:
    found = _STATUS.match(message)
    return found[1] if found else message


def _explain_overload(function: str, types: str | None) -> str:
    if function == "<jump_condition>":
        return "the condition before '?' is not a boolean"
    operator = _OPERATOR.match(function)
    name = f"'{next(filter(None, operator.groups()))}'" if operator else f"{function}()"
    if types is None:
        return f"{name} takes booleans only"
    words = [_TYPES.get(word.strip(), word.strip()) for word in types.split(",")]
    hint = "; convert with string(…), int(…) or double(…)" if name == "'+'" and "string" in words else ""
    return f"{name} does not take {' and '.join(words)}{hint}"


def _explain_missing(uses: tuple[Use, ...], scope: Scope, text: str) -> str | None:
    """The first used path that leads nowhere, rather one that breaks at the key CEL names."""
    found = [message for use in uses if (message := _failure(use, scope))]
    key = _KEY.search(text)
    named = [message for message in found if key and f"'{key[1]}'" in message]
    return next(iter(named + found), None)


def _explain_lookup(text: str) -> str:
    """A lookup whose key was computed, or whose object is a loop's."""
    key, index = _KEY.search(text), _INDEX.search(text)
    if key:
        return f"an object has no field '{key[1]}'"
    return f"a list has {index[2]} entries: there is no [{index[1]}]" if index else text


def _failure(use: Use, scope: Scope) -> str | None:
    try:
        value = scope.find(use.path[:-1] if use.test else use.path)
    except ExpressionError as error:
        return error.message
    if use.test and not isinstance(value, Mapping):
        return f"has() asks for a field, but {show(use.path[:-1])} is {describe(value)}"
    return None
