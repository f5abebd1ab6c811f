"""Fields of firmware 2.8 that the pinned library's protobufs do not know, written byte by byte.

Their tags are those of the protobufs of firmware 2.8.0 (mesh.proto, config.proto, admin.proto).
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message

VARINT, LENGTH_DELIMITED = 0, 2  # wire types
MORE: Final = 0x80  # a byte of a varint with this bit is not the last
HAS_XEDDSA_SIGNED: Final = 14  # NodeInfo.has_xeddsa_signed


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
