"""Our own node's configuration as a value: taken from an interface, compared, put back by admin messages; pure.

Modules are taken as they came: the library keeps not all of those that it knows, and none that is newer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from google.protobuf.message import DecodeError, Message
from meshtastic.protobuf import admin_pb2, channel_pb2, config_pb2, localonly_pb2, mesh_pb2, module_config_pb2

from meshbot.mesh_link.interface import MeshTCPInterface
from meshbot.mesh_link.messages import KEY_BYTES

# The region first: until the node has one it makes no keys, and setting it changes other sections (link_facts §9)
CONFIGS: Final = ("lora", "device", "position", "power", "network", "display", "bluetooth", "security")
# Of the owner: the rest is the node's own
OWNER_FIELDS: Final = ("long_name", "short_name", "is_licensed", "is_unmessagable")


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """A node's configuration. Its text is free of secrets: sections are serialized and stay out of it."""

    num: int
    firmware: str  # version
    hw_model: str
    device_id: bytes  # the chip's own; empty: it tells none
    owner: bytes = field(repr=False)  # User
    configs: Mapping[str, bytes] = field(repr=False)  # Config, by section
    modules: Mapping[str, bytes] = field(repr=False)  # ModuleConfig, by section
    channels: tuple[bytes, ...] = field(repr=False)  # Channel

    @property
    def public_key(self) -> bytes:
        """The node's public key; empty: it has none, or does not tell it."""
        return bytes(self._config("security").security.public_key)

    @property
    def private_key(self) -> bytes:
        """The node's private key; empty likewise."""
        return bytes(self._config("security").security.private_key)

    @property
    def is_managed(self) -> bool:
        """Whether the node takes no administration by its client."""
        return bool(self._config("security").security.is_managed)

    @property
    def has_region(self) -> bool:
        """Whether the node may send at all; one that was reset has no region."""
        return bool(self._config("lora").lora.region != config_pb2.Config.LoRaConfig.RegionCode.UNSET)

    @property
    def is_whole(self) -> bool:
        """Whether it has what makes a node the one that it is; one that was reset has not."""
        return len(self.private_key) == len(self.public_key) == KEY_BYTES and self.has_region

    @property
    def long_name(self) -> str:
        """The owner's long name."""
        return str(mesh_pb2.User.FromString(self.owner).long_name)

    def with_management(self, *, is_managed: bool) -> OwnSettings:
        """Return the same, managed or not."""
        security = self._config("security")
        security.security.is_managed = is_managed
        return replace(self, configs={**self.configs, "security": _bytes(security)})

    def _config(self, name: str) -> config_pb2.Config:
        return config_pb2.Config.FromString(self.configs.get(name, b""))


def settings_of(interface: MeshTCPInterface) -> OwnSettings | None:
    """Return the configuration as it came, None if it is not whole: in lockdown, or under another number since."""
    local, channels = interface.localNode.localConfig, interface.localNode.channels
    user = (interface.nodesByNum or {}).get(interface.own_num, {}).get("user", {})
    # under a number that `my_info` alone has told: its key is not in that configuration either
    if not channels or interface.metadata is None or not interface.firmware or not user:
        return None
    owner = mesh_pb2.User(
        long_name=user.get("longName", ""),
        short_name=user.get("shortName", ""),
        is_licensed=bool(user.get("isLicensed")),
    )
    if "isUnmessagable" in user:
        owner.is_unmessagable = user["isUnmessagable"]
    return OwnSettings(
        interface.own_num,
        interface.firmware,
        mesh_pb2.HardwareModel.Name(interface.metadata.hw_model) if interface.metadata.hw_model else "",
        bytes(interface.myInfo.device_id) if interface.myInfo is not None else b"",
        _bytes(owner),
        dict(_sections(local)),
        dict(interface.modules),
        tuple(map(_bytes, channels)),
    )


def is_readable(settings: OwnSettings) -> bool:
    """Return whether every part of a stored configuration can be read."""
    parts: list[tuple[type[Message], bytes]] = [(mesh_pb2.User, settings.owner)]
    parts += [(config_pb2.Config, each) for each in settings.configs.values()]
    parts += [(module_config_pb2.ModuleConfig, each) for each in settings.modules.values()]
    parts += [(channel_pb2.Channel, each) for each in settings.channels]
    try:
        for kind, content in parts:
            kind.FromString(content)
    except DecodeError:
        return False
    return settings.is_whole


def differences(wanted: OwnSettings, present: OwnSettings) -> list[str]:
    """Return the names of the parts that differ, as in `lora`, `channel 1`, `owner`."""
    return [name for name, _message in _changes(wanted, present)]


def restoring(wanted: OwnSettings, present: OwnSettings) -> list[bytes]:
    """Return the admin messages that make `present` what is wanted, as one transaction; none if it is that."""
    changes = [message.SerializeToString() for _name, message in _changes(wanted, present)]
    if not changes:
        return []
    begin, commit = (admin_pb2.AdminMessage(**{name: True}) for name in ("begin_edit_settings", "commit_edit_settings"))
    return [begin.SerializeToString(), *changes, commit.SerializeToString()]


def managing(wanted: OwnSettings) -> bytes:
    """Return the admin message that makes a node managed, if that is wanted: the last one that it takes."""
    return _bytes(admin_pb2.AdminMessage(set_config=config_pb2.Config.FromString(wanted.configs["security"])))


def _changes(wanted: OwnSettings, present: OwnSettings) -> Iterator[tuple[str, admin_pb2.AdminMessage]]:
    for name, content in wanted.configs.items():
        if present.configs.get(name) != content:
            yield name, admin_pb2.AdminMessage(set_config=config_pb2.Config.FromString(content))
    for index, content in enumerate(wanted.channels):
        if present.channels[index : index + 1] != (content,):
            yield f"channel {index}", admin_pb2.AdminMessage(set_channel=channel_pb2.Channel.FromString(content))
    if wanted.owner != present.owner:
        yield "owner", admin_pb2.AdminMessage(set_owner=mesh_pb2.User.FromString(wanted.owner))
    for name, content in wanted.modules.items():
        if present.modules.get(name) != content:
            yield name, admin_pb2.AdminMessage(set_module_config=module_config_pb2.ModuleConfig.FromString(content))


def _sections(local: localonly_pb2.LocalConfig) -> Iterator[tuple[str, bytes]]:
    """Yield each section as the message that sets it."""
    for name in CONFIGS:
        if local.HasField(name):
            section = config_pb2.Config()
            getattr(section, name).CopyFrom(getattr(local, name))
            # of the message: even an empty section is one
            getattr(section, name).SetInParent()
            yield name, _bytes(section)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)
