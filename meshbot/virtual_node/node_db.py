"""The node database: what the node sends to a client, and the keys that it encrypts with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import admin_pb2, config_pb2, mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.runtime import MeshBotError
from meshbot.virtual_node.framing import CUT, frame
from meshbot.virtual_node.packets import sender_of
from meshbot.virtual_node.population import KEY_BYTES
from meshbot.virtual_node.replays import thin

SAVE_EVERY: Final = 60.0  # seconds: nodes heard are saved at most once a minute
CLIENT_BASE: Final = config_pb2.Config.DeviceConfig.Role.CLIENT_BASE


class FullOfFavouritesError(MeshBotError):
    """No entry may be evicted for a new node; the real firmware aborts here."""


@dataclass(slots=True)
class _Entry:
    info: mesh_pb2.NodeInfo
    framed: bytes = b""  # the FromRadio frame, made when first asked for
    is_thin: bool = False  # that frame


class NodeDb:
    """Nodes by number, the own one among them. Times are the caller's seconds."""

    def __init__(self, own: mesh_pb2.NodeInfo, others: Iterable[mesh_pb2.NodeInfo], capacity: int, now: float) -> None:
        self._own_num: int = own.num
        self._capacity = capacity
        self._entries: dict[int, _Entry] = {info.num: _Entry(info) for info in (own, *others)}
        self._unsaved: dict[int, mesh_pb2.NodeInfo | None] = {}  # as they were at the last save
        # The firmware counts its first minute from the boot
        self._saved_at = now

    def __len__(self) -> int:
        """Return the number of nodes, the own one included."""
        return len(self._entries)

    def get(self, num: int) -> mesh_pb2.NodeInfo | None:
        """Return the entry of a node."""
        entry = self._entries.get(num)
        return entry.info if entry else None

    def public_key(self, num: int) -> bytes:
        """Return the key for direct messages to a node, b"" if there is no usable one."""
        entry = self._entries.get(num)
        key: bytes = entry.info.user.public_key if entry else b""
        return key if len(key) == KEY_BYTES else b""

    def has_user(self, num: int) -> bool:
        """Whether a NODEINFO of the node is known."""
        entry = self._entries.get(num)
        return entry is not None and bool(entry.info.HasField("user"))

    def others(self) -> list[mesh_pb2.NodeInfo]:
        """Return the other nodes: favourites first, then the last heard."""
        return [entry.info for entry in self._others()]

    def frames(self, *, is_thin: bool) -> Iterator[bytes]:
        """Yield each other node's FromRadio frame, in the same order; `is_thin` as from firmware 2.8 on."""
        for entry in self._others():
            if not entry.framed or entry.is_thin != is_thin:
                info = thin(entry.info) if is_thin else entry.info
                entry.framed, entry.is_thin = frame(mesh_pb2.FromRadio(node_info=info).SerializeToString()), is_thin
            yield entry.framed

    def _others(self) -> list[_Entry]:
        others = [entry for num, entry in self._entries.items() if num != self._own_num]
        others.sort(key=lambda entry: (not entry.info.is_favorite, -entry.info.last_heard))
        return others

    def cut_names(self) -> None:
        """Have every name cut inside a character."""
        for num in self._entries:
            user = self._edit(num).user
            user.long_name = user.long_name.removesuffix(CUT) + CUT

    def renumber(self, num: int) -> None:
        """Give the own node another number."""
        entry = self._entries.pop(self._own_num)
        entry.info.num, entry.info.user.id, entry.framed = num, f"!{num:08x}", b""
        self._own_num = num
        self._entries[num] = entry

    def update_from(self, packet: mesh_pb2.MeshPacket) -> None:
        """Store the sender of a decoded packet, its reception, and the position or device metrics in it."""
        info = self._edit(sender_of(packet))
        if packet.rx_time:
            info.last_heard = packet.rx_time
        if packet.rx_snr:
            info.snr = packet.rx_snr
        info.via_mqtt = packet.via_mqtt
        if packet.hop_start and packet.hop_limit <= packet.hop_start:
            info.hops_away = packet.hop_start - packet.hop_limit
        _store_content(info, packet)

    def update_user(self, num: int, user: mesh_pb2.User, channel: int, now: float) -> bool:
        """Store a NODEINFO unless its key differs from the known one; return whether it was stored."""
        known = self.public_key(num)
        if known and user.public_key != known:
            return False
        info = self._edit(num)
        changed = info.user != user or info.channel != channel
        info.user.CopyFrom(user)
        info.user.id = f"!{num:08x}"
        info.channel = channel
        if changed and now - self._saved_at >= SAVE_EVERY:
            self.save(now)
        return True

    def add_contact(self, contact: admin_pb2.SharedContact, now: float) -> None:
        """Overwrite user and key with the client's, except a verified key; make it a favourite, and save."""
        info = self._edit(contact.node_num)
        if info.is_key_manually_verified and not contact.manually_verified:
            return
        info.user.CopyFrom(contact.user)
        info.user.id = f"!{contact.node_num:08x}"
        if contact.should_ignore:
            info.is_ignored = True
            info.user.public_key = b""
            info.ClearField("position")
            info.ClearField("device_metrics")
        else:
            info.is_favorite = info.is_favorite or contact.user.role != CLIENT_BASE
            info.is_key_manually_verified = contact.manually_verified
        self.save(now)

    def own_user(self) -> mesh_pb2.User:
        """Return a copy of the own user."""
        user = mesh_pb2.User()
        user.CopyFrom(self._entries[self._own_num].info.user)
        return user

    def set_own_user(self, user: mesh_pb2.User, now: float) -> None:
        """Replace the own user, and save."""
        self._edit(self._own_num).user.CopyFrom(user)
        self.save(now)

    def set_flag(self, num: int, field: str, *, value: bool, now: float) -> None:
        """Set a known node's `is_favorite` or `is_ignored`, and save."""
        if num in self._entries:
            setattr(self._edit(num), field, value)
            self.save(now)

    def remove(self, num: int, now: float) -> None:
        """Remove one node, and save; the own one stays."""
        if num != self._own_num:
            self._entries.pop(num, None)
            self.save(now)

    def reset(self, now: float) -> None:
        """Remove all but the own node, and save."""
        self._entries = {self._own_num: self._entries[self._own_num]}
        self.save(now)

    def save(self, now: float) -> None:
        """Make the present entries survive a reboot."""
        self._unsaved.clear()
        self._saved_at = now

    def reboot(self, now: float, *, forget_recent: bool) -> None:
        """Start again with the saved entries, or (after a clean shutdown) with all."""
        if forget_recent:
            for num, info in self._unsaved.items():
                if info is None:
                    self._entries.pop(num, None)
                else:
                    self._entries[num] = _Entry(info)
        self.save(now)

    def _edit(self, num: int) -> Any:
        """Return the node's entry for a change, made if there is none."""
        entry = self._entries.get(num)
        if entry is None:
            self._unsaved.setdefault(num, None)
            self._evict_if_full()
            entry = self._entries[num] = _Entry(mesh_pb2.NodeInfo(num=num))
        elif num not in self._unsaved:
            before = self._unsaved[num] = mesh_pb2.NodeInfo()
            before.CopyFrom(entry.info)
        entry.framed = b""
        return entry.info

    def _evict_if_full(self) -> None:
        """Evict from a full database the longest unheard node without a key, else the longest unheard."""
        if len(self._entries) < self._capacity:
            return
        evictable = [
            entry.info
            for num, entry in self._entries.items()
            if num != self._own_num
            and not (entry.info.is_favorite or entry.info.is_ignored or entry.info.is_key_manually_verified)
        ]
        if not evictable:
            raise FullOfFavouritesError
        victim = min(evictable, key=lambda info: (len(info.user.public_key) == KEY_BYTES, info.last_heard))
        self._unsaved.setdefault(victim.num, victim)
        del self._entries[victim.num]


def _store_content(info: mesh_pb2.NodeInfo, packet: mesh_pb2.MeshPacket) -> None:
    data = packet.decoded
    try:
        if data.portnum == portnums_pb2.PortNum.POSITION_APP:
            info.position.CopyFrom(mesh_pb2.Position.FromString(data.payload))
        elif data.portnum == portnums_pb2.PortNum.TELEMETRY_APP:
            telemetry = telemetry_pb2.Telemetry.FromString(data.payload)
            if telemetry.HasField("device_metrics"):
                info.device_metrics.CopyFrom(telemetry.device_metrics)
    except DecodeError:
        # The client gets the packet all the same
        return
