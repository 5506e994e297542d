"""The `@step` decorator: a function becomes a step type. Built-in steps and plugins use it; the worker runs them."""

import inspect
import re
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from perdure.steps.context import StepContext

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,62}", re.ASCII)
_ATTRIBUTE = "__perdure_step__"

StepFunction = Callable[[StepContext, Any], Awaitable[Any]]
_F = TypeVar("_F", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """A step type with its implementation. `result` turns what `run` returns into JSON."""

    name: str
    version: int
    params: type[BaseModel]
    result: TypeAdapter[Any]
    run: StepFunction


def step(name: str, *, version: int = 1) -> Callable[[_F], _F]:
    """Make `async def f(ctx: StepContext, params: P) -> R` the step type `name`; P is a pydantic model.

    The function stays what it is and can be called in tests.

    Raises:
        TypeError: the function is not asynchronous, or its annotations are not these.
        ValueError: the name or the version does not have its form.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no step type: 1-63 of A-Z, 0-9 and _, starting with a letter")
    if version < 1:
        raise ValueError(f"step {name}: versions count from 1")

    def register(function: _F) -> _F:
        setattr(function, _ATTRIBUTE, _define(name, version, function))
        return function

    return register


def definition_of(function: object) -> StepDefinition:
    """The step type that `@step` made of a function.

    Raises:
        TypeError: it has no `@step`.
    """
    found = getattr(function, _ATTRIBUTE, None)
    if not isinstance(found, StepDefinition):
        raise TypeError(f"{function!r} is no step: decorate it with @step")
    return found


def _define(name: str, version: int, function: Callable[..., Awaitable[Any]]) -> StepDefinition:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"step {name}: {function!r} must be `async def`; run what blocks with asyncio.to_thread")
    parameters = list(inspect.signature(function).parameters.values())
    hints = typing.get_type_hints(function)
    expected = f"step {name}: the signature is `async def f(ctx: StepContext, params: <pydantic model>)`"
    if len(parameters) != len(("ctx", "params")) or hints.get(parameters[0].name) is not StepContext:
        raise TypeError(expected)
    params = hints.get(parameters[1].name)
    if not (inspect.isclass(params) and issubclass(params, BaseModel)):
        raise TypeError(expected)
    return StepDefinition(name, version, params, TypeAdapter(hints.get("return", Any)), function)
