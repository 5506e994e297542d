"""When two submissions are the same one (contract 5): by what was sent, not by what it means."""

import json
from typing import Any

import pytest

from perdure.admission.admission import admit
from perdure.admission.strict_json import read_json

STEPS = '"steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}]'


def fingerprint(fields: str) -> str:
    return admit(read_json(f'{{"name": "job", {STEPS}, {fields} }}'.encode(), 1 << 20)).fingerprint


SAME = [
    ('"input": {"a": 1, "b": 2}', '"input": {"b": 2, "a": 1}'),
    ('"input": 1', '"input": 1.0'),
    ('"input": 100', '"input": 1e2'),
    ('"input": 0.1', '"input": 0.10000000000000001'),
    ('"input": 0', '"input": -0.0'),
    ('"input": "\u00e9"', '"input": "\\u00e9"'),
    ('"input": "\U0001f600"', '"input": "\\ud83d\\ude00"'),
    ('"input": [1,2]', '"input": [ 1 , 2 ]'),
    ('"id": "k1", "input": 1', '"input": 1'),
    ('"id": "k1", "input": 1', '"id": "k2", "input": 1'),
]
DIFFERENT = [
    ('"input": 1', '"input": "1"'),
    ('"input": [1, 2]', '"input": [2, 1]'),
    ('"input": null', '"priority": 3'),
    ('"input": 1', '"input": 1, "priority": 3'),
    ('"input": 9007199254740991', '"input": 9007199254740990'),
    ('"input": "\u00e9"', '"input": "e\u0301"'),
    ('"input": {"id": "k1"}', '"input": {"id": "k2"}'),
    ('"input": "\u05d0"', '"input": "\u05d1"'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_b13_equal_json_has_one_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_b13_other_json_has_another_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_fingerprint_is_of_the_body_as_sent_without_defaults() -> None:
    # Fixed for ever: the ledger holds fingerprints, and an upgrade must not change them.
    document: dict[str, Any] = json.loads(f'{{"name": "job", {STEPS}}}')
    assert admit(document).fingerprint == "f22566ad954eb59cee74a22c14ed9f9f351e8e1f7036c0ecf2c680ad9ba0e4a5"


def test_order_of_names_follows_utf_16() -> None:
    one = fingerprint('"input": {"\U0001f600": 1, "\ufb33": 2}')
    assert one == fingerprint('"input": {"\ufb33": 2, "\U0001f600": 1}')
