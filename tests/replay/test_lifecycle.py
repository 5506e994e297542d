"""docs/concepts/job-lifecycle.md names exactly the changes of state that the stored histories go through."""

import re
from pathlib import Path

import pytest

from tests.replay.stored import HISTORIES, read
from tests.replay.transition import Seen, Transition, of_fold, of_workflow

DOCUMENT = Path(__file__).parents[2] / "docs" / "concepts" / "job-lifecycle.md"
_ROW = re.compile(r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \|", re.MULTILINE)
_ARROW = re.compile(r"^    ([A-Z_]+) --> ([A-Z_]+)$", re.MULTILINE)
KINDS = ("job", "step", "item", "compensation")


def section(kind: str) -> str:
    _, _, rest = DOCUMENT.read_text().partition(f"\n## {kind.capitalize()}\n")
    return rest.partition("\n## ")[0]


@pytest.fixture(scope="module")
async def seen() -> Seen:
    named = [(path.stem, read(path)) for path in HISTORIES]
    return {**await of_workflow(named), "job": await of_fold(named)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_document_has_every_change_of_state_that_happens(seen: Seen, kind: str) -> None:
    documented: set[Transition] = set(_ROW.findall(section(kind)))
    missing = {change: job for change, job in seen[kind].items() if change not in documented}
    assert not missing


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_of_state_in_the_document_happens(seen: Seen, kind: str) -> None:
    assert set(_ROW.findall(section(kind))) - seen[kind].keys() == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_diagram_shows_what_the_table_says(kind: str) -> None:
    text = section(kind)
    assert set(_ARROW.findall(text)) == set(_ROW.findall(text))
