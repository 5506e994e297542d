"""Decodes payloads and failures through the client's data converter; never raises for what they contain.

Used by the decoder of histories and by the live view.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pydantic_core import from_json
from temporalio.api.common.v1 import Memo, Payload, Payloads
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter

from perdure.projection.history import UNDECODABLE
from perdure.storage.converter import OnePayloadConverter
from perdure.storage.error import StorageUnavailableError

_KINDS = {
    "application_failure_info": "application",
    "timeout_failure_info": "timeout",
    "canceled_failure_info": "canceled",
    "terminated_failure_info": "terminated",
    "server_failure_info": "server",
    "reset_workflow_failure_info": "reset",
    "activity_failure_info": "activity",
    "child_workflow_execution_failure_info": "child",
}
_PLAIN = b"json/plain"
_PARSING = (PydanticPayloadConverter, OnePayloadConverter)
"""Converters for which plain JSON is what it says."""
_CAUSES = 8
"""Causes of causes that are followed; no failure of ours has more than two."""


class PayloadReader:
    """Reads payloads as JSON values, through the codec if the converter has one."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter
        # What the converter does to plain JSON costs three times as much as to parse it.
        self._parses = converter.payload_codec is None and converter.payload_converter_class in _PARSING

    async def one(self, payload: Payload) -> Any:
        """The payload's value; an object with the key `UNDECODABLE` where there is no telling.

        Raises:
            StorageUnavailableError: it is in external storage, which is away.
        """
        if self._parses and len(payload.metadata) == 1 and payload.metadata.get("encoding") == _PLAIN:
            with suppress(ValueError):
                return from_json(payload.data)
        try:
            value = (await self._converter.decode([payload]))[0]
        except StorageUnavailableError:  # says nothing of the payload: whoever reads the history comes again
            raise
        except Exception as problem:  # noqa: BLE001  whatever a foreign payload or a codec does, the fold goes on
            return _undecodable(payload, type(problem).__name__)
        if value is None or isinstance(value, (bool, int, float, str, list, dict)):
            return value
        return _undecodable(payload, f"not JSON but {type(value).__name__}")

    async def first(self, payloads: Payloads) -> Any:
        """The value of the first payload; null where there is none."""
        return await self.one(payloads.payloads[0]) if payloads.payloads else None

    async def all(self, payloads: Payloads) -> list[Any]:
        """The values of all payloads."""
        return [await self.one(payload) for payload in payloads.payloads]

    async def memo(self, memo: Memo, names: Iterable[str]) -> dict[str, Any]:
        """The named fields that the memo has."""
        return {name: await self.one(memo.fields[name]) for name in names if name in memo.fields}

    async def failure(self, failure: Failure, depth: int = 0) -> dict[str, Any]:
        """`{kind, message}` and, as the kind has them, `type`, `timeout_type`, `details`, `cause`."""
        kind = failure.WhichOneof("failure_info")
        found: dict[str, Any] = {"kind": _KINDS.get(kind or "", "unknown"), "message": await self._message(failure)}
        if kind == "application_failure_info":
            application = failure.application_failure_info
            found |= {"type": application.type, "details": await self.all(application.details)}
        elif kind == "timeout_failure_info":
            timeout = failure.timeout_failure_info
            found["timeout_type"] = timeout_name(timeout.timeout_type)
            found["details"] = await self.all(timeout.last_heartbeat_details)
        elif kind == "reset_workflow_failure_info":
            found["details"] = await self.all(failure.reset_workflow_failure_info.last_heartbeat_details)
        if failure.HasField("cause") and depth < _CAUSES:
            found["cause"] = await self.failure(failure.cause, depth + 1)
        return found

    async def _message(self, failure: Failure) -> str:
        if not failure.HasField("encoded_attributes"):
            return failure.message
        attributes = await self.one(failure.encoded_attributes)
        message = attributes.get("message") if isinstance(attributes, dict) else None
        return message if isinstance(message, str) else failure.message


def timeout_name(value: int) -> str:
    """Temporal's name of a timeout type without its prefix, as `HEARTBEAT`; of a new one its number."""
    try:
        return TimeoutType.Name(TimeoutType.ValueType(value)).removeprefix("TIMEOUT_TYPE_")
    except ValueError:
        return str(value)


def _undecodable(payload: Payload, reason: str) -> dict[str, Any]:
    encoding = payload.metadata.get("encoding", b"").decode("utf-8", "replace")
    return {UNDECODABLE: {"encoding": encoding, "bytes": len(payload.data), "reason": reason}}
