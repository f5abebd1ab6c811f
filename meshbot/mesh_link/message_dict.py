"""`MessageToDict` for the messages that come by the thousand: the same dictionaries at half the cost.

It plans each field once (name and conversion, shared by all dictionaries) instead of at every message. Whatever has
fields beyond those of a NodeInfo's kind is left to the original.
"""

from __future__ import annotations

import struct
from binascii import b2a_base64
from collections.abc import Callable
from functools import cache
from math import inf, isnan
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

Convert = Callable[[Any], Any]
FLOAT: Final = struct.Struct("<f")
# Significant; with 9 any float of 4 bytes is exact
FEWEST_DIGITS, MOST_DIGITS = 6, 9
INFINITIES: Final = {inf: "Infinity", -inf: "-Infinity"}


def as_dict(message: Message) -> dict[str, Any]:
    """Return what `MessageToDict(message)` returns."""
    if not _is_plain(message.DESCRIPTOR):
        return MessageToDict(message)
    entry = {}
    for field, value in message.ListFields():
        name, convert = _plan(field)
        entry[name] = convert(value)
    return entry


@cache
def _is_plain(descriptor: Descriptor) -> bool:
    """Whether it holds single values alone, so that `_plan` covers them, and is none that JSON writes its own way."""
    well_known = descriptor.file.package.startswith("google.protobuf")
    return not well_known and not any(field.is_repeated for field in descriptor.fields)


@cache
def _plan(field: FieldDescriptor) -> tuple[str, Convert]:
    return field.json_name, _conversion(field)


def _conversion(field: FieldDescriptor) -> Convert:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return as_dict
        case FieldDescriptor.CPPTYPE_ENUM if field.enum_type is not None:
            return _names_of(field.enum_type)
        case FieldDescriptor.CPPTYPE_FLOAT:
            return _shortest
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return _finite
        case FieldDescriptor.CPPTYPE_INT64 | FieldDescriptor.CPPTYPE_UINT64:
            return str
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return _base64
        case _:
            return _itself


def _names_of(enum: EnumDescriptor) -> Convert:
    names = {number: value.name for number, value in enum.values_by_number.items()}
    # a newer firmware's value stays a number
    return lambda number: names.get(number, number)


def _base64(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode("ascii")


def _shortest(value: float) -> float | str:
    """Return the number with the fewest digits that is the same float of 4 bytes: 3.89 for 3.890000104904175."""
    if not -inf < value < inf:
        return _finite(value)
    for digits in range(FEWEST_DIGITS, MOST_DIGITS):
        short = float(f"{value:.{digits}g}")
        if FLOAT.unpack(FLOAT.pack(short))[0] == value:
            return short
    return float(f"{value:.{MOST_DIGITS}g}")


def _finite(value: float) -> float | str:
    return "NaN" if isnan(value) else INFINITIES.get(value, value)


def _itself(value: Any) -> Any:
    return value
