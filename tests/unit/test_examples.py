"""Every example is one the API would accept and the workflow can read."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from perdure.admission.admission import admit, check_ids
from perdure.admission.strict_json import read_json
from perdure.contract.execution import JobStart
from perdure.contract.spec import (
    CatchRule,
    DeadLetterPolicy,
    DependentSpec,
    ForEach,
    JobSpec,
    RetryPolicy,
    StepSpec,
)
from perdure.steps.catalogue import CATALOGUE
from workflows.job.opening import read_start

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
PAGE = (ROOT / "docs" / "reference" / "spec.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LIMIT = 1024 * 1024


def check(document: Any) -> None:
    admitted = admit(document, now=NOW)
    check_ids(admitted, "default:an-example")
    start = JobStart(spec=admitted.spec, tenant="default")
    assert read_start(RawValue(Payload(data=start.model_dump_json(by_alias=True).encode()))) == start


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_admitted(path: Path) -> None:
    check(read_json(path.read_bytes(), LIMIT))


def test_there_is_an_example_of_each_construct() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES)
    for field in ("for_each", "catch", "compensate", "depends_on", "when", "dependents", "delay", "retry"):
        assert f'"{field}"' in text
    assert {type_ for type_ in CATALOGUE if f'"type": "{type_}"' not in text} == set()


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_example_of_the_spec_s_reference_is_admitted(text: str) -> None:
    found = json.loads(text)
    check(found if "steps" in found else {"name": "example", "steps": [found]})


@pytest.mark.parametrize(
    "model",
    [JobSpec, StepSpec, RetryPolicy, ForEach, CatchRule, DependentSpec, DeadLetterPolicy],
    ids=lambda m: m.__name__,
)
def test_the_spec_s_reference_names_every_field(model: type[Any]) -> None:
    for name, field in model.model_fields.items():
        assert f"`{field.alias or name}`" in PAGE


def test_every_field_of_a_spec_is_described_in_the_openapi_document() -> None:
    components = JobSpec.model_json_schema(by_alias=True)["$defs"]
    bare = [
        f"{name}.{field}"
        for name, model in components.items()
        for field, schema in model.get("properties", {}).items()
        if "description" not in schema
    ]
    assert bare == []


@pytest.mark.parametrize("type_", sorted(CATALOGUE))
def test_the_spec_s_reference_names_every_parameter(type_: str) -> None:
    section = PAGE.split(f"### `{type_}`\n", 1)[1].split("\n### ", 1)[0]
    for name, field in CATALOGUE[type_].params.model_fields.items():
        assert f"`{field.alias or name}`" in section
