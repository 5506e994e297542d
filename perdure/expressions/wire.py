"""The protobuf wire format, as far as CEL's syntax trees need it; used by `syntax`, which reads and writes them."""

from collections.abc import Iterator

VARINT, FIXED64, BYTES = 0, 1, 2
_MORE = 0x80
_LOW = 0x7F
_SHORT = [bytes((value,)) for value in range(_MORE)]


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in order: number and content. Raises ValueError for what is no such message."""
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        wire_type = tag & 7
        if wire_type == VARINT:
            value, position = _read_varint(data, position)
            yield tag >> 3, value
            continue
        if wire_type not in (FIXED64, BYTES):
            message = f"protobuf wire type {wire_type}"
            raise ValueError(message)
        size, position = _read_varint(data, position) if wire_type == BYTES else (8, position)
        yield tag >> 3, data[position : position + size]
        position += size


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & _LOW) << shift
        if byte < _MORE:
            return value, position
        shift += 7


def varint_field(number: int, value: int) -> bytes:
    """A field that holds an integer of at most 64 bits, negative ones as their two's complement."""
    return _varint(number << 3 | VARINT) + _varint(value & (1 << 64) - 1)


def fixed_field(number: int, content: bytes) -> bytes:
    """A field of eight bytes."""
    return _varint(number << 3 | FIXED64) + content


def bytes_field(number: int, content: bytes) -> bytes:
    """A field that holds a text or a message."""
    return _varint(number << 3 | BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    if value < _MORE:
        return _SHORT[value]
    encoded = bytearray()
    while value >= _MORE:
        encoded.append(value & _LOW | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
