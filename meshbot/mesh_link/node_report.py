"""Our own node as its operator wants to see it: firmware, radio, keys, clock; taken from an interface, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshtastic.protobuf import config_pb2, mesh_pb2

from meshbot.mesh_link.firmware import answers_heartbeats
from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.messages import Channel, LoraSettings
from meshbot.mesh_link.versions import needs_keys

REGIONS: Final = config_pb2.Config.LoRaConfig.RegionCode.DESCRIPTOR.values_by_number


@dataclass(frozen=True, slots=True)
class NodeReport:
    """Our own node at one moment. No secret is in it."""

    num: int
    long_name: str
    short_name: str
    firmware: str  # version; empty: unknown
    hw_model: str
    lora: LoraSettings
    public_key: bytes  # empty: none
    is_managed: bool  # takes no administration by its client
    is_locked: bool  # lockdown: neither delivers nor sends
    answers_probes: bool
    needs_keys: bool  # sends a direct message in clear where it lacks the recipient's key
    signature_policy: str
    nodes: int  # in its database
    keys: int  # of those
    channels: tuple[Channel, ...]
    channel_utilization: float | None  # percent
    air_tx: float | None  # percent of the last hour
    clock: int | None  # seconds since 1970, the newest that it has noted of any packet; None: it has no time

    @property
    def region(self) -> str:
        """The region's name, as the apps show it; UNSET: it may not send."""
        return REGIONS[self.lora.region].name if self.lora.region in REGIONS else str(self.lora.region)


def report_of(interface: MeshTCPInterface) -> NodeReport:
    """Return what a connected interface knows; any thread may ask."""
    nodes = dict(interface.nodesByNum or {})
    own: Mapping[str, Any] = nodes.get(interface.own_num, {})
    user, metrics = own.get("user", {}), own.get("deviceMetrics", {})
    metadata = interface.metadata
    heard = [int(each["lastHeard"]) for each in nodes.values() if each.get("lastHeard")]
    own_node = interface.own_node
    return NodeReport(
        interface.own_num,
        str(user.get("longName", "")),
        str(user.get("shortName", "")),
        interface.firmware,
        _model(metadata),
        interface.lora,
        own_node.public_key,
        interface.is_managed,
        interface.is_redacted,
        answers_heartbeats(interface.firmware),
        needs_keys(interface.firmware),
        interface.signature_policy.name.lower(),
        len(nodes),
        len(interface.radio_keys),
        interface.channels,
        _percent(metrics, "channelUtilization"),
        _percent(metrics, "airUtilTx"),
        max(heard, default=None),
    )


def _model(metadata: mesh_pb2.DeviceMetadata | None) -> str:
    names = mesh_pb2.HardwareModel.DESCRIPTOR.values_by_number
    if metadata is None or metadata.hw_model not in names:
        return ""
    return str(names[metadata.hw_model].name)


def _percent(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    return round(float(value), 2) if isinstance(value, int | float) else None
