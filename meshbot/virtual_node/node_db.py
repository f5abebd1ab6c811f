"""The node's own database of nodes: what it tells a client, and whose keys it encrypts with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from meshtastic.protobuf import admin_pb2, config_pb2, mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.runtime import MeshBotError
from meshbot.virtual_node.framing import frame
from meshbot.virtual_node.packets import sender_of
from meshbot.virtual_node.population import KEY_BYTES

SAVE_EVERY: Final = 60.0  # seconds: what it hears is saved at most once a minute
CLIENT_BASE: Final = config_pb2.Config.DeviceConfig.Role.CLIENT_BASE


class FullOfFavouritesError(MeshBotError):
    """No entry may be evicted for a new node: here the real firmware aborts."""


@dataclass(slots=True)
class _Entry:
    info: mesh_pb2.NodeInfo
    framed: bytes = b""  # the FromRadio frame, made when first asked for


class NodeDb:
    """Nodes by number, the own one among them; time is in seconds, as the caller counts it."""

    def __init__(self, own: mesh_pb2.NodeInfo, others: Iterable[mesh_pb2.NodeInfo], capacity: int, now: float) -> None:
        self._own_num: int = own.num
        self._capacity = capacity
        self._entries: dict[int, _Entry] = {info.num: _Entry(info) for info in (own, *others)}
        self._unsaved: dict[int, mesh_pb2.NodeInfo | None] = {}  # as they were at the last save
        self._saved_at = now  # the firmware counts its first minute from the boot

    def __len__(self) -> int:
        """Return how many nodes it knows, the own one included."""
        return len(self._entries)

    def get(self, num: int) -> mesh_pb2.NodeInfo | None:
        """Return what is known of a node."""
        entry = self._entries.get(num)
        return entry.info if entry else None

    def key(self, num: int) -> bytes:
        """Return the key for direct messages to a node, b"" if there is none that could be used."""
        entry = self._entries.get(num)
        key: bytes = entry.info.user.public_key if entry else b""
        return key if len(key) == KEY_BYTES else b""

    def knows_user(self, num: int) -> bool:
        """Whether the node ever heard who this is."""
        entry = self._entries.get(num)
        return entry is not None and bool(entry.info.HasField("user"))

    def frames(self) -> Iterator[bytes]:
        """Yield each other node's FromRadio frame: favourites first, then the last heard."""
        others = [entry for num, entry in self._entries.items() if num != self._own_num]
        others.sort(key=lambda entry: (not entry.info.is_favorite, -entry.info.last_heard))
        for entry in others:
            if not entry.framed:
                entry.framed = frame(mesh_pb2.FromRadio(node_info=entry.info).SerializeToString())
            yield entry.framed

    def hear(self, packet: mesh_pb2.MeshPacket) -> None:
        """Note who sent a readable packet, how well it was heard, and the position or battery state in it."""
        info = self._edit(sender_of(packet))
        if packet.rx_time:
            info.last_heard = packet.rx_time
        if packet.rx_snr:
            info.snr = packet.rx_snr
        info.via_mqtt = packet.via_mqtt
        if packet.hop_start and packet.hop_limit <= packet.hop_start:
            info.hops_away = packet.hop_start - packet.hop_limit
        _note_content(info, packet)

    def learn_user(self, num: int, user: mesh_pb2.User, channel: int, now: float) -> bool:
        """Take a NODEINFO over, unless its key differs from the one known; return whether it was taken."""
        known = self.key(num)
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
        """Overwrite a user and key with a client's word, except a verified key; favourite it, and save."""
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
        """Return a copy of what the node says of itself."""
        user = mesh_pb2.User()
        user.CopyFrom(self._entries[self._own_num].info.user)
        return user

    def set_own_user(self, user: mesh_pb2.User, now: float) -> None:
        """Rename the own node, and save."""
        self._edit(self._own_num).user.CopyFrom(user)
        self.save(now)

    def mark(self, num: int, field: str, *, value: bool, now: float) -> None:
        """Set one of a known node's flags (`is_favorite`, `is_ignored`), and save."""
        if num in self._entries:
            setattr(self._edit(num), field, value)
            self.save(now)

    def remove(self, num: int, now: float) -> None:
        """Forget one node, and save; the own one stays."""
        if num != self._own_num:
            self._entries.pop(num, None)
            self.save(now)

    def forget_others(self, now: float) -> None:
        """Forget everybody but the own node, and save."""
        self._entries = {self._own_num: self._entries[self._own_num]}
        self.save(now)

    def save(self, now: float) -> None:
        """Make what is known now survive a reboot."""
        self._unsaved.clear()
        self._saved_at = now

    def reboot(self, now: float, *, forget_recent: bool) -> None:
        """Start again with what was saved, or (a clean shutdown) with all that is known."""
        if forget_recent:
            for num, info in self._unsaved.items():
                if info is None:
                    self._entries.pop(num, None)
                else:
                    self._entries[num] = _Entry(info)
        self.save(now)

    def _edit(self, num: int) -> Any:
        """Return the node's entry to change it, made if need be."""
        entry = self._entries.get(num)
        if entry is None:
            self._unsaved.setdefault(num, None)
            self._make_room()
            entry = self._entries[num] = _Entry(mesh_pb2.NodeInfo(num=num))
        elif num not in self._unsaved:
            before = self._unsaved[num] = mesh_pb2.NodeInfo()
            before.CopyFrom(entry.info)
        entry.framed = b""
        return entry.info

    def _make_room(self) -> None:
        """Evict, if the database is full, the longest unheard node without a key, else the longest unheard."""
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


def _note_content(info: mesh_pb2.NodeInfo, packet: mesh_pb2.MeshPacket) -> None:
    data = packet.decoded
    try:
        if data.portnum == portnums_pb2.PortNum.POSITION_APP:
            info.position.CopyFrom(mesh_pb2.Position.FromString(data.payload))
        elif data.portnum == portnums_pb2.PortNum.TELEMETRY_APP:
            telemetry = telemetry_pb2.Telemetry.FromString(data.payload)
            if telemetry.HasField("device_metrics"):
                info.device_metrics.CopyFrom(telemetry.device_metrics)
    except DecodeError:
        return  # what cannot be read teaches nothing; the client gets the packet as it came
