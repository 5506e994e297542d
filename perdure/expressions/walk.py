"""The strings of a template value with their places; used by `check` and `template`."""

from collections.abc import Iterator

from perdure.expressions.path import JSON, Path


def strings(value: JSON) -> Iterator[tuple[Path, str]]:
    """Every string value (object keys are no templates), in document order, at any depth."""
    pending: list[tuple[Path, JSON]] = [((), value)]
    while pending:
        path, found = pending.pop()
        if isinstance(found, str):
            yield path, found
        elif isinstance(found, dict):
            pending.extend(((*path, key), found[key]) for key in reversed(found))
        elif isinstance(found, list):
            pending.extend(((*path, index), found[index]) for index in reversed(range(len(found))))
