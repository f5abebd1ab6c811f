"""Fields of firmware 2.8 that the pinned library's protobufs do not know, written byte by byte.

Their tags are those of the protobufs of firmware 2.8.0 (mesh.proto, config.proto, admin.proto).
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message

VARINT, LENGTH_DELIMITED = 0, 2  # wire types
MORE: Final = 0x80  # a byte of a varint with this bit is not the last
WIRE_TYPES: Final = 8
FIXED_WIDTHS: Final = {1: 8, 5: 4}  # bytes by wire type
# The tags
XEDDSA_SIGNATURE: Final = 10  # Data's, bytes
XEDDSA_SIGNED: Final = 22  # MeshPacket's, bool
HAS_XEDDSA_SIGNED: Final = 14  # NodeInfo's, bool
HAS_XEDDSA: Final = 14  # DeviceMetadata's, bool
PACKET_SIGNATURE_POLICY: Final = 9  # Config.SecurityConfig's, enum
MESH_BEACON: Final = 17  # ModuleConfig's, message
REGION_PRESETS: Final = 19  # FromRadio's, message


def varint(number: int) -> bytes:
    """Return a protobuf varint of a number that is not negative."""
    out = bytearray()
    while number >= MORE:
        out.append(number % MORE | MORE)
        number //= MORE
    out.append(number)
    return bytes(out)


def number_field(tag: int, number: int) -> bytes:
    """Return a field with an integer, an enum's number or a bool."""
    return varint(tag << 3 | VARINT) + varint(number)


def bytes_field(tag: int, content: bytes) -> bytes:
    """Return a field with bytes, a text or a message."""
    return varint(tag << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def with_field(message: Any, field: bytes) -> Any:
    """Return a copy of the message that has the field as well."""
    assert isinstance(message, Message)  # noqa: S101 - a generated message, whose class mypy does not know
    copy = type(message)()
    copy.ParseFromString(message.SerializeToString() + field)
    return copy


def with_flag(message: Any, tag: int) -> Any:
    """Return a copy of the message in which that bool is true."""
    return with_field(message, number_field(tag, 1))


def fields_of(message: Message) -> dict[int, int | bytes]:
    """Return the top-level fields of a message by tag, the last one of each; fixed-width ones are left out."""
    data, place, found = message.SerializeToString(), 0, dict[int, int | bytes]()
    while place < len(data):
        key, place = _read_varint(data, place)
        if key % WIRE_TYPES == VARINT:
            found[key >> 3], place = _read_varint(data, place)
        elif key % WIRE_TYPES == LENGTH_DELIMITED:
            length, place = _read_varint(data, place)
            found[key >> 3], place = data[place : place + length], place + length
        else:
            place += FIXED_WIDTHS[key % WIRE_TYPES]
    return found


def number_in(message: Message, tag: int) -> int:
    """Return an integer field, 0 if it is missing."""
    value = fields_of(message).get(tag, 0)
    return value if isinstance(value, int) else 0


def bytes_in(message: Message, tag: int) -> bytes:
    """Return a bytes field, b"" if it is missing."""
    value = fields_of(message).get(tag, b"")
    return value if isinstance(value, bytes) else b""


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at this place and the place behind it."""
    number, shift = 0, 0
    while data[place] >= MORE:
        number |= data[place] % MORE << shift
        place, shift = place + 1, shift + 7
    return number | data[place] << shift, place + 1
