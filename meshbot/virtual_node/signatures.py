"""Signed broadcasts of firmware 2.8: who signs what, and which packets the node drops for want of a signature.

The signature is a hash that stands in for XEdDSA: whoever does not know the key cannot make it for a test by chance.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import sha512
from typing import Final
from zlib import crc32

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.virtual_node.fields_2_8 import (
    PACKET_SIGNATURE_POLICY,
    XEDDSA_SIGNATURE,
    XEDDSA_SIGNED,
    bytes_field,
    bytes_in,
    number_field,
    number_in,
)
from meshbot.virtual_node.node_db import FullOfFavouritesError
from meshbot.virtual_node.packets import BROADCAST_NUM, HEADER_BYTES, LORA_BYTES, sender_of
from meshbot.virtual_node.population import KEY_BYTES
from meshbot.virtual_node.state import NodeState

SIGNATURE_BYTES: Final = 64
FIELD_BYTES: Final = SIGNATURE_BYTES + 2


class Policy(IntEnum):
    """`security.packet_signature_policy`."""

    COMPATIBLE = 0
    BALANCED = 1
    STRICT = 2


def fits_signed(packet: mesh_pb2.MeshPacket) -> bool:
    """Whether the packet is a broadcast with room for a signature."""
    size = len(packet.decoded.SerializeToString()) + FIELD_BYTES + HEADER_BYTES
    return packet.to == BROADCAST_NUM and not packet.pki_encrypted and size <= LORA_BYTES


def sign(packet: mesh_pb2.MeshPacket, public_key: bytes) -> None:
    """Sign the packet if it is to be signed."""
    if fits_signed(packet):
        packet.decoded.MergeFromString(bytes_field(XEDDSA_SIGNATURE, _signature(packet, public_key)))


def accepts(packet: mesh_pb2.MeshPacket, state: NodeState) -> bool:
    """Whether a node of firmware 2.8 takes the decoded packet; one with a good signature is marked as such."""
    _unmark(packet)
    signature, sender = bytes_in(packet.decoded, XEDDSA_SIGNATURE), sender_of(packet)
    policy = number_in(state.config.configs["security"].security, PACKET_SIGNATURE_POLICY)
    if not signature:
        return bool(packet.pki_encrypted) or _accepts_unsigned(packet, policy, state)
    if len(signature) != SIGNATURE_BYTES:
        return False
    known = state.nodes.public_key(sender)
    key = known or _first_key(packet)
    if not key:
        # Nobody can check it; a first NODEINFO has to prove its own key
        return policy != Policy.STRICT and packet.decoded.portnum != portnums_pb2.PortNum.NODEINFO_APP
    if signature != _signature(packet, key):
        return False
    try:
        state.nodes.learn_signer(sender, key)
    except FullOfFavouritesError:
        return False
    packet.MergeFromString(number_field(XEDDSA_SIGNED, 1))
    return True


def is_signed(packet: mesh_pb2.MeshPacket) -> bool:
    """Whether the packet is marked as having a good signature."""
    return bool(number_in(packet, XEDDSA_SIGNED))


def _unmark(packet: mesh_pb2.MeshPacket) -> None:
    """Drop a mark that came with the packet."""
    decoded = mesh_pb2.Data()
    decoded.CopyFrom(packet.decoded)
    packet.DiscardUnknownFields()
    packet.decoded.CopyFrom(decoded)


def _accepts_unsigned(packet: mesh_pb2.MeshPacket, policy: int, state: NodeState) -> bool:
    if policy == Policy.STRICT:
        return False
    signs = state.nodes.signs(sender_of(packet)) and packet.to == BROADCAST_NUM
    # Whatever the policy, for NODEINFOs
    if signs and packet.decoded.portnum == portnums_pb2.PortNum.NODEINFO_APP:
        return False
    return policy == Policy.COMPATIBLE or not signs or not fits_signed(packet)


def _first_key(packet: mesh_pb2.MeshPacket) -> bytes:
    """Return the key in a node's first NODEINFO if its number belongs to that, b"" otherwise."""
    if packet.decoded.portnum != portnums_pb2.PortNum.NODEINFO_APP:
        return b""
    try:
        key: bytes = mesh_pb2.User.FromString(packet.decoded.payload).public_key
    except DecodeError:
        return b""
    return key if len(key) == KEY_BYTES and crc32(key) == sender_of(packet) else b""


def _signature(packet: mesh_pb2.MeshPacket, public_key: bytes) -> bytes:
    data = packet.decoded
    words = b"".join(number.to_bytes(4, "big") for number in (sender_of(packet), packet.id, data.portnum))
    return sha512(public_key + words + data.payload).digest()
