"""Protobuf bytes whose texts are no UTF-8: firmware cuts names inside a character, and then nothing of a message reads.

The texts are cleaned in the bytes, and the message is parsed again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from meshtastic import protocols
from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.firmware import has_newer_variant
from meshbot.runtime import RecentKeys

LOGGER = logging.getLogger(__name__)
REPLACEMENT: Final = "\ufffd"
VARINT_BITS, VARINT_BYTES = 7, 10
# Wire types: VARINT, I64, LEN, I32
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
FIXED_BYTES: Final = {FIXED64: 8, FIXED32: 4}
# Who has been reported; a process may run for months
REPORTED: Final[RecentKeys[str, None]] = RecentKeys(1000)


def decode(payload: bytes) -> mesh_pb2.FromRadio | None:
    """Return the message, its texts cleaned if need be, or None if these bytes are none that we know."""
    from_radio = mesh_pb2.FromRadio()
    try:
        from_radio.ParseFromString(payload)
    except Exception:  # noqa: BLE001 - protobuf's DecodeError has moved between its versions
        try:
            from_radio.ParseFromString(cleaned(payload, mesh_pb2.FromRadio.DESCRIPTOR))
        except Exception:  # noqa: BLE001 - the same
            return None
        if from_radio.WhichOneof("payload_variant"):
            _report(_source_of(from_radio))
    # of a variant that is newer than the library the frame at least is a frame
    is_message = from_radio.WhichOneof("payload_variant") or not payload or has_newer_variant(from_radio)
    return from_radio if is_message else None


def hand_over(packet: mesh_pb2.MeshPacket, handle: Callable[[mesh_pb2.MeshPacket], object]) -> None:
    """Have the library handle a packet, its payload cleaned if that makes it readable. Raises what it raises."""
    try:
        handle(packet)
    except OSError:
        raise
    # what it does before it raises can be done twice
    except Exception:
        if not repair_payload(packet):
            raise
        handle(packet)


def repair_payload(packet: mesh_pb2.MeshPacket) -> bool:
    """Clean texts in a packet's payload that are no UTF-8, add an id to a user without; return whether it was so.

    A NODEINFO without the id, which says nothing that the sender's number does not, makes the library raise.
    """
    protocol = protocols.get(packet.decoded.portnum)
    if protocol is None or protocol.protobufFactory is None:
        return False
    payload, sender = packet.decoded.payload, f"!{getattr(packet, 'from'):08x}"
    content = protocol.protobufFactory()
    try:
        clean = cleaned(payload, content.DESCRIPTOR)
        content.ParseFromString(clean)
    except Exception:  # noqa: BLE001 - protobuf's DecodeError has moved between its versions
        return False
    if clean != payload:
        _report(sender)
    if isinstance(content, mesh_pb2.User) and not content.id:
        content.id = sender
        clean = content.SerializeToString()
    packet.decoded.payload = clean
    return bool(clean != payload)


def cleaned(data: bytes, descriptor: Descriptor) -> bytes:
    """Return a message's bytes with all its texts as UTF-8; ValueError if they are no message at all."""
    out = bytearray()
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire != LENGTH:
            at = _varint(data, at)[1] if wire == VARINT else at + _fixed_bytes(wire)
            if at > len(data):
                raise ValueError("a field ends behind the message")
            out += data[start:at]
            continue
        size, body_at = _varint(data, at)
        body = data[body_at : body_at + size]
        if len(body) < size:
            raise ValueError("a field ends behind the message")
        clean = _cleaned_field(body, descriptor.fields_by_number.get(number))
        out += data[start:at] + _as_varint(len(clean)) + clean
        at = body_at + size
    return bytes(out)


def clean_text(data: bytes) -> str:
    """Return the text, what is no UTF-8 in it marked; a character cut at the end is left out."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").rstrip(REPLACEMENT)


def _cleaned_field(body: bytes, field: FieldDescriptor | None) -> bytes:
    if field is None:
        return body
    if field.type == FieldDescriptor.TYPE_STRING:
        return clean_text(body).encode()
    if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None:
        return cleaned(body, field.message_type)
    return body


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins there, and where it ends."""
    value = 0
    for place in range(VARINT_BYTES):
        if at + place >= len(data):
            break
        byte = data[at + place]
        value |= (byte & 0x7F) << (VARINT_BITS * place)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value, at + place + 1
    raise ValueError("a number does not end")


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - what one byte holds
        out.append(value & 0x7F | 0x80)
        value >>= VARINT_BITS
    return bytes([*out, value])


def _fixed_bytes(wire: int) -> int:
    if wire not in FIXED_BYTES:
        raise ValueError(f"wire type {wire} is none of protobuf's")
    return FIXED_BYTES[wire]


def _source_of(from_radio: mesh_pb2.FromRadio) -> str:
    match kind := from_radio.WhichOneof("payload_variant"):
        case "node_info":
            return f"!{from_radio.node_info.num:08x}"
        case "packet":
            return f"!{getattr(from_radio.packet, 'from'):08x}"
        case "channel":
            return f"canal {from_radio.channel.index}"
        case _:
            return f"notre nœud ({kind})"


def _report(source: str) -> None:
    if source not in REPORTED:
        REPORTED.put(source, None)
        LOGGER.warning("⚠️ Texte coupé de %s: lu sans les octets qui ne sont pas de l'UTF-8", source)
