"""Commands that are imported only when asked for, so that `perdure version` answers at once; used by main."""

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command


class LazyGroup(TyperGroup):
    """A group whose commands stand in `commands_at`: name -> "module:attribute" (an app or a function)."""

    commands_at: Mapping[str, str] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order they are listed, those defined in place last."""
        return [*self.commands_at, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, imported now if it is one of `commands_at`."""
        place = self.commands_at.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, attribute = place.split(":")
        return _as_command(cmd_name, getattr(importlib.import_module(module), attribute))


def _as_command(name: str, target: Any) -> Any:
    if isinstance(target, typer.Typer):
        command = get_command(target)
    else:
        app = typer.Typer(add_completion=False)
        app.command(name)(target)
        command = get_command(app)
    command.name = name
    return command
