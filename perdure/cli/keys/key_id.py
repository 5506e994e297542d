"""The argument that names a key; a whole key is refused, for it should not stand on a command line."""

import re
from typing import Annotated

import typer

_FORM = re.compile(r"[A-Za-z0-9]{1,40}", re.ASCII)


def _checked(text: str) -> str:
    if text.startswith("pdr_"):
        raise typer.BadParameter("give the id of the key (the part between the underscores), not the key")
    if _FORM.fullmatch(text) is None:
        raise typer.BadParameter("the id of a key is letters and digits, as `keys list` shows it")
    return text


KeyId = Annotated[str, typer.Argument(metavar="ID", callback=_checked, help="The key's id, as `keys list` shows it.")]
