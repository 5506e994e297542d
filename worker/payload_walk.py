"""Spares workflow tasks the SDK's walks over all their payloads, where neither codec nor external storage is set.

The SDK walks through every payload of an activation three times, and of its completion three times more, to decode,
retrieve, encode and store: 2.5 ms of a worker's CPU for a job of three HTTP steps, and nothing to do. There is no
public way around it, so `skip_idle_walks` replaces the two functions of the SDK that do it (docs/decisions/0032).
Called by the worker's composition root.
"""

import inspect

import structlog
from temporalio.bridge import worker as bridge
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import DataConverter
from temporalio.converter._extstore import StorageOperationMetrics

_log = structlog.get_logger("worker")
_walk_in, _walk_out = bridge.decode_activation, bridge.encode_completion
_STORED_ELSEWHERE = (b"external-storage-reference", b"external_storage_reference", b"ExternalStorageReference")
"""One of them is in every payload that stands for one in external storage: the SDK then says what is the matter."""
_KNOWN = (
    ("activation", "data_converter", "decode_headers", "storage_concurrency_limit"),
    ("completion", "data_converter", "encode_headers", "storage_concurrency_limit"),
)
"""What the two functions take in the SDK's versions that this was written for."""


def skip_idle_walks() -> bool:
    """Let all workers of this process skip the walks; whether the SDK is one that this knows."""
    found = tuple(tuple(inspect.signature(walk).parameters) for walk in (_walk_in, _walk_out))
    if found != _KNOWN:
        _log.warning("workflow tasks walk through their payloads for nothing: the SDK is not one that is known")
        return False
    bridge.decode_activation, bridge.encode_completion = _decode_activation, _encode_completion
    return True


async def _decode_activation(
    activation: WorkflowActivation,
    data_converter: DataConverter,
    decode_headers: bool,  # noqa: FBT001 - the SDK's signature
    storage_concurrency_limit: int,
) -> StorageOperationMetrics:
    if _is_plain(data_converter) and not _refers_elsewhere(activation):
        return StorageOperationMetrics()
    return await _walk_in(activation, data_converter, decode_headers, storage_concurrency_limit)


async def _encode_completion(
    completion: WorkflowActivationCompletion,
    data_converter: DataConverter,
    encode_headers: bool,  # noqa: FBT001 - the SDK's signature
    storage_concurrency_limit: int,
) -> StorageOperationMetrics:
    if _is_plain(data_converter):
        return StorageOperationMetrics()
    return await _walk_out(completion, data_converter, encode_headers, storage_concurrency_limit)


def _is_plain(converter: DataConverter) -> bool:
    return converter.payload_codec is None and converter.external_storage is None


def _refers_elsewhere(activation: WorkflowActivation) -> bool:
    written = activation.SerializeToString()
    return any(mark in written for mark in _STORED_ELSEWHERE)
