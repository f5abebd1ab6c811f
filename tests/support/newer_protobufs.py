"""Firmware 2.8's messages: the library's own protobufs with the fields that they lack.

A release of the library that knows them changes nothing here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.firmware import NEWER_FIELDS

BYTES, BOOL, ENUM = FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.TYPE_BOOL, FieldDescriptorProto.TYPE_UINT32
# Message, field, number, type; region_presets is a message of which nothing is read
FIELDS = [
    *((each.message, each.name, each.number, ENUM if "policy" in each.name else BOOL) for each in NEWER_FIELDS),
    ("Data", "xeddsa_signature", 10, BYTES),
    ("FromRadio", "region_presets", 19, BYTES),
]


@cache
def newer(name: str) -> Any:
    """The class of a message that knows the newer fields; `name` as in `MeshPacket`."""
    package = mesh_pb2.DESCRIPTOR.package
    full_name = f"{package}.Config.SecurityConfig" if name == "SecurityConfig" else f"{package}.{name}"
    return GetMessageClass(_pool().FindMessageTypeByName(full_name))


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in _files(mesh_pb2.DESCRIPTOR, {}).values():
        pool.Add(file)
    return pool


def _files(file: Any, found: dict[str, FileDescriptorProto]) -> dict[str, FileDescriptorProto]:
    """Every file that one needs, those first on which others build."""
    for needed in file.dependencies:
        _files(needed, found)
    if file.name not in found:
        found[file.name] = proto = FileDescriptorProto()
        file.CopyToProto(proto)
        for message in [*proto.message_type, *(each for outer in proto.message_type for each in outer.nested_type)]:
            _extend(message)
    return found


def _extend(message: Any) -> None:
    known = {field.number for field in message.field}
    for owner, name, number, kind in FIELDS:
        if owner == message.name and number not in known:
            field = message.field.add(name=name, number=number, type=kind, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if owner == "FromRadio":
                field.oneof_index = 0
