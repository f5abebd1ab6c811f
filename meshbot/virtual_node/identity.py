"""Who the node is: its key pair, its number, its owner; changed here in every place that holds them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from zlib import crc32

from meshtastic.protobuf import config_pb2, mesh_pb2

from meshbot.virtual_node import x25519
from meshbot.virtual_node.replays import clipped
from meshbot.virtual_node.state import NodeState

UNSET: Final = config_pb2.Config.LoRaConfig.RegionCode.UNSET


class Identity:
    """Changes the own node's identity."""

    def __init__(self, state: NodeState) -> None:
        self._state = state

    def take_keys(self, private_key: bytes) -> None:
        """Use this private key, b"" for none, with the public one that belongs to it."""
        public = x25519.public_key(private_key) if private_key else b""
        security = self._state.config.configs["security"].security
        security.private_key, security.public_key = private_key, public
        self._take_public(public)

    def _take_public(self, public: bytes) -> None:
        state = self._state
        state.own = replace(state.own, public_key=public)
        state.config.follow(state.own)
        user = state.nodes.own_user()
        user.public_key = public
        state.nodes.set_own_user(user)

    def forget_public_key(self) -> None:
        """Be without a public key until there is a region again."""
        state = self._state
        state.config.configs["security"].security.public_key = b""
        self._take_public(b"")

    def boot(self) -> None:
        """Derive the public key from the stored private one, and from 2.8 on the number from that; clip the name."""
        self.ensure_keys()
        if self._state.is_2_8:
            user = self._state.nodes.own_user()
            user.long_name = clipped(user.long_name)
            self.set_owner(user)
        self.follow_key()

    def ensure_keys(self) -> None:
        """Derive the public key, of a new private one if there is none; not without region or for a licensed owner."""
        security = self._state.config.configs["security"].security
        if self._state.config.configs["lora"].lora.region == UNSET or self._state.nodes.is_licensed:
            return
        self.take_keys(bytes(security.private_key) or self._state.rng.randbytes(x25519.KEY_BYTES))

    def renumber(self, num: int) -> None:
        """Take another number; a client that is connected is told by `my_info` alone."""
        state = self._state
        state.own = replace(state.own, num=num)
        state.nodes.renumber(num)
        state.config.follow(state.own)
        state.phone.news.append(state.config.my_info(len(state.nodes)))

    def follow_key(self) -> None:
        """From firmware 2.8 on, take the number that belongs to the key."""
        state = self._state
        wanted = crc32(state.own.public_key)
        if state.is_2_8 and state.own.public_key and wanted != state.own.num:
            self.renumber(wanted)

    def set_owner(self, user: mesh_pb2.User) -> None:
        """Take these names and properties of the owner."""
        state = self._state
        state.nodes.set_own_user(user)
        state.own = replace(state.own, long_name=user.long_name, short_name=user.short_name)
        state.config.follow(state.own)

    def reset_owner(self) -> None:
        """Take the names of a node that nobody has set up."""
        user = self._state.nodes.own_user()
        last = f"{self._state.own.num & 0xFFFF:04x}"
        user.long_name, user.short_name, user.is_licensed = f"Meshtastic {last}", last, False
        self.set_owner(user)
