"""The data converter that all parts of Perdure share: with a storage directory set, large payloads go there."""

import dataclasses
from typing import ClassVar, Self

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
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


class OnePayloadConverter(PydanticPayloadConverter):
    """One for the process, which keeps nothing but a cache of types.

    The SDK makes one four times an activation, each with an empty cache: 2 % of a worker's CPU.
    """

    _one: ClassVar[Self | None] = None

    def __new__(cls) -> Self:
        """The same every time."""
        if cls._one is None:
            cls._one = super().__new__(cls)
            PydanticPayloadConverter.__init__(cls._one)
        return cls._one

    def __init__(self) -> None:
        """Made already."""


_CONVERTER = dataclasses.replace(pydantic_data_converter, payload_converter_class=OnePayloadConverter)


def data_converter(settings: Settings) -> DataConverter:
    """For every client, so that whoever reads a history understands it.

    Raises:
        StorageUnavailableError: the storage directory cannot be made, or written to.
    """
    if settings.storage_dir is None:
        return _CONVERTER
    prepare(settings.storage_dir)
    driver = DiskDriver(settings.storage_dir)

    def select(context: StorageDriverSelectContext, _payload: Payload) -> StorageDriver | None:
        # Heartbeats name no workflow: they stay in Temporal, and are bounded by the wrapper.
        return driver if isinstance(context.target, StorageDriverWorkflowInfo) and context.target.id else None

    storage = ExternalStorage(
        drivers=[driver], driver_selector=select, payload_size_threshold=settings.storage_threshold_bytes
    )
    return dataclasses.replace(_CONVERTER, external_storage=storage)
