"""Our own node's configuration, out of the protobufs in which the library keeps it; pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from meshtastic.protobuf import channel_pb2, config_pb2, localonly_pb2, mesh_pb2

from meshbot.mesh_link.firmware import signs_broadcasts
from meshbot.mesh_link.messages import KEY_BYTES, Channel, LoraSettings, OwnNode
from meshbot.text import one_line

# As long as a client has not unlocked it, a node in lockdown delivers no packets and takes none (link_facts §12)
LOCKED_STATES = frozenset(
    {
        mesh_pb2.LockdownStatus.NEEDS_PROVISION,
        mesh_pb2.LockdownStatus.LOCKED,
        mesh_pb2.LockdownStatus.UNLOCK_FAILED,
    }
)


def lora_settings(config: localonly_pb2.LocalConfig, metadata: mesh_pb2.DeviceMetadata | None = None) -> LoraSettings:
    """Return how a node's radio is set; of a node that has not told it, the firmware's defaults."""
    lora, roles = config.lora, config_pb2.Config.DeviceConfig.Role
    return LoraSettings(
        lora.region,
        lora.use_preset or not config.HasField("lora"),
        lora.modem_preset,
        lora.bandwidth,
        lora.spread_factor,
        lora.coding_rate,
        is_router=config.device.role in {roles.ROUTER, roles.ROUTER_LATE},
        signs=signs_broadcasts(metadata),
    )


def enabled_channels(
    channels: Iterable[channel_pb2.Channel] | None, lora: config_pb2.Config.LoRaConfig
) -> tuple[Channel, ...]:
    """Return the channels that the node has enabled; one without a name is called after the modem preset."""
    enabled = [each for each in channels or () if each.role != channel_pb2.Channel.Role.DISABLED]
    return tuple(Channel(each.index, one_line(each.settings.name) or _preset(lora)) for each in enabled)


def _preset(lora: config_pb2.Config.LoRaConfig) -> str:
    """Return the name of the modem preset as the firmware writes it, as `LongFast`."""
    if not lora.use_preset:
        return "Custom"
    names = config_pb2.Config.LoRaConfig.ModemPreset.DESCRIPTOR.values_by_number
    return names[lora.modem_preset].name.title().replace("_", "") if lora.modem_preset in names else ""


def is_redacted(metadata: mesh_pb2.DeviceMetadata | None, channels: Iterable[channel_pb2.Channel] | None) -> bool:
    """Return whether a configuration is that of a node in lockdown: without version, without any channel."""
    has_channel = any(each.role != channel_pb2.Channel.Role.DISABLED for each in channels or ())
    return metadata is not None and not metadata.firmware_version and not has_channel


def own_node(num: int, config: localonly_pb2.LocalConfig, *, is_complete: bool) -> OwnNode:
    """Return our own node; its key too, if it is known to belong to this number.

    Not `is_complete`: the configuration is older than the number, which may be that of another key.
    """
    key = bytes(config.security.public_key)
    is_current = is_complete or zlib.crc32(key) == num
    return OwnNode(num, key if len(key) == KEY_BYTES and is_current else b"")
