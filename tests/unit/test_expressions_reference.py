"""Every example of docs/reference/expressions.md, run."""

import json
import re
from pathlib import Path

import pytest

from perdure.expressions import ExpressionError, Scope, resolve
from perdure.expressions.bounded import evaluate_bounded

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
VALUES = json.loads(next(text for kind, text in BLOCKS if kind == "json"))
SCOPE = Scope({name: value for name, value in VALUES.items() if name != "steps"}, VALUES["steps"])


def _examples(wanted: str) -> list[str]:
    return [line for kind, text in BLOCKS if kind == wanted for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("line", _examples("text"))
def test_reference_example_of_a_template(line: str) -> None:
    template, mark, expected = re.split(r"\s+(→|✗)\s+", line, maxsplit=1)
    if mark == "→":
        found = resolve(template, SCOPE).value
        assert json.dumps(found) == json.dumps(json.loads(expected))
    else:
        with pytest.raises(ExpressionError) as caught:
            resolve(template, SCOPE)
        assert expected in caught.value.message


@pytest.mark.parametrize("line", _examples("compute"))
async def test_reference_example_of_a_compute_step(line: str) -> None:
    expression, expected = re.split(r"\s+→\s+", line, maxsplit=1)
    found = await evaluate_bounded(expression, VALUES)
    assert json.dumps(found) == json.dumps(json.loads(expected))


def test_the_page_has_examples_of_each_kind() -> None:
    assert len(_examples("text")) > 40
    assert len(_examples("compute")) >= 4
