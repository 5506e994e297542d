"""Tables where there is room, fewer columns where there is less, blocks where there is next to none."""

import io

import pytest
from rich.console import Console

from perdure.cli import screen

ID, STATE, WHY = "default:a-rather-long-order-number-1042", "DEAD_LETTERED", "step fetch is parked: STEP.HTTP.5XX: no"


def shown(width: int) -> str:
    table = screen.table("id", "state", "attempts", "why", right=["attempts"], spare=["attempts"])
    table.add_row(ID, STATE, "3", WHY)
    table.add_row("", "", "#1", "again")
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, markup=False).print(table)
    return file.getvalue()


def test_where_there_is_room_a_row_is_a_line() -> None:
    lines = shown(150).splitlines()
    assert len(lines) == 3
    assert all(word in lines[1] for word in (ID, STATE, "3", WHY))


def test_a_narrow_terminal_goes_without_what_can_be_spared() -> None:
    text = shown(84)
    assert ID in text
    assert STATE in text
    assert "attempts" not in text


@pytest.mark.parametrize("width", [72, 60, 41])
def test_a_very_narrow_one_has_blocks_with_everything_in_them(width: int) -> None:
    text = shown(width)
    assert text.splitlines()[0].strip() == ID
    assert all(word in text for word in (STATE, "attempts", "#1", "again"))
    assert max(map(len, text.splitlines())) <= width


def test_no_width_loses_a_row_or_fails() -> None:
    for width in range(30, 130):
        assert STATE in shown(width)
