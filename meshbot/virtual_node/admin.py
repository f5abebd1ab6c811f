"""Admin messages of the node's own client, which need no session key, as in the firmware."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import admin_pb2, channel_pb2, config_pb2, mesh_pb2, portnums_pb2

from meshbot.virtual_node import x25519
from meshbot.virtual_node.configuration import CHANNELS
from meshbot.virtual_node.identity import UNSET, Identity
from meshbot.virtual_node.node_db import FullOfFavouritesError
from meshbot.virtual_node.replays import clipped
from meshbot.virtual_node.state import NodeState

REBOOT_AFTER_CHANGE: Final = 7.0  # seconds between a stored setting and the reboot that applies it
PASSKEY_BYTES: Final = 8
Role = config_pb2.Config.DeviceConfig.Role
# Their favourites outlive a reset of the node database
FAVOURITES_MATTER: Final = (Role.CLIENT_BASE, Role.ROUTER, Role.ROUTER_LATE)
# What a change of these does to the radio needs a reboot, before 2.8
RADIO_FIELDS: Final = (
    "use_preset", "region", "modem_preset", "bandwidth", "spread_factor", "coding_rate", "tx_power",
    "frequency_offset", "override_frequency", "channel_num", "sx126x_rx_boosted_gain",
)  # fmt: skip
DEVICE_FIELDS: Final = ("button_gpio", "buzzer_gpio", "role", "rebroadcast_mode")
NO_ROOM: Final = "Node !{:08x} is not protected: there is room for {} protected nodes"
NO_ADMIN_KEY: Final = "A managed node needs an admin key"
Answer = tuple[int, bytes]  # portnum and payload


class Admin:
    """Reads and changes the node's settings and its node database."""

    def __init__(self, state: NodeState, identity: Identity) -> None:
        self._state = state
        self._identity = identity
        self._editing = False
        self._passkey = state.rng.randbytes(PASSKEY_BYTES)

    def reset(self) -> None:
        """Drop what a reboot loses."""
        self._editing = False

    def handle(self, data: mesh_pb2.Data, now: float) -> Answer | None:
        """Execute the message; return the answer for a client that wants one, None if there is no answer."""
        if self._state.config.configs["security"].security.is_managed:
            return None
        try:
            message = admin_pb2.AdminMessage.FromString(data.payload)
        except DecodeError:
            return None
        kind = message.WhichOneof("payload_variant") or ""
        if kind.startswith("get_"):
            return self._get(kind, getattr(message, kind))
        try:
            return self._change(kind, getattr(message, kind, None), now)
        except FullOfFavouritesError:
            # From 2.8 on there is just no room
            if not self._state.is_2_8:
                self._state.reboot_due = now
            return None

    def _get(self, kind: str, wanted: Any) -> Answer | None:
        config = self._state.config
        if kind == "get_owner_request":
            return self._answer(get_owner_response=self._state.nodes.own_user())
        if kind == "get_device_metadata_request":
            return self._answer(get_device_metadata_response=config.metadata())
        if kind == "get_channel_request":
            # Counted from 1
            found = config.channels[wanted - 1] if 1 <= wanted <= CHANNELS else None
            return self._answer(get_channel_response=found) if found else _bad_request()
        if kind == "get_config_request":
            return self._answer(get_config_response=config.config_of_type(wanted))
        if kind == "get_module_config_request":
            return self._answer(get_module_config_response=config.module_of_type(wanted))
        return None

    def _change(self, kind: str, value: Any, now: float) -> Answer | None:
        match kind:
            case "set_time_only":
                self._state.clock_offset = value - now
            case "reboot_seconds":
                self._state.reboot_due = now + value if value >= 0 else None
            case "add_contact":
                role = self._state.config.configs["device"].device.role
                self._state.nodes.add_contact(value, self._state.epoch(now), is_base=role == Role.CLIENT_BASE)
            case "remove_by_nodenum":
                self._state.nodes.remove(value)
            case "set_favorite_node" | "set_ignored_node":
                self._protect(value, "is_favorite" if kind == "set_favorite_node" else "is_ignored", now)
            case "remove_favorite_node" | "remove_ignored_node":
                self._state.nodes.unprotect(value, "is_favorite" if kind == "remove_favorite_node" else "is_ignored")
                self._save(now)
            case "nodedb_reset" | "factory_reset_config" | "factory_reset_device":
                self._reset(kind, now, keep_favourites=bool(value))
            case "begin_edit_settings":
                self._editing = True
            case "commit_edit_settings":
                self._editing = False
                self._save(now, reboots=True)
            case _:
                return self._set(kind, value, now)
        return None

    def _protect(self, num: int, field: str, now: float) -> None:
        if self._state.nodes.protect(num, field):
            self._save(now)
        else:
            self._state.notify(NO_ROOM.format(num, self._state.nodes.protected_limit), now)

    def _reset(self, kind: str, now: float, *, keep_favourites: bool) -> None:
        """Forget the nodes; with a factory reset also the settings and the owner, and the key unless it is kept."""
        state = self._state
        if kind == "nodedb_reset":
            keeps = state.config.configs["device"].device.role in FAVOURITES_MATTER or keep_favourites
            state.nodes.reset(keep_favourites=keeps)
        else:
            state.config.reset(state.rng, keep_key=kind == "factory_reset_config")
            state.nodes.reset()
            # The public one comes back with a region
            self._identity.forget_public_key()
            self._identity.reset_owner()
            state.nodes.save()
        self._reboot_soon(now)

    def _set(self, kind: str, value: Any, now: float) -> Answer | None:
        match kind:
            case "set_owner":
                return self._set_owner(value, now)
            case "set_config":
                reboots = self._set_config(value, now)
                self._save(now, reboots=reboots)
            case "set_module_config":
                self._state.config.store(value)
                self._save(now, reboots=True)
            case "set_channel":
                if not 0 <= value.index < CHANNELS:
                    return _bad_request()
                self._set_channel(value)
                self._save(now)
        return None

    def _set_channel(self, wanted: channel_pb2.Channel) -> None:
        """Store a channel; there is one primary, so a new one makes the old one a secondary."""
        channels = self._state.config.channels
        if wanted.role == channel_pb2.Channel.Role.PRIMARY:
            for channel in channels:
                if channel.role == channel_pb2.Channel.Role.PRIMARY:
                    channel.role = channel_pb2.Channel.Role.SECONDARY
        channels[wanted.index].CopyFrom(wanted)

    def _set_config(self, wanted: config_pb2.Config, now: float) -> bool:
        """Store a section; return whether the firmware reboots to apply it."""
        config, name = self._state.config, wanted.WhichOneof("payload_variant")
        if name == "security":
            return self._set_security(wanted.security, now)
        before = config_pb2.Config()
        before.CopyFrom(config.configs.get(name or "", before))
        config.store(wanted)
        if name == "lora":
            if before.lora.region == UNSET != wanted.lora.region:
                self._identity.ensure_keys()
            return not self._state.is_2_8 and _differ(before.lora, wanted.lora, RADIO_FIELDS)
        return name != "device" or _differ(before.device, wanted.device, DEVICE_FIELDS)

    def _set_security(self, wanted: config_pb2.Config.SecurityConfig, now: float) -> bool:
        """Store the section; before 2.8 without a private key in it the node makes itself a new one."""
        state, security = self._state, self._state.config.configs["security"].security
        if state.is_2_8:
            wanted = _with_present(wanted, security)
        public_given = bool(wanted.public_key)
        security.CopyFrom(wanted)
        if len(security.private_key) != x25519.KEY_BYTES:
            security.private_key = b""
        # From 2.8 on, one that comes with its public key is used as it is until the reboot
        if not (state.is_2_8 and security.private_key and public_given):
            self._identity.ensure_keys()
            self._identity.follow_key()
        if security.is_managed and not any(len(key) == x25519.KEY_BYTES for key in security.admin_key):
            security.is_managed = False
            state.notify(NO_ADMIN_KEY, now)
        return state.is_2_8

    def _set_owner(self, wanted: mesh_pb2.User, now: float) -> Answer | None:
        user = self._state.nodes.own_user()
        before = user.SerializeToString()
        for field in ("long_name", "short_name"):
            name = getattr(wanted, field)
            if name and not name.strip():
                return _bad_request()
            if name:
                setattr(user, field, name)
        if self._state.is_2_8:
            user.long_name = clipped(user.long_name)
        user.is_licensed = wanted.is_licensed
        if wanted.HasField("is_unmessagable"):
            user.is_unmessagable = wanted.is_unmessagable
        if user.SerializeToString() != before:
            self._identity.set_owner(user)
            self._save(now, reboots=True)
        return None

    def _save(self, now: float, *, reboots: bool = False) -> None:
        """Make what was changed survive a reboot, unless more changes are announced."""
        if self._editing:
            return
        self._state.config.save()
        self._state.nodes.save()
        if reboots:
            self._reboot_soon(now)

    def _reboot_soon(self, now: float) -> None:
        self._state.reboot_due = now + REBOOT_AFTER_CHANGE

    def _answer(self, **content: Any) -> Answer:
        message = admin_pb2.AdminMessage(session_passkey=self._passkey, **content)
        return portnums_pb2.PortNum.ADMIN_APP, message.SerializeToString()


def _with_present(
    wanted: config_pb2.Config.SecurityConfig, present: config_pb2.Config.SecurityConfig
) -> config_pb2.Config.SecurityConfig:
    """Return what 2.8 stores: without a private key the present pair, with nothing but a new one the present rest."""
    merged, rest = config_pb2.Config.SecurityConfig(), config_pb2.Config.SecurityConfig()
    rest.CopyFrom(wanted)
    rest.ClearField("private_key")
    rest.ClearField("public_key")
    merged.CopyFrom(wanted)
    if len(wanted.private_key) != x25519.KEY_BYTES and present.private_key:
        merged.private_key, merged.public_key = present.private_key, present.public_key
    elif wanted.private_key != present.private_key and not rest.SerializeToString():
        merged.CopyFrom(present)
        merged.private_key, merged.public_key = wanted.private_key, wanted.public_key
    return merged


def _differ(one: Any, other: Any, fields: tuple[str, ...]) -> bool:
    return any(getattr(one, field) != getattr(other, field) for field in fields)


def _bad_request() -> Answer:
    routing = mesh_pb2.Routing(error_reason=mesh_pb2.Routing.Error.BAD_REQUEST)
    return portnums_pb2.PortNum.ROUTING_APP, routing.SerializeToString()
