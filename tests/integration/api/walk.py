"""Every operation under /v1 of the OpenAPI document, as a request: its path filled in, its first example as body."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLES = Path(__file__).parents[3] / "docs/reference/roles.md"


@dataclass(frozen=True)
class Operation:
    """One method of one path template. `body` is None where it takes none."""

    method: str
    path: str
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def needs(self) -> list[str]:
        """The names of the path's parameters."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def filled(self, values: Mapping[str, str]) -> str:
        """The path with its parameters."""
        return self.path.format(**values)


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Those that need a key."""
    for path, item in document["paths"].items():
        if not path.startswith("/v1/"):
            continue
        for method, operation in item.items():
            if operation["security"] == []:
                continue
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            examples = list(content.get("examples", {}).values())
            yield Operation(method.upper(), path, examples[0]["value"] if examples else None)


def documented() -> dict[str, dict[str, str]]:
    """The table of docs/reference/roles.md: operation to column to cell."""
    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        for line in ROLES.read_text().splitlines()
        if line.startswith("|")
    ]
    columns, _, *cells = rows
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in cells}
