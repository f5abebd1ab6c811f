"""Who asks, and with which role; pure.

A node number is only a claim: anybody can send under any. So the role of an admin needs a proof: a direct
message encrypted with the admin's own key. The role of a known node needs none; a signature, which firmware from 2.8
on adds on channels, proves its sender too, but never an admin: it says neither to whom the message went nor when.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol

from meshbot.mesh_link import TextMessage
from meshbot.nodes import fingerprint_of, is_weak, parse_fingerprint

LOGGER = logging.getLogger(__name__)


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
    WEAK_KEY = "chiffrée avec une clé dont la partie privée est connue de tous"
    UNVERIFIED_KEY = "chiffrée avec une clé reçue d'un NODEINFO, que personne n'a vérifiée (/keys verify)"
    NEW_NUMBER = "numéro nouveau, alors que l'ancien numéro de cette clé a encore été entendu"


@dataclass(frozen=True, slots=True)
class User:
    """The sender of one message: the same node may be an admin in a direct message and not on a channel."""

    key: str  # unique among mesh and Telegram users, as in "mesh:!a1b2c3d4"
    role: Role = Role.EVERYONE
    admin_auth_failure: AuthFailure | None = None  # why a listed admin has not that role
    auth_failure: AuthFailure | None = None  # why the sender may be forged; None: proven
    is_listed: bool = True  # in the settings, by the number that it claims
    is_newcomer: bool = False  # its key is too new to distinguish it from others who come at once

    @property
    def is_established(self) -> bool:
        """Whether it is who it says, and has been for a while."""
        return self.auth_failure is None and not self.is_newcomer

    @property
    def is_stranger(self) -> bool:
        """Whether it may be anybody: answered when there is air for it."""
        return not self.is_established and not self.is_listed

    @property
    def account(self) -> str:
        """Under what it is counted and remembered: who claims a number uses up nothing of its owner's."""
        return self.key if self.auth_failure is None else f"{self.key}?"

    @property
    def is_node(self) -> bool:
        """Whether the user is a node of the mesh."""
        return self.key.startswith("mesh:")


ANONYMOUS = User("")


@dataclass(frozen=True, slots=True)
class NodeList:
    """The nodes of a setting, by their numbers, public keys, or keys' fingerprints."""

    numbers: frozenset[int] = frozenset()
    keys: frozenset[bytes] = frozenset()
    fingerprints: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.numbers or self.keys or self.fingerprints)

    def has_number(self, numbers: Iterable[int]) -> bool:
        """Return whether one of these is listed."""
        return not self.numbers.isdisjoint(numbers)

    def has_key(self, key: bytes | None) -> bool:
        """Return whether this key is listed."""
        if not key or not (self.keys or self.fingerprints):
            return False
        return key in self.keys or (bool(self.fingerprints) and fingerprint_of(key) in self.fingerprints)


NO_NODES = NodeList()


@dataclass(frozen=True, slots=True)
class MeshRoles:
    """The lists of the settings. A listed key gives its role to whoever proves to have it, under whatever number."""

    admins: NodeList
    known: NodeList  # empty: every node whose name is known

    def user_of(
        self,
        message: TextMessage,
        trusted_key: bytes | None,
        numbers: Collection[int],
        *,
        named: bool,
        is_disputed: bool = False,
    ) -> User:
        """Return the message's sender with its role.

        `trusted_key` is the sender's public key as the bot trusts it, `numbers` are all of that node, the present one
        first, `named` is whether its name is known, and `is_disputed` whether another key is seen under the number: our
        node may then verify signatures by that one.
        """
        failure = _auth_failure(message, trusted_key)
        proven = message.public_key if failure in KEY_PROVEN else None
        by_number = self.admins.has_number(numbers)
        claims_admin = by_number or self.admins.has_key(trusted_key)
        is_known = by_number or self.known.has_number(numbers) or self.known.has_key(proven)
        is_listed = claims_admin or is_known or self.known.has_key(trusted_key)
        auth_failure = AuthFailure.NO_KEY if trusted_key is None and failure is AuthFailure.NOT_PKI else failure
        key = f"mesh:!{next(iter(numbers)):08x}"
        if self.admins.has_key(proven) or (by_number and failure is None):
            return User(key, Role.ADMIN, auth_failure=auth_failure)
        # only of what went to a channel: who sends the same bytes directly would not have to sign anew
        if message.is_broadcast and message.reception.signed and trusted_key is not None and not is_disputed:
            auth_failure = None
            is_known = is_known or self.known.has_key(trusted_key)
        role = Role.KNOWN if is_known or (named and not self.known) else Role.EVERYONE
        return User(key, role, failure if claims_admin else None, auth_failure, is_listed=is_listed)


def node_list(items: Iterable[str]) -> NodeList:
    """Return the nodes written as `!a1b2c3d4`, as a key in base64, or as a fingerprint."""
    numbers, keys, fingerprints = set(), set(), set()
    for item in items:
        if item.startswith("!"):
            numbers.add(int(item.removeprefix("!"), 16))
        elif (fingerprint := parse_fingerprint(item)) is not None:
            fingerprints.add(fingerprint)
        else:
            keys.add(base64.b64decode(item))
    return NodeList(frozenset(numbers), frozenset(keys), frozenset(fingerprints))


class NumberedNodes(Protocol):
    """Numbers and keys of nodes; NodeManager is one."""

    def is_vouched(self, num: int) -> bool:
        """Return whether the node's trusted key comes from better than a NODEINFO, which anybody can send."""
        ...

    def numbers(self, num: int) -> tuple[int, ...]:
        """Return all numbers of the node that has this one, the present one first."""

    def public_key(self, num: int) -> bytes | None:
        """Return the node's trusted key."""


def report_moved(settings: Mapping[str, Iterable[str]], nodes: NumberedNodes) -> None:
    """Log which nodes of each setting have another number now, and what to write instead of theirs."""
    for setting, items in settings.items():
        for old in (item for item in items if item.startswith("!")):
            num, *_former = nodes.numbers(int(old.removeprefix("!"), 16))
            if f"!{num:08x}" != old and (key := nodes.public_key(num)) is not None:
                fingerprint = fingerprint_of(key).replace(" ", "-")
                text = '🪪 %s: %s est maintenant !%08x. Mettez l\'empreinte de sa clé, "%s", à la place de "%s"'
                LOGGER.warning(text, setting, old, num, fingerprint, old)


def report_unverified(admins: Iterable[str], nodes: NumberedNodes) -> None:
    """Log which listed numbers have no admin's rights, because anybody can have sent their key."""
    for item in (each for each in admins if each.startswith("!")):
        num = int(item.removeprefix("!"), 16)
        if (key := nodes.public_key(num)) is not None and not nodes.is_vouched(num):
            text = (
                "⚠️ admin_nodes: la clé de %s, %s, vient d'un NODEINFO, que tout le monde peut envoyer: sans droits "
                "tant qu'un opérateur ne l'a pas vérifiée (/keys verify %s)"
            )
            LOGGER.warning(text, item, fingerprint_of(key), item)


# The message was encrypted with the private key of the public key that it carries, whatever is known of its sender
KEY_PROVEN = frozenset({None, AuthFailure.NO_KEY, AuthFailure.WRONG_KEY})


def is_proven(message: TextMessage, trusted_key: bytes | None) -> bool:
    """Return whether a message proves its sender, whose key the bot trusts."""
    return _auth_failure(message, trusted_key) is None


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
    if message.public_key != trusted_key:
        return AuthFailure.WRONG_KEY
    return AuthFailure.WEAK_KEY if is_weak(trusted_key) else None
