"""The strings of a template value with their places; used by `check`, `template` and admission."""

from collections.abc import Iterator

from perdure.expressions.limit import DATA_DEPTH
from perdure.expressions.path import JSON, Path


def strings(value: JSON) -> Iterator[tuple[Path, str]]:
    """Every string value (object keys are no templates), in document order, DATA_DEPTH levels deep."""
    pending: list[tuple[Path, JSON]] = [((), value)]
    while pending:
        path, found = pending.pop()
        if isinstance(found, str):
            yield path, found
        elif len(path) < DATA_DEPTH:
            pending.extend(reversed([((*path, key), item) for key, item in _entries(found)]))


def is_too_deep(value: JSON) -> bool:
    """Whether there is more below the levels that `strings` looks at."""
    level = [value]
    for _ in range(DATA_DEPTH + 1):
        level = [item for found in level for _, item in _entries(found)]
        if not level:
            return False
    return True


def _entries(found: JSON) -> list[tuple[str | int, JSON]]:
    if isinstance(found, dict):
        return list(found.items())
    return list(enumerate(found)) if isinstance(found, list) else []
