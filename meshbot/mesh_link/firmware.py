"""What depends on a node's firmware: its version, and fields that the library's protobufs may not know yet.

Protobuf keeps those as unknown fields. Each is read by its number, whether the library knows it or not: see
docs/decisions/0020-fields-of-firmware-2.8.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from meshtastic.protobuf import mesh_pb2, module_config_pb2

# Firmware that answers a heartbeat on an idle link (link_facts §7)
HEARTBEAT_ANSWERED_SINCE: Final = (2, 7, 6)
# Firmware that signs its broadcasts (link_facts §12)
SIGNED_SINCE: Final = (2, 8, 0)
# Wire types
VARINT, LENGTH = 0, 2
# Variants of FromRadio that may come; today's newest is region_presets, of firmware 2.8
NEWER_VARIANTS: Final = range(19, 32)


@dataclass(frozen=True, slots=True)
class NewerField:
    """A number or a truth value: a varint on the wire."""

    message: str
    name: str
    number: int


XEDDSA_SIGNED: Final = NewerField("MeshPacket", "xeddsa_signed", 22)
HAS_XEDDSA_SIGNED: Final = NewerField("NodeInfo", "has_xeddsa_signed", 14)
HAS_XEDDSA: Final = NewerField("DeviceMetadata", "has_xeddsa", 14)
PACKET_SIGNATURE_POLICY: Final = NewerField("SecurityConfig", "packet_signature_policy", 9)
NEWER_FIELDS: Final = (XEDDSA_SIGNED, HAS_XEDDSA_SIGNED, HAS_XEDDSA, PACKET_SIGNATURE_POLICY)


class SignaturePolicy(IntEnum):
    """Which broadcasts our own node takes."""

    COMPATIBLE = 0  # all
    BALANCED = 1  # not those without a signature of a node that has signed before
    STRICT = 2  # signed ones


def read(message: Message, field: NewerField) -> int:
    """Return the field's value; 0 if it is absent, as protobuf has it, or no varint."""
    known = message.DESCRIPTOR.fields_by_number.get(field.number)
    if known is not None:
        value = getattr(message, known.name)
        return int(value) if isinstance(value, int) else 0
    unknown = UnknownFieldSet(message)
    # the last one counts, as with fields that are known
    for each in (unknown[index] for index in reversed(range(len(unknown)))):
        if each.field_number == field.number and each.wire_type == VARINT:
            return int(each.data)
    return 0


def signature_policy(security: Message) -> SignaturePolicy:
    """Return the policy of our own node's SecurityConfig; a value of later firmware counts as the strictest."""
    return SignaturePolicy(min(max(0, read(security, PACKET_SIGNATURE_POLICY)), SignaturePolicy.STRICT))


def has_newer_variant(from_radio: Message) -> bool:
    """Return whether a FromRadio holds nothing but a variant that is newer than the library."""
    unknown = UnknownFieldSet(from_radio)
    return len(unknown) == 1 and unknown[0].field_number in NEWER_VARIANTS and unknown[0].wire_type == LENGTH


def module_section(module: module_config_pb2.ModuleConfig) -> dict[str, bytes]:
    """Return a module's section by name, by number if it is newer than the library; nothing for an empty one."""
    unknown = UnknownFieldSet(module)
    name = module.WhichOneof("payload_variant") or (f"module {unknown[0].field_number}" if len(unknown) else "")
    return {name: module.SerializeToString(deterministic=True)} if name else {}


def signs_broadcasts(metadata: mesh_pb2.DeviceMetadata | None) -> bool:
    """Return whether a node signs what it broadcasts; from 2.8 on taken for granted: a build without says nothing."""
    if metadata is None:
        return False
    return bool(read(metadata, HAS_XEDDSA)) or version_of(metadata.firmware_version) >= SIGNED_SINCE


def answers_heartbeats(firmware_version: str) -> bool:
    """Return whether that firmware answers a heartbeat on an idle link; False for a version it cannot read."""
    return version_of(firmware_version) >= HEARTBEAT_ANSWERED_SINCE


def version_of(firmware_version: str) -> tuple[int, ...]:
    """Return the version's three numbers; none, which is older than any, for one that cannot be read."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", firmware_version)
    return tuple(map(int, match.groups())) if match else ()
