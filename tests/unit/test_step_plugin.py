"""Step types that others bring: how they are declared, offered, and kept from taking another's name."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from pydantic import BaseModel

from perdure.contract.model import Model
from perdure.steps import StepContext, catalogue, plugin, step
from perdure.steps.catalogue import check_params
from perdure.steps.definition import definition_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""Is there, and no step."""


class Colour(StrEnum):
    RED = "red"


class PaintParams(Model):
    colour: Colour
    at: datetime | None = None


async def paint(ctx: StepContext, params: PaintParams) -> str:
    return params.colour


def test_a_function_becomes_a_step_and_stays_a_function() -> None:
    registered = step("PAINT", version=2)(paint)
    definition = definition_of(registered)
    assert registered is paint
    assert (definition.name, definition.version, definition.params) == ("PAINT", 2, PaintParams)


def test_blocking_functions_are_refused() -> None:
    def blocking(ctx: StepContext, params: PaintParams) -> str:
        return "late"

    with pytest.raises(TypeError, match=r"asyncio\.to_thread"):
        step("PAINT")(blocking)  # type: ignore[type-var]


async def no_context(params: PaintParams) -> None: ...


async def wrong_context(ctx: int, params: PaintParams) -> None: ...


async def no_model(ctx: StepContext, params: dict[str, Any]) -> None: ...


async def untyped(ctx, params):  # type: ignore[no-untyped-def]  # noqa: ANN001
    ...


@pytest.mark.parametrize("function", [no_context, wrong_context, no_model, untyped])
def test_other_signatures_are_refused(function: Any) -> None:
    with pytest.raises(TypeError, match="the signature is"):
        step("PAINT")(function)


@pytest.mark.parametrize(("name", "version"), [("paint", 1), ("", 1), ("1A", 1), ("A B", 1), ("PAINT", 0)])
def test_names_and_versions_have_a_form(name: str, version: int) -> None:
    with pytest.raises(ValueError, match=r"step type|versions"):
        step(name, version=version)


@pytest.fixture
def own_catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    types = dict(catalogue._types)
    before = dict(types)
    yield catalogue._types
    catalogue._types.clear()
    catalogue._types.update(before)


def offer(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> None:
    found = [EntryPoint(name, value, plugin.GROUP) for name, value in entries]
    monkeypatch.setattr(plugin, "entry_points", lambda *, group: found if group == "perdure.steps" else [])


def test_plugins_are_in_the_catalogue(own_catalogue: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    step("PAINT")(paint)
    offer(monkeypatch, ("paint", f"{__name__}:paint"))
    for _ in range(2):
        assert [definition.name for definition in plugin.load_plugins()] == ["PAINT"]
    assert check_params("PAINT", {"colour": "red", "at": "2026-11-22T12:00:00Z"}) == []
    assert [path for path, _ in check_params("PAINT", {"colour": "blue"})] == [("colour",)]


@pytest.mark.parametrize("value", ["no.such.module:paint", f"{__name__}:NOW", f"{__name__}:absent"])
def test_a_broken_plugin_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    offer(monkeypatch, ("broken", value))
    with pytest.raises(RuntimeError, match="'broken'"):
        plugin.load_plugins()


@pytest.mark.parametrize("name", ["LOG", "SLEEP", "JOB"])
def test_a_plugin_cannot_take_a_built_in_name(
    own_catalogue: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    step(name)(paint)
    offer(monkeypatch, ("thief", f"{__name__}:paint"))
    with pytest.raises(RuntimeError, match="exists already"):
        plugin.load_plugins()
    step("PAINT")(paint)


def test_two_plugins_cannot_share_a_name(own_catalogue: dict[str, Any]) -> None:
    class Other(BaseModel):
        pass

    async def other(ctx: StepContext, params: Other) -> None: ...

    # The annotation names a class of this function, so it is resolved by hand.
    other.__annotations__["params"] = Other
    catalogue.add_type(definition_of(step("PAINT")(paint)))
    with pytest.raises(ValueError, match="exists already"):
        catalogue.add_type(definition_of(step("PAINT")(other)))
