"""Reads answers in bounded memory; compressed ones are unpacked piece by piece, so that none is a bomb."""

import zlib
from collections.abc import AsyncIterator

import httpx

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_PIECE = 65_536


class BodyTooLargeError(Exception):
    """The answer is larger than the reader's bound; the rest was not read."""


async def read_body(answer: httpx.Response, limit: int) -> bytes:
    """The whole body of a streamed answer, unpacked when it is gzip or deflate.

    Raises:
        BodyTooLargeError: it is larger than `limit` bytes.
        httpx.TransportError: the connection broke, or the body is not what its encoding says.
    """
    declared = answer.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit and answer.request.method != "HEAD":
        raise BodyTooLargeError
    body = bytearray()
    async for part in _unpacked(answer):
        body += part
        if len(body) > limit:
            raise BodyTooLargeError
    return bytes(body)


async def read_beginning(answer: httpx.Response, limit: int) -> bytes:
    """At most the first `limit` bytes; a broken body ends where it broke."""
    body = bytearray()
    try:
        async for part in _unpacked(answer):
            body += part
            if len(body) >= limit:
                break
    except httpx.TransportError:
        pass
    return bytes(body[:limit])


async def _unpacked(answer: httpx.Response) -> AsyncIterator[bytes]:
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("gzip", "x-gzip", "deflate"):
        async for part in answer.aiter_raw():
            yield part
        return
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    empty = True
    try:
        async for packed in answer.aiter_raw():
            empty, rest = False, packed
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as problem:
        raise httpx.RemoteProtocolError(f"the body is not {encoding} as it says: {problem}") from None
    if not (unpacker.eof or empty):
        raise httpx.RemoteProtocolError(f"the body ends in the middle of its {encoding} stream")
