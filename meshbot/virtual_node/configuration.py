"""The node's answer to want_config, in the firmware's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from meshtastic.protobuf import (
    admin_pb2,
    channel_pb2,
    config_pb2,
    device_ui_pb2,
    mesh_pb2,
    module_config_pb2,
)

from meshbot.virtual_node.fields_2_8 import HAS_XEDDSA, MESH_BEACON, bytes_field, with_field, with_flag
from meshbot.virtual_node.framing import CUT, frame
from meshbot.virtual_node.node_db import NodeDb
from meshbot.virtual_node.population import User, position_message
from meshbot.virtual_node.position_dedup import INTERVAL, is_public
from meshbot.virtual_node.redaction import redacted
from meshbot.virtual_node.regions import region_presets
from meshbot.virtual_node.replays import MACADDR_BYTES
from meshbot.virtual_node.versions import VERSION_2_8, version_numbers

# The two want_config ids with a meaning: all but the other nodes, nothing but nodes
ONLY_CONFIG: Final = 69420
ONLY_NODES: Final = 69421
CHANNELS: Final = 8
SECONDARY_CHANNEL: Final = "Entraide"
CONFIGS: Final = (
    "device", "position", "power", "network", "display", "lora", "bluetooth", "security", "sessionkey", "device_ui",
)  # fmt: skip
MODULE_CONFIGS: Final = (
    "mqtt", "serial", "external_notification", "store_forward", "range_test", "telemetry", "canned_message", "audio",
    "remote_hardware", "neighbor_info", "ambient_lighting", "detection_sensor", "paxcounter",
)  # fmt: skip
# These 2.7 sends as sections without a name, and 2.8 properly, with one more
LATER_MODULE_CONFIGS: Final = ("statusmessage", "traffic_management", "tak")
FILES: Final = (
    ("/prefs/channels.proto", 86), ("/prefs/config.proto", 214), ("/prefs/device.proto", 131),
    ("/prefs/module.proto", 160), ("/prefs/nodes.proto", 6_880),
)  # fmt: skip


class Configuration:
    """The node's settings, which admin messages read and write."""

    def __init__(self, own: User, firmware_version: str, rng: Random, region: str) -> None:
        self._region = config_pb2.Config.LoRaConfig.RegionCode.Value(region)
        self.firmware_version = firmware_version
        self.reboots = 1
        self.channels = [_channel(index, rng) for index in range(CHANNELS)]
        self.configs = {name: config_pb2.Config() for name in CONFIGS}
        self.modules = _module_configs()
        self._own = own
        self._device_id = rng.randbytes(16)
        self._build = f"{rng.randrange(16**7):07x}"
        self._fill()
        security = self.configs["security"].security
        security.public_key, security.private_key = own.public_key, own.private_key
        self.save()

    def _fill(self) -> None:
        for name, config in self.configs.items():
            getattr(config, name).SetInParent()
        for name, module in self.modules.items():
            getattr(module, name).SetInParent()
        self.configs["device"].device.node_info_broadcast_secs = 10_800
        self.modules["neighbor_info"].neighbor_info.enabled = True
        self._set_dedup()
        self.configs["network"].network.wifi_enabled = True
        lora = self.configs["lora"].lora
        lora.use_preset, lora.hop_limit, lora.tx_enabled = True, 3, True
        lora.region = self._region
        self.configs["security"].security.serial_enabled = True

    @property
    def is_2_8(self) -> bool:
        """Whether the firmware is 2.8 or later."""
        return version_numbers(self.firmware_version) >= VERSION_2_8

    def save(self) -> None:
        """Make the present settings survive a reboot."""
        self._saved = self._settings_now()

    def reboot(self) -> None:
        """Start again with the saved settings."""
        channels, configs, modules = self._saved
        self.channels, self.configs, self.modules = list(channels), dict(configs), dict(modules)
        self.save()
        self.reboots += 1

    def reset(self, rng: Random, *, keep_key: bool) -> None:
        """Take the settings of a node that nobody has set up: no region; with `keep_key` the private key stays."""
        security = self.configs["security"].security
        private = bytes(security.private_key) if keep_key else b""
        self.channels = [_channel(index, rng, factory=True) for index in range(CHANNELS)]
        self.configs = {name: config_pb2.Config() for name in CONFIGS}
        self.modules = _module_configs()
        self._fill()
        self.configs["lora"].lora.region = config_pb2.Config.LoRaConfig.RegionCode.UNSET
        self.configs["network"].network.wifi_enabled = False
        self.configs["security"].security.private_key = private
        self.save()

    def opt_out(self) -> None:
        """Stop sending position and telemetry, as the first start of 2.8 does for channels with a public key."""
        for channel in self.channels:
            if is_public(channel) and channel.role != channel_pb2.Channel.Role.DISABLED:
                channel.settings.module_settings.position_precision = 0
        telemetry = self.modules["telemetry"].telemetry
        telemetry.device_telemetry_enabled = telemetry.environment_measurement_enabled = False
        telemetry.air_quality_enabled = telemetry.power_measurement_enabled = False
        telemetry.health_measurement_enabled = False
        self.modules["mqtt"].mqtt.map_report_settings.should_report_location = False
        self._set_dedup()
        self.save()

    def _set_dedup(self) -> None:
        if self.is_2_8:
            self.modules["traffic_management"].traffic_management.position_min_interval_secs = INTERVAL

    def _settings_now(self) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
        """Return copies of all settings."""
        return (
            [_copied(channel) for channel in self.channels],
            {name: _copied(config) for name, config in self.configs.items()},
            {name: _copied(module) for name, module in self.modules.items()},
        )

    def channel_exists(self, index: int) -> bool:
        """Whether packets can be sent on the channel."""
        return index < CHANNELS and self.channels[index].role != channel_pb2.Channel.Role.DISABLED

    def metadata(self) -> mesh_pb2.DeviceMetadata:
        """Return the device's metadata."""
        metadata = mesh_pb2.DeviceMetadata(
            firmware_version=self._full_version(),
            device_state_version=24,
            hasWifi=True,
            hasBluetooth=True,
            hasPKC=True,
            hw_model=mesh_pb2.HardwareModel.Value(self._own.hw_model),
        )
        return with_flag(metadata, HAS_XEDDSA) if self.is_2_8 else metadata

    def _full_version(self) -> str:
        """Return the version with a build as its fourth part, as the firmware sends it."""
        major, minor, patch, *build = self.firmware_version.split(".")
        return ".".join((major, minor, patch, *(build or [self._build])))

    def config_of_type(self, number: int) -> config_pb2.Config | None:
        """Return the section that an admin request names by its ConfigType."""
        names = dict(zip(admin_pb2.AdminMessage.ConfigType.values(), CONFIGS, strict=True))
        return self.configs.get(names.get(number, ""))

    def module_of_type(self, number: int) -> module_config_pb2.ModuleConfig | None:
        """Return the module's section that an admin request names by its ModuleConfigType."""
        names = (*MODULE_CONFIGS, *(LATER_MODULE_CONFIGS if self.is_2_8 else ()))
        return self.modules[names[number]] if number < len(names) else None

    def store(self, section: Any) -> None:
        """Store a Config or ModuleConfig that a client set; an empty one is a no-op."""
        name = section.WhichOneof("payload_variant")
        table: dict[str, Any] = self.configs if name in self.configs else self.modules
        if name in table:
            table[name].CopyFrom(section)

    def download(
        self, nonce: int, nodes: NodeDb, time: int, is_stalled: Callable[[int], bool], *, is_locked: bool = False
    ) -> Iterator[bytes | None]:
        """Yield the answer to one want_config, frame by frame; None as long as `is_stalled(nodes sent)`.

        `time` is the node's clock in seconds since 1970, 0 if it is not set. A locked client gets little.
        """
        for message in self._beginning(nonce, nodes, time):
            yield _framed(redacted(message) if is_locked else message)
        sent = 0
        if nonce != ONLY_CONFIG and not is_locked:
            for framed in nodes.frames(is_thin=self.is_2_8):
                while is_stalled(sent):
                    yield None
                yield framed
                sent += 1
        while is_stalled(sent):
            yield None
        if nonce != ONLY_NODES and not is_locked:
            for name, size in FILES:
                yield _framed(mesh_pb2.FromRadio(fileInfo=mesh_pb2.FileInfo(file_name=name, size_bytes=size)))
        yield _framed(mesh_pb2.FromRadio(config_complete_id=nonce))

    def _beginning(self, nonce: int, nodes: NodeDb, time: int) -> Iterator[mesh_pb2.FromRadio]:
        """Yield what comes before the other nodes."""
        own = mesh_pb2.FromRadio(node_info=self._own_node(nodes, time))
        if nonce == ONLY_NODES:
            yield own
            return
        yield mesh_pb2.FromRadio(my_info=self._my_info(len(nodes)))
        yield mesh_pb2.FromRadio(deviceuiConfig=device_ui_pb2.DeviceUIConfig(version=1, screen_brightness=153))
        yield own
        yield from self._settings()

    def my_info(self, node_count: int) -> mesh_pb2.FromRadio:
        """Return the message that tells the own number."""
        return mesh_pb2.FromRadio(my_info=self._my_info(node_count))

    def follow(self, own: User) -> None:
        """Take the own node under another number or name."""
        self._own = own

    def cut_names(self) -> None:
        """Have every channel's name cut inside a character."""
        for channel in self.channels:
            if channel.settings.name:
                channel.settings.name = channel.settings.name.removesuffix(CUT) + CUT

    @property
    def hop_limit(self) -> int:
        """Return how many times packets may be relayed."""
        return int(self.configs["lora"].lora.hop_limit)

    def _settings(self) -> Iterator[mesh_pb2.FromRadio]:
        yield mesh_pb2.FromRadio(metadata=self.metadata())
        if self.is_2_8:
            yield with_field(mesh_pb2.FromRadio(), region_presets())
        for channel in self.channels:
            yield mesh_pb2.FromRadio(channel=channel)
        for config in self.configs.values():
            yield mesh_pb2.FromRadio(config=config)
        for name in MODULE_CONFIGS:
            yield mesh_pb2.FromRadio(moduleConfig=self.modules[name])
        for name in LATER_MODULE_CONFIGS:
            yield mesh_pb2.FromRadio(moduleConfig=self.modules[name] if self.is_2_8 else {})
        if self.is_2_8:
            yield mesh_pb2.FromRadio(
                moduleConfig=with_field(module_config_pb2.ModuleConfig(), bytes_field(MESH_BEACON, b""))
            )

    def _my_info(self, node_count: int) -> mesh_pb2.MyNodeInfo:
        return mesh_pb2.MyNodeInfo(
            my_node_num=self._own.num,
            reboot_count=self.reboots,
            min_app_version=30_200,
            device_id=self._device_id,
            pio_env="heltec-v3",
            nodedb_count=min(node_count, 0xFFFF),
        )

    def _own_node(self, nodes: NodeDb, time: int) -> mesh_pb2.NodeInfo:
        info = mesh_pb2.NodeInfo()
        info.CopyFrom(nodes.get(self._own.num))
        info.is_favorite = True
        info.last_heard = time
        if self.is_2_8:
            # Its database does not keep them
            info.user.macaddr = bytes(MACADDR_BYTES)
        info.position.CopyFrom(position_message(self._own, time))
        return info


def _framed(message: mesh_pb2.FromRadio) -> bytes:
    payload: bytes = message.SerializeToString()
    return frame(payload)


def _module_configs() -> dict[str, module_config_pb2.ModuleConfig]:
    return {name: module_config_pb2.ModuleConfig() for name in (*MODULE_CONFIGS, *LATER_MODULE_CONFIGS)}


def _copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _channel(index: int, rng: Random, *, factory: bool = False) -> channel_pb2.Channel:
    channel = channel_pb2.Channel(index=index)
    channel.settings.SetInParent()
    if index == 0:
        channel.role = channel_pb2.Channel.Role.PRIMARY
        # The well-known default key
        channel.settings.psk = b"\x01"
        channel.settings.module_settings.position_precision = 13
    elif index == 1 and not factory:
        channel.role = channel_pb2.Channel.Role.SECONDARY
        channel.settings.name = SECONDARY_CHANNEL
        channel.settings.psk = rng.randbytes(32)
    return channel
