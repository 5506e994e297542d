"""Payloads are put out of sight wherever they stand, and nothing else is."""

import json
from typing import Any

import pytest

from perdure.security.masking import masked, masked_data, masked_details

CANARY = "canary-7f3a"


@pytest.mark.parametrize("value", ["", 0, False, [], {}, CANARY, {"a": [CANARY]}])
def test_every_value_is_masked_alike(value: Any) -> None:
    assert masked(value) == "***"


def test_nothing_stays_nothing() -> None:
    assert masked(None) is None
    assert masked_details({}) == {}


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"code": "X", "details": {CANARY: CANARY}}},
        {"error": {"details": [CANARY]}},
        {"output": {"a": CANARY}},
        {"steps": [{"output": CANARY}, [{"input": CANARY}]]},
        {"patch": {"fetch": {"url": CANARY}}},
        {"payload": CANARY},
    ],
)
def test_payloads_in_journal_data_are_masked_however_deep(data: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(masked_data(data))


def test_the_other_facts_of_a_journal_row_stay() -> None:
    data = {"reason": "why", "round": 2, "rounds": {"a": 1}, "error": {"code": "X", "message": "m", "details": {}}}
    assert masked_data(data) == data
