"""Who asks, and what they may; pure.

A node number is only a claim: anybody can send under any. So the role of an admin takes a proof, which a direct
message encrypted with the admin's own key is; the role of a known node is a courtesy and takes none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum

from meshbot.mesh_link import TextMessage


class Role(IntEnum):
    """What a user may, in rising order: who has one has those before it."""

    EVERYONE = 0
    KNOWN = 1
    ADMIN = 2


class Doubt(Enum):
    """Why a node on the list of admins is none in this message; the value is for the log."""

    CHANNEL = "hors message direct"
    MQTT = "relayée par MQTT"
    CLEAR = "message non chiffré par clé publique, numéro de nœud peut-être usurpé"
    NO_KEY = "clé publique inconnue du bot"
    OTHER_KEY = "chiffrée avec une autre clé publique que celle de confiance"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, in one message: the same node may be an admin directly and none on a channel."""

    key: str  # tells users of all ways in apart, as in "mesh:!a1b2c3d4"
    role: Role = Role.EVERYONE
    doubt: Doubt | None = None  # of a listed admin
    claim: Doubt | None = None  # why it may be somebody else who asks; None: proven

    @property
    def is_node(self) -> bool:
        """Whether it is a node of the mesh that asks."""
        return self.key.startswith("mesh:")


NOBODY = User("")


@dataclass(frozen=True, slots=True)
class MeshRoles:
    """The lists of the settings."""

    admins: frozenset[int]
    known: frozenset[int]  # empty: every node that has told its name

    def user_of(self, message: TextMessage, trusted_key: bytes | None, *, named: bool) -> User:
        """Return who asks by this message.

        `trusted_key` is the sender's public key as the bot trusts it, `named` whether the sender has told its name.
        """
        listed = message.sender in self.admins
        known = listed or (message.sender in self.known if self.known else named)
        doubt = _doubt(message, trusted_key)
        claim = Doubt.NO_KEY if trusted_key is None and doubt is Doubt.CLEAR else doubt
        key = f"mesh:!{message.sender:08x}"
        if listed and doubt is None:
            return User(key, Role.ADMIN)
        return User(key, Role.KNOWN if known else Role.EVERYONE, doubt if listed else None, claim)


def node_numbers(ids: Iterable[str]) -> frozenset[int]:
    """Return the numbers of `!a1b2c3d4` ids."""
    return frozenset(int(ident.removeprefix("!"), 16) for ident in ids)


def _doubt(message: TextMessage, trusted_key: bytes | None) -> Doubt | None:
    if message.is_broadcast:
        return Doubt.CHANNEL
    if message.reception.via_mqtt:  # the broker's packet comes with whatever pki_encrypted and public_key it claims
        return Doubt.MQTT
    if not message.pki_encrypted or not message.public_key:
        return Doubt.CLEAR
    if trusted_key is None:
        return Doubt.NO_KEY
    return None if message.public_key == trusted_key else Doubt.OTHER_KEY
