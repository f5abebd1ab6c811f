"""Who asks, and with which role; pure.

A node number is only a claim: anybody can send under any. So the role of an admin needs a proof: a direct
message encrypted with the admin's own key. The role of a known node needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum

from meshbot.mesh_link import TextMessage


class Role(IntEnum):
    """Rights in rising order: each includes those before it."""

    EVERYONE = 0
    KNOWN = 1
    ADMIN = 2


class AuthFailure(Enum):
    """Why a message does not prove its sender; the value is for the log."""

    CHANNEL = "hors message direct"
    MQTT = "relayée par MQTT"
    NOT_PKI = "message non chiffré par clé publique, numéro de nœud peut-être usurpé"
    NO_KEY = "clé publique inconnue du bot"
    NOT_LOADED = "base de données pas encore lue"
    WRONG_KEY = "chiffrée avec une autre clé publique que celle de confiance"


@dataclass(frozen=True, slots=True)
class User:
    """The sender of one message: the same node may be an admin in a direct message and not on a channel."""

    key: str  # unique among mesh and Telegram users, as in "mesh:!a1b2c3d4"
    role: Role = Role.EVERYONE
    admin_auth_failure: AuthFailure | None = None  # why a listed admin has not that role
    auth_failure: AuthFailure | None = None  # why the sender may be forged; None: proven
    is_listed: bool = True  # in the settings, by the number that it claims

    @property
    def is_stranger(self) -> bool:
        """Whether it may be anybody: answered when there is air for it."""
        return self.auth_failure is not None and not self.is_listed

    @property
    def is_node(self) -> bool:
        """Whether the user is a node of the mesh."""
        return self.key.startswith("mesh:")


ANONYMOUS = User("")


@dataclass(frozen=True, slots=True)
class MeshRoles:
    """The lists of the settings."""

    admins: frozenset[int]
    known: frozenset[int]  # empty: every node whose name is known

    def user_of(self, message: TextMessage, trusted_key: bytes | None, *, named: bool) -> User:
        """Return the message's sender with its role.

        `trusted_key` is the sender's public key as the bot trusts it, `named` whether the sender's name is known.
        """
        listed = message.sender in self.admins
        is_listed = listed or message.sender in self.known
        known = is_listed or (named and not self.known)
        failure = _auth_failure(message, trusted_key)
        auth_failure = AuthFailure.NO_KEY if trusted_key is None and failure is AuthFailure.NOT_PKI else failure
        key = f"mesh:!{message.sender:08x}"
        if listed and failure is None:
            return User(key, Role.ADMIN)
        role = Role.KNOWN if known else Role.EVERYONE
        return User(key, role, failure if listed else None, auth_failure, is_listed=is_listed)


def node_numbers(ids: Iterable[str]) -> frozenset[int]:
    """Return the numbers of `!a1b2c3d4` ids."""
    return frozenset(int(ident.removeprefix("!"), 16) for ident in ids)


def _auth_failure(message: TextMessage, trusted_key: bytes | None) -> AuthFailure | None:
    if message.is_broadcast:
        return AuthFailure.CHANNEL
    # the broker can set any pki_encrypted and public_key
    if message.reception.via_mqtt:
        return AuthFailure.MQTT
    if not message.pki_encrypted or not message.public_key:
        return AuthFailure.NOT_PKI
    if trusted_key is None:
        return AuthFailure.NO_KEY
    return None if message.public_key == trusted_key else AuthFailure.WRONG_KEY
