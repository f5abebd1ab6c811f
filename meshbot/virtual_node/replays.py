"""What firmware from 2.8 on hands over from its node database behind a configuration, and how it clips names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet

PortNum = portnums_pb2.PortNum
LORA: Final = mesh_pb2.MeshPacket.TransportMechanism.TRANSPORT_LORA
BACKGROUND: Final = mesh_pb2.MeshPacket.Priority.BACKGROUND
LONG_NAME_BYTES: Final = 24
MACADDR_BYTES: Final = 6  # all of them 0
# Of the number that distinguishes records of one node and time: Telemetry's tag of device_metrics
DEVICE_METRICS_TAG: Final = 2
HASH_FACTOR: Final = 2654435761
WORD: Final = 0xFFFFFFFF


def replays(infos: list[mesh_pb2.NodeInfo], hop_limit: int) -> Iterator[mesh_pb2.MeshPacket]:
    """Yield the packets for these nodes of the database: all positions, then all device metrics."""
    for info in infos:
        if info.HasField("position"):
            time = info.position.time
            number = packet_id(info.num, time, PortNum.POSITION_APP)
            yield _packet(info, (PortNum.POSITION_APP, info.position.SerializeToString()), number, time, hop_limit)
    for info in infos:
        if info.HasField("device_metrics"):
            telemetry = telemetry_pb2.Telemetry(time=info.last_heard, device_metrics=info.device_metrics)
            number = packet_id(info.num, info.last_heard, DEVICE_METRICS_TAG)
            content = PortNum.TELEMETRY_APP, telemetry.SerializeToString()
            yield _packet(info, content, number, info.last_heard, hop_limit)


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


def _packet(info: mesh_pb2.NodeInfo, content: tuple[int, bytes], number: int, time: int, hop_limit: int) -> Any:
    return data_packet(
        info.num,
        BROADCAST_NUM,
        *content,
        number,
        rx_time=time,
        rx_snr=info.snr,
        hop_start=hop_limit,
        hop_limit=max(0, hop_limit - info.hops_away),
        priority=BACKGROUND,
        transport_mechanism=LORA,
    )
