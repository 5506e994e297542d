"""The functions and operators expressions may call: those whose result depends on nothing but the call.

Used by `analysis`. Absent on purpose: the time zone argument of `getHours` and its like (it reads the host's zone
files), protobuf messages, and every extension.
"""

LOOPS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter", "transformList", "transformMap"})
"""The macros that loop. Where they are off, CEL reads them as calls of unknown functions."""

TYPES = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"})
"""Names of types, for `type(x) == int`."""

LOGIC = frozenset({"_&&_", "_||_", "!_", "_?_:_", "_[_]", "@not_strictly_false", "dyn"})
"""Calls whose cost does not grow with the values they are given."""

COMPARISONS = frozenset({"_==_", "_!=_", "@in"})
"""Calls that walk both values to the leaves."""

JOIN = "_+_"
MATCH = "matches"

_OPERATORS = {
    **dict.fromkeys(("_&&_", "_||_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_[_]"), 2),
    **dict.fromkeys((JOIN, "_-_", "_*_", "_/_", "_%_"), 2),
    **dict.fromkeys(("!_", "-_", "@not_strictly_false"), 1),
    "_?_:_": 3,
}
_CONVERSIONS = ("bool", "int", "uint", "double", "string", "bytes", "dyn", "type", "timestamp", "duration")
_DATES = ("FullYear", "Month", "DayOfYear", "DayOfMonth", "Date", "DayOfWeek")
_TIMES = ("Hours", "Minutes", "Seconds", "Milliseconds")
_TESTS = ("contains", "startsWith", "endsWith", MATCH)

_PLAIN = {**_OPERATORS, **dict.fromkeys((*_CONVERSIONS, "size"), 1), MATCH: 2}
_MEMBERS = {"size": 0, **dict.fromkeys((f"get{part}" for part in _DATES + _TIMES), 0), **dict.fromkeys(_TESTS, 1)}

_BOOLEAN = frozenset({"_&&_", "_||_", "!_", "_<_", "_<=_", "_>_", "_>=_", "bool", *COMPARISONS, *_TESTS})
_ANYTHING = frozenset({"_[_]", "_?_:_", "dyn"})


def function_problem(name: str, arguments: int, *, member: bool) -> str | None:
    """Why this call is refused, or None."""
    known = _MEMBERS if member else _PLAIN
    if known.get(name) == arguments:
        return None
    if name in LOOPS:
        return f"{name}() loops: macros that loop are for the expression of a COMPUTE step only"
    if member and name.startswith("get") and name in _MEMBERS:
        return f"{name}() takes no time zone: expressions work in UTC"
    if name in _PLAIN or name in _MEMBERS:
        return f"{name}() is called with {arguments} arguments here, which it does not take; {_usage(name)}"
    return f"there is no function {name}()"


def _usage(name: str) -> str:
    forms = [f"x.{name}({'y' * _MEMBERS[name]})"] if name in _MEMBERS else []
    forms += [f"{name}({', '.join('xyz'[: _PLAIN[name]])})"] if name in _PLAIN else []
    return f"write {' or '.join(forms)}"


def may_be_boolean(name: str) -> bool:
    """Whether a call of this function can give true or false."""
    return name in _BOOLEAN or name in _ANYTHING
