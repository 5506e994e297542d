"""A step type that a test writes itself."""

from typing import Any

from pydantic import BaseModel

from perdure.steps import step
from perdure.steps.definition import StepDefinition, definition_of


class Anything(BaseModel, extra="allow"):
    pass


def plugin(function: Any, name: str = "PLUGIN") -> StepDefinition:
    return definition_of(step(name)(function))
