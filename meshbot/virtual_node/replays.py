"""What firmware from 2.8 on hands over from its node database behind a configuration, and how it clips names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.virtual_node.node_entry import DEVICE_METRICS, ENVIRONMENT, POSITION, STATUS, NodeEntry
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet

PortNum = portnums_pb2.PortNum
LORA: Final = mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA
BACKGROUND: Final = mesh_pb2.MeshPacket.Priority.BACKGROUND
LONG_NAME_BYTES: Final = 24
MACADDR_BYTES: Final = 6  # all of them 0
# What distinguishes telemetry of one node and time: Telemetry's tags
TAGS: Final = {DEVICE_METRICS: 2, ENVIRONMENT: 3}
HASH_FACTOR: Final = 2654435761
WORD: Final = 0xFFFFFFFF


def replays(kept: Callable[[str], list[NodeEntry]], hop_limit: int) -> Iterator[mesh_pb2.MeshPacket]:
    """Yield the packets of the other nodes: positions, then device metrics, environment, status.

    `kept(kind)` returns the nodes of which there is one of KINDS.
    """
    for entry in kept(POSITION):
        position = entry.info.position
        yield _packet(entry.info, PortNum.POSITION_APP, position, (position.time, PortNum.POSITION_APP), hop_limit)
    for kind in (DEVICE_METRICS, ENVIRONMENT):
        for entry in kept(kind):
            info = entry.info
            content: Any = info.device_metrics if kind == DEVICE_METRICS else entry.environment_metrics
            telemetry = telemetry_pb2.Telemetry(time=info.last_heard, **{kind: content})
            yield _packet(info, PortNum.TELEMETRY_APP, telemetry, (info.last_heard, TAGS[kind]), hop_limit)
    for entry in kept(STATUS):
        if entry.status is not None and entry.status.status:
            stamp = entry.info.last_heard, PortNum.NODE_STATUS_APP
            yield _packet(entry.info, PortNum.NODE_STATUS_APP, entry.status, stamp, hop_limit)


def packet_id(num: int, time: int, kind: int) -> int:
    """Return the id, the same as long as the record is."""
    word = num
    for part in (time, kind):
        word = (word * HASH_FACTOR + part) & WORD
    return word or 1


def thin(info: mesh_pb2.NodeInfo) -> mesh_pb2.NodeInfo:
    """Return an entry as the configuration holds it: without position and metrics, its name clipped."""
    copy = mesh_pb2.NodeInfo()
    copy.CopyFrom(info)
    copy.ClearField("position")
    copy.ClearField("device_metrics")
    if info.HasField("user"):
        copy.user.long_name = clipped(info.user.long_name)
        copy.user.macaddr = bytes(MACADDR_BYTES)
    return copy


def clipped(name: str) -> str:
    """Return what fits into the database; each byte of a character that was cut is a `?`."""
    kept = name.encode()[:LONG_NAME_BYTES]
    whole = kept.decode(errors="ignore")
    return whole + "?" * (len(kept) - len(whole.encode()))


def _packet(info: mesh_pb2.NodeInfo, port: int, content: Any, stamp: tuple[int, int], hop_limit: int) -> Any:
    """Return the packet; `stamp` is the content's time and what distinguishes it from others of that time."""
    time, kind = stamp
    return data_packet(
        info.num,
        BROADCAST_NUM,
        port,
        content.SerializeToString(),
        packet_id(info.num, time, kind),
        rx_time=time,
        rx_snr=info.snr,
        hop_start=hop_limit,
        hop_limit=max(0, hop_limit - info.hops_away),
        priority=BACKGROUND,
        transport_mechanism=LORA,
    )
