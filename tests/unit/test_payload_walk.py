"""The SDK's walks over payloads are skipped only where they would change nothing."""

from collections.abc import Iterator, Sequence

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.bridge import worker as bridge
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter, PayloadCodec

from worker import payload_walk
from worker.payload_walk import skip_idle_walks

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"text"')
REFERENCES = [
    Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b"{}"),
    Payload(metadata={"encoding": b"json/plain", "__temporal_external_storage_reference": b"true"}, data=b"{}"),
    Payload(
        metadata={
            "encoding": b"json/protobuf",
            "messageType": b"temporal.api.sdk.v1.ExternalStorageReference",
        },
        data=b"{}",
    ),
]


class Reversing(PayloadCodec):
    """Each payload's bytes backwards."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata=each.metadata, data=each.data[::-1]) for each in payloads]

    decode = encode


@pytest.fixture
def skipping() -> Iterator[None]:
    kept = bridge.decode_activation, bridge.encode_completion
    assert skip_idle_walks(), "the SDK is another one: see to it that what is replaced still is what it was"
    yield
    bridge.decode_activation, bridge.encode_completion = kept


def activation(*inputs: Payload) -> WorkflowActivation:
    found = WorkflowActivation(run_id="r")
    found.jobs.add().initialize_workflow.arguments.extend(inputs)
    found.jobs.add().resolve_activity.result.completed.result.CopyFrom(PLAIN)
    return found


def completion() -> WorkflowActivationCompletion:
    found = WorkflowActivationCompletion(run_id="r")
    found.successful.commands.add().schedule_activity.arguments.append(PLAIN)
    found.successful.commands.add().complete_workflow_execution.result.CopyFrom(PLAIN)
    return found


async def decoded(converter: DataConverter, found: WorkflowActivation) -> WorkflowActivation:
    await bridge.decode_activation(found, converter, decode_headers=True, storage_concurrency_limit=1)
    return found


async def encoded(converter: DataConverter, found: WorkflowActivationCompletion) -> WorkflowActivationCompletion:
    await bridge.encode_completion(found, converter, encode_headers=True, storage_concurrency_limit=1)
    return found


async def test_the_walks_of_the_sdk_change_nothing_without_codec_and_storage() -> None:
    assert await decoded(DataConverter.default, activation(PLAIN)) == activation(PLAIN)
    assert await encoded(DataConverter.default, completion()) == completion()


async def test_without_codec_and_storage_no_payload_is_walked_through(
    skipping: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_walk, "_walk_in", None)
    monkeypatch.setattr(payload_walk, "_walk_out", None)
    assert await decoded(DataConverter.default, activation(PLAIN)) == activation(PLAIN)
    assert await encoded(DataConverter.default, completion()) == completion()


async def test_a_codec_is_applied_both_ways(skipping: None) -> None:
    converter = DataConverter(payload_codec=Reversing())
    found = await decoded(converter, activation(PLAIN))
    assert found.jobs[0].initialize_workflow.arguments[0].data == b'"txet"'
    assert found.jobs[1].resolve_activity.result.completed.result.data == b'"txet"'
    told = await encoded(converter, completion())
    assert told.successful.commands[0].schedule_activity.arguments[0].data == b'"txet"'
    assert told.successful.commands[1].complete_workflow_execution.result.data == b'"txet"'


@pytest.mark.parametrize("reference", REFERENCES, ids=["encoding", "marker", "message"])
async def test_a_payload_that_is_elsewhere_is_told_apart_from_a_value(skipping: None, reference: Payload) -> None:
    with pytest.raises(RuntimeError, match="TMPRL1105"):
        await decoded(DataConverter.default, activation(reference))


def test_an_sdk_that_is_not_known_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def other(activation: object, converter: object) -> None: ...

    monkeypatch.setattr(payload_walk, "_walk_in", other)
    before = bridge.decode_activation, bridge.encode_completion
    assert not skip_idle_walks()
    assert (bridge.decode_activation, bridge.encode_completion) == before
