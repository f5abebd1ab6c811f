"""Whether a command runs for its user: by role, by rate limit, and each admin command once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from meshbot.commands.language import mark as _
from meshbot.commands.rate_limit import Admission, RateLimiter
from meshbot.commands.registry import Command
from meshbot.commands.roles import AuthFailure, MeshRoles, Role, User
from meshbot.mesh_link import TextMessage
from meshbot.nodes import Candidate

ANSWERS = {
    AuthFailure.MQTT: _("🔒 /{name} is not taken by MQTT."),
    AuthFailure.NOT_PKI: _("🔒 /{name} needs a message encrypted with your public key."),
    AuthFailure.NO_KEY: _("🔒 I have no public key of yours yet."),
    AuthFailure.NOT_LOADED: _("⏳ I have just started and have not read my data yet. Try /{name} again in a minute."),
    AuthFailure.WRONG_KEY: _("🔒 Your public key is not the one I trust: have it checked by the operator."),
    AuthFailure.WEAK_KEY: _("🔒 Everybody can know your node's private key: have the node make new keys."),
    AuthFailure.UNVERIFIED_KEY: _(
        "🔒 Your public key came by air, where anybody can send one: have the operator verify it for /{name}."
    ),
    AuthFailure.NEW_NUMBER: _(
        "🔒 The old number of your node was heard lately. Ask again in a few minutes; if it is still in use, see the "
        "operator."
    ),
}


class KnownNodes(Protocol):
    """What is known of a sender; never waits."""

    @property
    def is_loaded(self) -> bool:
        """Whether the keys learnt before the start have been read."""
        ...

    def public_key(self, num: int) -> bytes | None:
        """Return the node's trusted key."""

    def is_named(self, num: int) -> bool:
        """Return whether the node's name is known."""

    def is_newcomer(self, num: int) -> bool:
        """Return whether the node's key came by air within the last day: anybody can make a thousand such nodes."""

    def numbers(self, num: int) -> tuple[int, ...]:
        """Return all numbers of the node that has this one, the present one first."""

    def candidate(self, num: int) -> Candidate | None:
        """Return the old number whose key this number announces, if it has not proven to be the same node."""

    def is_vouched(self, num: int) -> bool:
        """Return whether the node's trusted key comes from better than a NODEINFO, which anybody can send."""
        ...

    def has_pending_key(self, num: int) -> bool:
        """Return whether another key than the trusted one is seen under the number, unconfirmed."""


class ReplayMemory(Protocol):
    """Commands that have run, those of admins or those of all others: others cannot push an admin's out of memory."""

    def is_known(self, sender: int, packet_id: int) -> bool:
        """Return whether the command has run; never waits."""

    @property
    def is_ready(self) -> bool:
        """Whether it has read what ran before the start."""
        ...

    def is_new(self, sender: int, packet_id: int) -> bool:
        """Note a command and return whether it is no replay; never waits."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command does not run."""

    reason: str  # for the log
    level: int = logging.INFO
    answer: str = ""  # English, marked for the catalogs, with {name} for the command; empty: silence


class CommandPolicy:
    """Decides whether a user may run a command, whatever way the question came by."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    def set_limit(self, commands: int, seconds: float) -> None:
        """Take the bounds of RateLimiter."""
        self._limiter.set_bounds(commands, seconds)

    def check(self, user: User, command: Command | None, now: float, *, is_public: bool) -> Refusal | None:
        """Return why the command may not run, None if it may. Call it once a question; a None command is unknown.

        `is_public`: others read the answer, and the command may be meant for another bot.
        """
        # an admin's proof cannot be forged
        if user.role is not Role.ADMIN and (refusal := self._limit(user, now)):
            return refusal
        if command is not None and user.role < command.role:
            return _refuse(user, command, is_public=is_public)
        return None

    def _limit(self, user: User, now: float) -> Refusal | None:
        match self._limiter.ask(user.account, now):
            case Admission.REFUSED as admission:
                answer = _("🚦 That is a lot of commands: please pause for a few minutes.")
                return Refusal(admission.value, logging.INFO, answer)
            case Admission.IGNORED as admission:
                return Refusal(admission.value, logging.DEBUG)
        return None


class Access:
    """Knows mesh users by their messages, and checks each message once."""

    def __init__(
        self,
        roles: MeshRoles,
        nodes: KnownNodes,
        limiter: RateLimiter,
        admin_replays: ReplayMemory,
        other_replays: ReplayMemory,
    ) -> None:
        """`admin_replays` are the commands of admins that have run, `other_replays` all others."""
        self._roles = roles
        self._nodes = nodes
        self._policy = CommandPolicy(limiter)
        self._admin_replays = admin_replays
        self._other_replays = other_replays

    def set_rules(self, roles: MeshRoles, commands: int, seconds: float) -> None:
        """Take other lists, and the bounds of RateLimiter."""
        self._roles = roles
        self._policy.set_limit(commands, seconds)

    def user_of(self, message: TextMessage) -> User:
        """Return who asks; one whose key is new has no more of the air than others who may be anybody."""
        user = self._authenticated(message)
        is_newcomer = all(map(self._nodes.is_newcomer, self._nodes.numbers(message.sender)))
        return replace(user, is_newcomer=is_newcomer)

    def _authenticated(self, message: TextMessage) -> User:
        """Return who asks; until the keys and the commands before the start are read, nobody is proven by them."""
        num = message.sender
        numbers, key = self._nodes.numbers(num), self._nodes.public_key(num)
        named, is_disputed = any(map(self._nodes.is_named, numbers)), self._nodes.has_pending_key(num)
        user = self._roles.user_of(message, key, numbers, named=named, is_disputed=is_disputed)
        if user.role is Role.ADMIN and not self._admin_replays.is_ready:
            return replace(user, role=Role.KNOWN, admin_auth_failure=AuthFailure.NOT_LOADED)
        if user.role is Role.ADMIN and not self._is_sure(message):
            return replace(user, role=Role.KNOWN, admin_auth_failure=AuthFailure.UNVERIFIED_KEY)
        if user.role is not Role.ADMIN and user.auth_failure is None and self._is_admins_new_number(num):
            return replace(user, admin_auth_failure=AuthFailure.NEW_NUMBER)
        if AuthFailure.NO_KEY in {user.admin_auth_failure, user.auth_failure} and not self._nodes.is_loaded:
            return replace(
                user,
                admin_auth_failure=user.admin_auth_failure and AuthFailure.NOT_LOADED,
                auth_failure=AuthFailure.NOT_LOADED,
            )
        return user

    def _is_sure(self, message: TextMessage) -> bool:
        """Return whether an admin's key is: a listed one needs nobody's word, one of a listed number does."""
        return self._roles.admins.has_key(message.public_key) or self._nodes.is_vouched(message.sender)

    def _is_admins_new_number(self, num: int) -> bool:
        candidate = self._nodes.candidate(num)
        return candidate is not None and self._roles.admins.has_number([candidate.old_num])

    def check(self, user: User, message: TextMessage, command: Command | None, now: float) -> Refusal | None:
        """See CommandPolicy; each command runs, or is refused, once. A replay counts for nobody's limit."""
        is_admin_command = command is not None and command.role is Role.ADMIN and user.role is Role.ADMIN
        if not is_admin_command and self._other_replays.is_known(message.sender, message.packet_id):
            return Refusal("commande déjà reçue, paquet rejoué", logging.DEBUG)
        refusal = self._policy.check(user, command, now, is_public=message.is_broadcast)
        if is_admin_command and refusal is None:
            is_new = self._admin_replays.is_new(message.sender, message.packet_id)
            return None if is_new else Refusal("ordre déjà reçu, paquet rejoué", logging.WARNING)
        # without a packet id it cannot be distinguished from the next one
        self._other_replays.is_new(message.sender, message.packet_id)
        return refusal


def _refuse(user: User, command: Command, *, is_public: bool) -> Refusal:
    if command.role is Role.ADMIN and user.admin_auth_failure is not None:
        return Refusal(user.admin_auth_failure.value, logging.WARNING, ANSWERS.get(user.admin_auth_failure, ""))
    reason = f"réservée ({command.role.name.lower()})"
    # it may be another bot's command
    if is_public:
        return Refusal(reason)
    if command.role is Role.KNOWN and user.is_node:
        return Refusal(reason, answer=_("⛔ /{name} is for nodes that I know."))
    return Refusal(reason, answer=_("⛔ /{name} is not open to you."))
