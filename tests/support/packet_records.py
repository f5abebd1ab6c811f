"""Packets as the radio hands them over."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from meshbot.mesh_link.messages import BROADCAST_NUM, PacketRecord, Payload, RadioMetadata
from meshbot.mesh_link.packets import Message, message_of, packet_record

TEXT, POSITION, NODEINFO, TELEMETRY, NEIGHBORINFO = 1, 3, 4, 67, 71
_ids = count(1)


def packet(sender: int, payload: Payload | None = None, **details: Any) -> PacketRecord:
    """A packet heard directly, with an id of its own; `details` name fields of it or of its reception."""
    reception = {"snr": 5.0, "rssi": -90, "hops": 0} | {
        name: details.pop(name) for name in ("snr", "rssi", "hops", "rx_time", "via_mqtt", "signed") if name in details
    }
    fields = {
        "packet_id": next(_ids),
        "to": BROADCAST_NUM,
        "channel": 0,
        "portnum": TEXT,
        "size": 40,
        "hop_start": 3,
    } | details
    return PacketRecord(sender=sender, reception=RadioMetadata(**reception), payload=payload, **fields)


def message_in(packet: Mapping[str, Any]) -> Message | None:
    """The message in one of the library's dictionaries, parsed as the router does it."""
    return message_of(packet, packet_record(packet))
