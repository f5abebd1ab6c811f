"""Firmware 2.8's last memory of keys, on hardware with PSRAM: the NODEINFOs it heard, whoever has an entry."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.population import KEY_BYTES


@dataclass(slots=True)
class _Heard:
    user: mesh_pb2.User
    is_proven: bool  # a signature under its key was verified
    order: int  # of the observation; 0 for what was never heard since


class NodeInfoCache:
    """Keeps so many nodes; members of the node database outrank others, then a proven key, then any key.

    It is volatile. A key in it is good for sending; for reading only if it is proven.
    """

    def __init__(self, size: int = 0) -> None:
        self._size = size
        self._users: dict[int, _Heard] = {}
        self._order = 0

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self._users)

    def resize(self, size: int) -> None:
        """Take the size of another firmware; 0 forgets everything."""
        self._size = size
        if len(self._users) > size:
            self._users.clear()

    def observe(self, num: int, user: mesh_pb2.User, members: Container[int], *, is_proven: bool) -> None:
        """Hear a NODEINFO; one with another key than the known one changes nothing."""
        known = self._users.get(num)
        if known is not None and len(known.user.public_key) == KEY_BYTES:
            if user.public_key != known.user.public_key:
                return
            is_proven = is_proven or known.is_proven
        self._order += 1
        self._keep(num, _Heard(_copy(user, num), is_proven and len(user.public_key) == KEY_BYTES, self._order), members)

    def commit(self, num: int, user: mesh_pb2.User, members: Container[int], *, is_proven: bool) -> None:
        """Take over what the node database knew of a node that it gives up; it is never worth a member's place."""
        known = self._users.get(num)
        same = known is not None and known.user.public_key == user.public_key
        proven = is_proven or (same and known is not None and known.is_proven)
        order = known.order if known is not None else 0
        merged = _copy(user, num)
        if not merged.public_key and known is not None:
            merged.public_key, proven = known.user.public_key, known.is_proven
        self._keep(num, _Heard(merged, proven, order), members)

    def key(self, num: int, *, is_proven: bool = False) -> bytes:
        """Return the key of a node, b"" if there is none; with `is_proven` only one that a signature has proved."""
        found = self._users.get(num)
        if found is None or (is_proven and not found.is_proven):
            return b""
        key: bytes = found.user.public_key
        return key if len(key) == KEY_BYTES else b""

    def user(self, num: int) -> mesh_pb2.User | None:
        """Return the NODEINFO of a node."""
        found = self._users.get(num)
        return _copy(found.user, num) if found else None

    def forget(self, num: int) -> None:
        """Forget a node that the client removed."""
        self._users.pop(num, None)

    def clear(self) -> None:
        """Forget everything."""
        self._users.clear()

    def _keep(self, num: int, heard: _Heard, members: Container[int]) -> None:
        if not self._size:
            return
        if num not in self._users and len(self._users) >= self._size:

            def worth(each: int) -> tuple[bool, bool, bool, int]:
                found = self._users[each]
                return each in members, found.is_proven, bool(found.user.public_key), found.order

            del self._users[min(self._users, key=worth)]
        self._users[num] = heard


def _copy(user: mesh_pb2.User, num: int) -> mesh_pb2.User:
    copy = mesh_pb2.User()
    copy.CopyFrom(user)
    copy.id = f"!{num:08x}"
    return copy
