"""What a person typed wrong, in our words instead of the library's; used by the command line's root."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError

from perdure.contract.field_message import field_message


@contextmanager
def own_words() -> Iterator[None]:
    """Tell what pydantic, by which typer reads options, says of a value as everywhere else."""
    try:
        yield
    except typer.BadParameter as error:
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            _, error.message = field_message(cause.errors(include_url=False)[:1])
        raise
