"""One node in the node database: its NodeInfo, and what firmware from 2.8 on keeps beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.virtual_node.population import KEY_BYTES

# What a node's packets leave in the database; 2.7 keeps the first two alone
POSITION, DEVICE_METRICS, ENVIRONMENT, STATUS = "position", "device_metrics", "environment_metrics", "status"
KINDS: Final = (POSITION, DEVICE_METRICS, ENVIRONMENT, STATUS)
IN_NODE_INFO: Final = (POSITION, DEVICE_METRICS)


@dataclass(slots=True)
class NodeEntry:
    """A node as the database has it."""

    info: mesh_pb2.NodeInfo
    bare_key: bytes = b""  # without a NODEINFO: a key that outlived an earlier entry
    signs: bool = False  # a signature of it was verified
    environment_metrics: telemetry_pb2.EnvironmentMetrics | None = None
    status: mesh_pb2.StatusMessage | None = None
    framed: bytes = b""  # the FromRadio frame, made when first asked for
    is_thin: bool = False  # that frame

    @property
    def public_key(self) -> bytes:
        """Return the key, b"" if there is no usable one."""
        key: bytes = self.info.user.public_key or self.bare_key
        return key if len(key) == KEY_BYTES else b""

    @property
    def is_protected(self) -> bool:
        """Whether it counts for the limit of firmware 2.8."""
        info = self.info
        return bool(info.is_favorite or info.is_ignored or info.is_key_manually_verified)

    def copy(self) -> NodeEntry:
        """Return an entry that later changes leave alone."""
        info = mesh_pb2.NodeInfo()
        info.CopyFrom(self.info)
        return NodeEntry(info, self.bare_key, self.signs, self.environment_metrics, self.status)

    def has(self, kind: str) -> bool:
        """Whether it has one of KINDS."""
        return bool(self.info.HasField(kind)) if kind in IN_NODE_INFO else getattr(self, kind) is not None

    def put(self, kind: str, content: Any) -> None:
        """Keep one of KINDS."""
        if kind in IN_NODE_INFO:
            getattr(self.info, kind).CopyFrom(content)
        else:
            setattr(self, kind, content)

    def drop(self, *kinds: str) -> None:
        """Forget some of KINDS."""
        for kind in kinds:
            if kind in IN_NODE_INFO:
                self.info.ClearField(kind)
            else:
                setattr(self, kind, None)
        self.framed = b""


def content_of(packet: mesh_pb2.MeshPacket) -> tuple[str, Any] | None:
    """Return what a decoded packet leaves in the database: one of KINDS and the message, None for nothing."""
    data = packet.decoded
    try:
        if data.portnum == portnums_pb2.PortNum.POSITION_APP:
            return POSITION, mesh_pb2.Position.FromString(data.payload)
        if data.portnum == portnums_pb2.PortNum.NODE_STATUS_APP:
            return STATUS, mesh_pb2.StatusMessage.FromString(data.payload)
        if data.portnum == portnums_pb2.PortNum.TELEMETRY_APP:
            telemetry = telemetry_pb2.Telemetry.FromString(data.payload)
            kind = telemetry.WhichOneof("variant")
            return (kind, getattr(telemetry, kind)) if kind in {DEVICE_METRICS, ENVIRONMENT} else None
    except DecodeError:
        # The client gets the packet all the same
        return None
    return None


def drop_stalest(entries: Iterable[NodeEntry], kind: str, most: int) -> None:
    """Let no more than so many of these nodes have one of KINDS: those heard last."""
    having = [entry for entry in entries if entry.has(kind)]
    if len(having) > most:
        having.sort(key=lambda entry: int(entry.info.last_heard))
        for entry in having[: len(having) - most]:
            entry.drop(kind)
