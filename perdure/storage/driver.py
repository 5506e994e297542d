"""The driver that Temporal's SDK hands large payloads to, and asks for them; `perdure.storage.converter` sets it up."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
)

from perdure.storage import disk
from perdure.storage.error import PayloadLostError
from perdure.storage.place import Place

NAME = "perdure.disk"
"""In every reference: a history written with it needs a driver of this name."""


class DiskDriver(StorageDriver):
    """Keeps payloads in a directory that all parts of Perdure share, a file each, named by its SHA-256."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def name(self) -> str:
        """Of this driver."""
        return NAME

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Keep each payload, under the job it belongs to.

        Raises:
            StorageUnavailableError: one could not be written.
        """
        target = context.target
        if not isinstance(target, StorageDriverWorkflowInfo) or not target.id:
            raise TypeError("only payloads of workflows are kept: the selector lets no others through")
        contents = [payload.SerializeToString(deterministic=True) for payload in payloads]
        places = [Place.of(target.namespace, target.id, content) for content in contents]
        for place, content in zip(places, contents, strict=True):
            await asyncio.to_thread(disk.keep, self._root, place, content)
        return [StorageDriverClaim(place.claim) for place in places]

    async def retrieve(
        self,
        context: StorageDriverRetrieveContext,  # noqa: ARG002  the SDK's interface
        claims: Sequence[StorageDriverClaim],
    ) -> list[Payload]:
        """The payloads, checked against their hashes.

        Raises:
            StorageUnavailableError: the storage cannot be read.
            PayloadLostError: one is not there, or damaged.
        """
        return [await self._fetch(claim) for claim in claims]

    async def _fetch(self, claim: StorageDriverClaim) -> Payload:
        try:
            place = Place.from_claim(claim.claim_data)
        except ValueError as problem:
            raise PayloadLostError(str(problem)) from None
        return Payload.FromString(await asyncio.to_thread(disk.fetch, self._root, place))
