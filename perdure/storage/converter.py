"""The data converter that all parts of Perdure share: with a storage directory set, large payloads go there."""

import dataclasses

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    ExternalStorage,
    StorageDriver,
    StorageDriverSelectContext,
    StorageDriverWorkflowInfo,
)

from perdure.settings import Settings
from perdure.storage.disk import prepare
from perdure.storage.driver import DiskDriver


def data_converter(settings: Settings) -> DataConverter:
    """For every client, so that whoever reads a history understands it.

    Raises:
        StorageUnavailableError: the storage directory cannot be made, or written to.
    """
    if settings.storage_dir is None:
        return pydantic_data_converter
    prepare(settings.storage_dir)
    driver = DiskDriver(settings.storage_dir)

    def select(context: StorageDriverSelectContext, _payload: Payload) -> StorageDriver | None:
        # Heartbeats name no workflow: they stay in Temporal, and are bounded by the wrapper.
        return driver if isinstance(context.target, StorageDriverWorkflowInfo) and context.target.id else None

    storage = ExternalStorage(
        drivers=[driver], driver_selector=select, payload_size_threshold=settings.storage_threshold_bytes
    )
    return dataclasses.replace(pydantic_data_converter, external_storage=storage)
