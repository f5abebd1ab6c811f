"""The node database: what the node sends to a client, and the keys that it encrypts with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from meshtastic.protobuf import admin_pb2, mesh_pb2

from meshbot.runtime import MeshBotError
from meshbot.virtual_node.fields_2_8 import HAS_XEDDSA_SIGNED, with_flag
from meshbot.virtual_node.framing import CUT, frame
from meshbot.virtual_node.node_entry import IN_NODE_INFO, KINDS, NodeEntry, content_of, drop_stalest
from meshbot.virtual_node.nodeinfo_cache import NodeInfoCache
from meshbot.virtual_node.packets import sender_of
from meshbot.virtual_node.replays import thin
from meshbot.virtual_node.warm_tier import WarmNode, WarmTier

SAVE_EVERY: Final = 60.0  # seconds: nodes heard are saved at most once a minute
# From 2.8 on: entries that are never protected, and seconds between two strangers let into a full database
UNPROTECTED_ROOM: Final = 2
ADMIT_EVERY: Final = 2.0


class FullOfFavouritesError(MeshBotError):
    """No entry may be evicted for a new node; firmware before 2.8 aborts here."""


class NodeDb:
    """Nodes by number, the own one among them. Times are the caller's monotonic seconds."""

    def __init__(self, own: mesh_pb2.NodeInfo, others: Iterable[mesh_pb2.NodeInfo], capacity: int, now: float) -> None:
        """Make it as firmware before 2.8 has it; see `follow`."""
        self._own_num: int = own.num
        self._capacity = capacity
        self._entries: dict[int, NodeEntry] = {info.num: NodeEntry(info) for info in (own, *others)}
        self._unsaved: dict[int, NodeEntry | None] = {}  # as they were at the last save
        # The firmware counts its first minute from the boot
        self._heard_saved_at = now
        self._admitted_at = now - ADMIT_EVERY
        self._warm = WarmTier(0)
        self._saved_warm = self._warm.copy()
        self._cache = NodeInfoCache()
        self._is_guarded = False
        self._most_of_a_kind = capacity

    def follow(self, *, is_guarded: bool, warm_size: int, cache_size: int = 0, most_of_a_kind: int = 0) -> None:
        """Take the rules of a firmware: from 2.8 on room is guarded, and evicted nodes' keys are kept.

        `cache_size` is the NodeInfo cache's, in nodes; no more than `most_of_a_kind` nodes have a position, metrics or
        a status (0: all may).
        """
        self._is_guarded = is_guarded
        self._warm.resize(warm_size)
        self._cache.resize(cache_size)
        self._most_of_a_kind = most_of_a_kind or self._capacity
        for kind in KINDS:
            if not is_guarded and kind not in IN_NODE_INFO:
                self._drop_all(kind)
            drop_stalest(self._others(), kind, self._most_of_a_kind)

    def _drop_all(self, kind: str) -> None:
        for entry in self.kept(kind):
            entry.drop(kind)

    def trim(self) -> None:
        """Give up what there is no room for, the longest unheard first, and save."""
        others = sorted(self._others(), key=lambda entry: (entry.is_protected, entry.info.last_heard))
        for entry in others[: max(0, len(self) - self._capacity)]:
            self._give_up(entry.info.num)
        self.save()

    def __len__(self) -> int:
        """Return the number of nodes, the own one included."""
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether a new node needs another one's place."""
        return len(self._entries) >= self._capacity

    @property
    def protected_limit(self) -> int:
        """Return how many nodes firmware 2.8 protects at most."""
        return self._capacity - UNPROTECTED_ROOM

    @property
    def warm_nodes(self) -> int:
        """Return how many evicted nodes are remembered."""
        return len(self._warm)

    def get(self, num: int) -> mesh_pb2.NodeInfo | None:
        """Return the entry of a node."""
        entry = self._entries.get(num)
        return entry.info if entry else None

    def public_key(self, num: int) -> bytes:
        """Return the key for direct messages to a node, b"" if there is no usable one."""
        return self._own_key(num) or self._cache.key(num)

    def reading_key(self, num: int) -> bytes:
        """Return the key for direct messages from a node: a cached one only if a signature has proved it."""
        return self._own_key(num) or self._cache.key(num, is_proven=True)

    def _own_key(self, num: int) -> bytes:
        entry = self._entries.get(num)
        if entry is not None and (entry.public_key or not self._is_guarded):
            return entry.public_key
        warm = self._warm.get(num)
        return warm.public_key if warm else b""

    def observe(self, num: int, user: mesh_pb2.User, *, is_signed: bool) -> None:
        """Hear a NODEINFO, whether the node gets an entry or not."""
        known = self._own_key(num)
        if (self.signs(num) and not is_signed) or (known and known != user.public_key):
            return
        self._cache.observe(num, user, self._entries, is_proven=is_signed or self.signs(num))

    def signs(self, num: int) -> bool:
        """Whether a signature of the node was verified."""
        found = self._entries.get(num) or self._warm.get(num)
        return found is not None and found.signs

    def role(self, num: int) -> int:
        """Return a node's role, CLIENT if it is not known."""
        entry = self._entries.get(num)
        warm = self._warm.get(num)
        return int(entry.info.user.role) if entry else warm.role if warm else 0

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
                if is_thin and entry.signs:
                    info = with_flag(info, HAS_XEDDSA_SIGNED)
                entry.framed, entry.is_thin = frame(mesh_pb2.FromRadio(node_info=info).SerializeToString()), is_thin
            yield entry.framed

    def kept(self, kind: str) -> list[NodeEntry]:
        """Return the other nodes of which there is one of KINDS, by number."""
        entries = self._entries
        return [entries[num] for num in sorted(entries) if num != self._own_num and entries[num].has(kind)]

    def _others(self) -> list[NodeEntry]:
        others = [entry for num, entry in self._entries.items() if num != self._own_num]
        others.sort(key=lambda entry: (not entry.info.is_favorite, -entry.info.last_heard))
        return others

    def cut_names(self) -> None:
        """Have every name cut inside a character."""
        for num in self._entries:
            user = self._edit(num).info.user
            user.long_name = user.long_name.removesuffix(CUT) + CUT

    def renumber(self, num: int) -> None:
        """Give the own node another number, and save; an entry that had it is gone."""
        entry = self._entries.pop(self._own_num)
        entry.info.num, entry.info.user.id, entry.framed = num, f"!{num:08x}", b""
        self._own_num = num
        self._entries[num] = entry
        self._warm.take(num)
        self.save()

    def update_from(self, packet: mesh_pb2.MeshPacket, now: float) -> None:
        """Store the sender of a decoded packet, its reception, and the position or device metrics in it."""
        sender = sender_of(packet)
        if self._is_guarded and sender not in self._entries and self.is_full:
            if now - self._admitted_at < ADMIT_EVERY:
                return
            self._admitted_at = now
        entry = self._edit(sender)
        info = entry.info
        if packet.rx_time:
            info.last_heard = packet.rx_time
        if packet.rx_snr:
            info.snr = packet.rx_snr
        info.via_mqtt = packet.via_mqtt
        if packet.hop_start and packet.hop_limit <= packet.hop_start:
            info.hops_away = packet.hop_start - packet.hop_limit
        self._store_content(entry, packet)

    def _store_content(self, entry: NodeEntry, packet: mesh_pb2.MeshPacket) -> None:
        found = content_of(packet)
        if found is None or not (self._is_guarded or found[0] in IN_NODE_INFO):
            return
        kind, content = found
        if self._is_guarded and not entry.has(kind):
            drop_stalest((each for each in self._others() if each is not entry), kind, self._most_of_a_kind - 1)
        entry.put(kind, content)

    def update_user(self, num: int, user: mesh_pb2.User, channel: int, now: float, *, is_signed: bool = False) -> bool:
        """Store a NODEINFO unless its key differs from the known one; return whether it was stored.

        Of a node that signs only a signed one is stored.
        """
        if num in self._entries and self._entries[num].signs and not is_signed:
            return False
        entry = self._edit(num)
        known = entry.public_key
        if known and user.public_key != known:
            return False
        info = entry.info
        before = info.SerializeToString()
        info.user.CopyFrom(user)
        info.user.id = f"!{num:08x}"
        if num != self._own_num:
            info.channel = channel
        entry.bare_key = b""
        if info.SerializeToString() != before and now - self._heard_saved_at >= SAVE_EVERY:
            self.save()
            self._heard_saved_at = now
        return True

    def learn_signer(self, num: int, public_key: bytes = b"") -> None:
        """Note that a signature of the node was verified, under the key of its first NODEINFO if it is given."""
        entry = self._edit(num)
        entry.signs = True
        if public_key and not entry.public_key:
            entry.bare_key = public_key

    def add_contact(self, contact: admin_pb2.SharedContact, epoch: int, *, is_base: bool) -> None:
        """Overwrite user and key with the client's, make it a favourite, and save.

        A verified key is replaced by a verified one alone. `is_base`: a CLIENT_BASE makes no favourites; it stamps the
        contact as heard at `epoch` instead, as does firmware 2.8 if it has no room for another favourite.
        """
        entry = self._edit(contact.node_num)
        info = entry.info
        if not contact.HasField("user"):
            return
        differs = contact.user.public_key != entry.public_key
        if info.is_key_manually_verified and not contact.manually_verified and differs:
            return
        info.user.CopyFrom(contact.user)
        info.user.id = f"!{contact.node_num:08x}"
        entry.bare_key = b""
        if contact.should_ignore:
            self._protect(entry, "is_ignored")
            info.is_favorite = False
            self._strip(entry)
        else:
            if is_base or not self._protect(entry, "is_favorite"):
                info.last_heard = epoch
            if contact.manually_verified:
                self._protect(entry, "is_key_manually_verified")
        self.save()

    @property
    def is_licensed(self) -> bool:
        """Whether the own owner is a radio amateur, who encrypts nothing."""
        return bool(self._entries[self._own_num].info.user.is_licensed)

    def own_user(self) -> mesh_pb2.User:
        """Return a copy of the own user."""
        user = mesh_pb2.User()
        user.CopyFrom(self._entries[self._own_num].info.user)
        return user

    def set_own_user(self, user: mesh_pb2.User) -> None:
        """Replace the own user."""
        self._edit(self._own_num).info.user.CopyFrom(user)

    def protect(self, num: int, field: str) -> bool:
        """Set a node's `is_favorite` or `is_ignored`; return False if firmware 2.8 refuses one protected node more.

        An unknown node stays unknown, but firmware 2.8 makes an entry for one that it is to ignore.
        """
        ignores = field == "is_ignored"
        if num not in self._entries and not (ignores and self._is_guarded):
            return True
        entry = self._edit(num)
        is_done = self._protect(entry, field)
        if ignores and is_done:
            self._strip(entry)
        return is_done

    def unprotect(self, num: int, field: str) -> None:
        """Unset it."""
        if num in self._entries:
            setattr(self._edit(num).info, field, False)

    def remove(self, num: int) -> None:
        """Forget one node, and save; the own one stays."""
        if num != self._own_num:
            self._entries.pop(num, None)
            self._warm.take(num)
            self._cache.forget(num)
            self.save()

    def reset(self, *, keep_favourites: bool = False) -> None:
        """Forget all nodes but the own one, and save."""
        kept = {num: each for num, each in self._entries.items() if keep_favourites and each.info.is_favorite}
        self._entries = {self._own_num: self._entries[self._own_num]} | kept
        self._warm.clear()
        self._cache.clear()
        self.save()

    def save(self) -> None:
        """Make the present entries survive a reboot."""
        self._unsaved.clear()
        self._saved_warm = self._warm.copy()

    def reboot(self, now: float, *, forget_recent: bool) -> None:
        """Start again with the saved entries, or (after a clean shutdown) with all; those without NODEINFO go."""
        self._cache.clear()
        if forget_recent:
            for num, entry in self._unsaved.items():
                if entry is None:
                    self._entries.pop(num, None)
                else:
                    self._entries[num] = entry
            self._warm.restore(self._saved_warm)
        for num, entry in list(self._entries.items()):
            if not entry.info.HasField("user") and not entry.info.is_ignored:
                self._give_up(num)
        self.save()
        self._heard_saved_at = now

    def _edit(self, num: int) -> NodeEntry:
        """Return the node's entry for a change, made if there is none."""
        entry = self._entries.get(num)
        if entry is None:
            entry = self._add(num)
        elif num not in self._unsaved:
            self._unsaved[num] = entry.copy()
        entry.framed = b""
        return entry

    def _add(self, num: int) -> NodeEntry:
        if self.is_full:
            self._evict()
        self._unsaved.setdefault(num, None)
        entry = self._entries[num] = NodeEntry(mesh_pb2.NodeInfo(num=num))
        if (warm := self._warm.take(num)) is not None:
            entry.info.last_heard = warm.last_heard
            entry.bare_key, entry.signs = warm.public_key, warm.signs
            user = self._cache.user(num)
            # The name comes back if it belongs to that key
            if user is not None and warm.public_key and user.public_key == warm.public_key:
                entry.info.user.CopyFrom(user)
        return entry

    def _evict(self) -> None:
        """Give up the longest unheard node without a key, else the longest unheard one that is not protected.

        A verified node without a key is given up too, as in the firmware.
        """
        others = [entry for num, entry in self._entries.items() if num != self._own_num]
        boring = [each for each in others if not (each.info.is_favorite or each.info.is_ignored or each.public_key)]
        victims = boring or [each for each in others if not each.is_protected]
        if not victims:
            raise FullOfFavouritesError
        victim = min(victims, key=lambda each: int(each.info.last_heard))
        self._unsaved.setdefault(victim.info.num, victim)
        self._give_up(victim.info.num)

    def _give_up(self, num: int) -> None:
        entry = self._entries.pop(num)
        info = entry.info
        self._warm.absorb(num, WarmNode(info.last_heard, entry.public_key, info.user.role, entry.signs))
        if info.HasField("user"):
            self._cache.commit(num, info.user, self._entries, is_proven=entry.signs)

    def _protect(self, entry: NodeEntry, field: str) -> bool:
        if self._is_guarded and not entry.is_protected:
            protected = sum(each.is_protected for each in self._entries.values())
            if protected >= self.protected_limit:
                return False
        setattr(entry.info, field, True)
        return True

    def _strip(self, entry: NodeEntry) -> None:
        """Drop what is not kept of an ignored node: before 2.8 its key as well."""
        entry.drop(*KINDS)
        if not self._is_guarded:
            entry.info.user.public_key = b""
