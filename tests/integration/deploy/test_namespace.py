"""deploy/temporal/namespace.sh against a real Temporal server."""

import os
import subprocess
from datetime import timedelta
from uuid import uuid4

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from perdure.embedded.binary import find_binaries
from perdure.embedded.temporal import SEARCH_ATTRIBUTES
from tests.unit.deploy.compose import ROOT, environment


def _run(address: str, namespace: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(find_binaries().temporal.parent), os.environ["PATH"]])
    variables = {
        "PATH": path,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        **environment("temporal-namespace"),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": namespace,
        "PATIENCE_SECONDS": "30",
        **more,
    }
    command = ["/bin/sh", str(ROOT / "deploy/temporal/namespace.sh")]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


async def _retention(client: Client, namespace: str) -> timedelta:
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    return described.config.workflow_execution_retention_ttl.ToTimedelta()


async def test_a_namespace_is_made_with_retention_and_search_attributes(temporal_address: str) -> None:
    namespace = f"made-{uuid4().hex[:8]}"
    first = _run(temporal_address, namespace)
    assert first.returncode == 0, first.stderr
    client = await Client.connect(temporal_address)
    assert await _retention(client, namespace) == timedelta(days=30)
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    assert {name: listed.custom_attributes[name] for name in SEARCH_ATTRIBUTES} == dict.fromkeys(
        SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    )


async def test_run_again_it_changes_only_the_retention(temporal_address: str) -> None:
    namespace = f"again-{uuid4().hex[:8]}"
    assert _run(temporal_address, namespace, RETENTION="7d").returncode == 0
    again = _run(temporal_address, namespace)
    assert again.returncode == 0, again.stderr
    assert await _retention(await Client.connect(temporal_address), namespace) == timedelta(days=30)


def test_without_a_server_it_gives_up_and_says_what_it_tried() -> None:
    result = _run("127.0.0.1:1", "none", PATIENCE_SECONDS="0")
    assert result.returncode == 1
    assert "gave up: operator cluster health: " in result.stderr
