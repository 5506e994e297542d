"""Payloads as the fold gets them: plain JSON is parsed at once, everything else goes through the converter."""

import base64
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, PayloadCodec

from perdure.projection.history import UNDECODABLE
from perdure.projection.payload import PayloadReader


class _Wrapped(PayloadCodec):
    """Keeps the payload in base64, under an encoding that looks plain."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata=each.metadata, data=base64.b64encode(each.data)) for each in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata=each.metadata, data=base64.b64decode(each.data)) for each in payloads]


def _plain(data: bytes) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


async def _read(payload: Payload, converter: DataConverter = pydantic_data_converter) -> Any:
    return await PayloadReader(converter).one(payload)


@pytest.mark.parametrize(
    "data",
    [b'{"a":[1,2.5,null,true,"x"]}', b"123456789012345678901234567890", b"1e400", b'{"a":1,"a":2}', b'"\\u0000"'],
)
async def test_plain_json_is_what_the_converter_makes_of_it(data: bytes) -> None:
    assert await _read(_plain(data)) == (await pydantic_data_converter.decode([_plain(data)]))[0]


@pytest.mark.parametrize("data", [b"[1,", b"", b"\xff", b'"\\ud800"', b"[" * 300 + b"]" * 300])
async def test_what_is_no_json_is_told_as_undecodable(data: bytes) -> None:
    told = (await _read(_plain(data)))[UNDECODABLE]
    assert (told["encoding"], told["bytes"]) == ("json/plain", len(data))


async def test_a_codec_is_asked_about_plain_looking_payloads_too() -> None:
    converter = dataclasses.replace(pydantic_data_converter, payload_codec=_Wrapped())
    [kept] = await converter.encode([{"secret": 1}])
    assert kept.metadata["encoding"] == b"json/plain"
    assert await _read(kept, converter) == {"secret": 1}


async def test_a_payload_without_any_encoding_is_undecodable() -> None:
    assert UNDECODABLE in await _read(Payload(data=b"1"))
