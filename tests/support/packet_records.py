"""Packets as the radio hands them over, for whoever keeps them."""

from __future__ import annotations

from itertools import count
from typing import Any

from meshbot.mesh_link.packets import BROADCAST_NUM, PacketRecord, RadioMetadata
from meshbot.mesh_link.payloads import Payload

TEXT, POSITION, NODEINFO, TELEMETRY, NEIGHBORINFO = 1, 3, 4, 67, 71
_ids = count(1)


def packet(sender: int, said: Payload | None = None, **details: Any) -> PacketRecord:
    """A packet heard directly, with an id of its own; `details` name fields of it or of its reception."""
    reception = {"snr": 5.0, "rssi": -90, "hops": 0} | {
        name: details.pop(name) for name in ("snr", "rssi", "hops", "rx_time", "via_mqtt") if name in details
    }
    fields = {
        "packet_id": next(_ids),
        "to": BROADCAST_NUM,
        "channel": 0,
        "portnum": TEXT,
        "size": 40,
        "hop_start": 3,
    } | details
    return PacketRecord(sender=sender, reception=RadioMetadata(**reception), said=said, **fields)
