"""Admin messages of the node's own client, which need no session key, as in the firmware."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2

from meshbot.virtual_node.configuration import CHANNELS
from meshbot.virtual_node.node_db import FullOfFavouritesError
from meshbot.virtual_node.state import NodeState

REBOOT_AFTER_CHANGE: Final = 7.0  # seconds between a stored setting and the reboot that applies it
PASSKEY_BYTES: Final = 8
Answer = tuple[int, bytes]  # portnum and payload


class Admin:
    """Reads and changes the node's settings and its node database."""

    def __init__(self, state: NodeState) -> None:
        self._state = state
        self._editing = False
        self._passkey = state.rng.randbytes(PASSKEY_BYTES)

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
            return self._change(kind, message, now)
        except FullOfFavouritesError:
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

    def _change(self, kind: str, message: admin_pb2.AdminMessage, now: float) -> Answer | None:
        value: Any = getattr(message, kind, None)
        nodes = self._state.nodes
        match kind:
            case "set_time_only":
                self._state.clock_offset = value - now
            case "reboot_seconds":
                self._state.reboot_due = now + value if value >= 0 else None
            case "add_contact":
                nodes.add_contact(value, now)
            case "remove_by_nodenum":
                nodes.remove(value, now)
            case "set_favorite_node" | "remove_favorite_node":
                nodes.set_flag(value, "is_favorite", value=kind.startswith("set"), now=now)
            case "set_ignored_node" | "remove_ignored_node":
                nodes.set_flag(value, "is_ignored", value=kind.startswith("set"), now=now)
            case "nodedb_reset":
                nodes.reset(now)
                self._reboot_soon(now)
            case _:
                return self._set(kind, value, now)
        return None

    def _set(self, kind: str, value: Any, now: float) -> Answer | None:
        match kind:
            case "set_owner":
                return self._set_owner(value, now)
            case "set_config" | "set_module_config":
                self._state.config.store(value)
                self._reboot_soon(now)
            case "set_channel":
                if not 0 <= value.index < CHANNELS:
                    return _bad_request()
                self._state.config.channels[value.index].CopyFrom(value)
            case "begin_edit_settings":
                self._editing = True
            case "commit_edit_settings":
                self._editing = False
                self._reboot_soon(now)
        return None

    def _set_owner(self, wanted: mesh_pb2.User, now: float) -> Answer | None:
        user = self._state.nodes.own_user()
        before = user.SerializeToString()
        for field in ("long_name", "short_name"):
            name = getattr(wanted, field)
            if name and not name.strip():
                return _bad_request()
            if name:
                setattr(user, field, name)
        if user.SerializeToString() != before:
            self._state.nodes.set_own_user(user, now)
            self._reboot_soon(now)
        return None

    def _reboot_soon(self, now: float) -> None:
        if not self._editing:
            self._state.reboot_due = now + REBOOT_AFTER_CHANGE

    def _answer(self, **content: Any) -> Answer:
        message = admin_pb2.AdminMessage(session_passkey=self._passkey, **content)
        return portnums_pb2.PortNum.ADMIN_APP, message.SerializeToString()


def _bad_request() -> Answer:
    routing = mesh_pb2.Routing(error_reason=mesh_pb2.Routing.Error.BAD_REQUEST)
    return portnums_pb2.PortNum.ROUTING_APP, routing.SerializeToString()
