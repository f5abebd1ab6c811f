"""Whether a command runs for the one who asks: by role, by limit, and each order of an admin once."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Protocol

from commands.language import mark as _
from commands.rate_limit import Admission, RateLimiter
from commands.registry import Command
from commands.roles import Doubt, MeshRoles, Role, User
from mesh_link.packets import TextMessage

ORDERS_REMEMBERED = 1000  # packet ids of admins' commands
ANSWERS = {
    Doubt.MQTT: _("🔒 /{name} is not taken by MQTT."),
    Doubt.CLEAR: _("🔒 /{name} needs a message encrypted with your public key."),
    Doubt.NO_KEY: _("🔒 I have no public key of yours yet."),
    Doubt.OTHER_KEY: _("🔒 Your public key is not the one I trust: have it checked by the operator."),
}


class KnownNodes(Protocol):
    """What has to be known of a sender; never waits."""

    def public_key(self, num: int) -> bytes | None:
        """Return the node's trusted key."""

    def is_named(self, num: int) -> bool:
        """Return whether the node has told its name."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command does not run."""

    reason: str  # for the log
    level: int = logging.INFO
    answer: str = ""  # English, marked for the catalogs, with {name} for the command; empty: silence


@dataclass(frozen=True, slots=True)
class Question:
    """What a judge has to know of a question."""

    order: tuple[Any, ...] | None  # tells it from all others of its way in; None: it cannot be told
    is_public: bool = False  # others read it too, and it may be meant for another bot


class Judge:
    """Judges each command once, whatever way it came in by."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._orders: OrderedDict[tuple[Any, ...], None] = OrderedDict()

    def judge(self, user: User, question: Question, command: Command | None, now: float) -> Refusal | None:
        """Return why the command may not run, None if it may. Call it once a question; a None command is unknown."""
        if user.role is not Role.ADMIN and (refusal := self._limit(user, now)):  # an admin's proof cannot be forged
            return refusal
        if command is None:
            return None
        if user.role < command.role:
            return _refuse(user, question, command)
        if command.role is Role.ADMIN and self._was_ordered(question):
            return Refusal("ordre déjà reçu, paquet rejoué", logging.WARNING)
        return None

    def _limit(self, user: User, now: float) -> Refusal | None:
        match self._limiter.ask(user.key, now):
            case Admission.REFUSED as admission:
                answer = _("🚦 That is a lot of commands: please pause for a few minutes.")
                return Refusal(admission.value, logging.INFO, answer)
            case Admission.IGNORED as admission:
                return Refusal(admission.value, logging.DEBUG)
        return None

    def _was_ordered(self, question: Question) -> bool:
        """Note an order. Strangers cannot push it out of this memory, as they can out of the gate's."""
        if question.order is None:
            return True
        known = question.order in self._orders
        self._orders[question.order] = None
        if len(self._orders) > ORDERS_REMEMBERED:
            self._orders.popitem(last=False)
        return known


class Access:
    """Knows mesh users by their messages, and judges what they ask."""

    def __init__(self, roles: MeshRoles, nodes: KnownNodes, limiter: RateLimiter) -> None:
        self._roles = roles
        self._nodes = nodes
        self._judge = Judge(limiter)

    def user_of(self, message: TextMessage) -> User:
        """Return who asks."""
        num = message.sender
        return self._roles.user_of(message, self._nodes.public_key(num), named=self._nodes.is_named(num))

    def judge(self, user: User, message: TextMessage, command: Command | None, now: float) -> Refusal | None:
        """See Judge."""
        order = (message.sender, message.packet_id) if message.packet_id else None
        return self._judge.judge(user, Question(order, message.is_broadcast), command, now)


def _refuse(user: User, question: Question, command: Command) -> Refusal:
    if command.role is Role.ADMIN and user.doubt is not None:
        return Refusal(user.doubt.value, logging.WARNING, ANSWERS.get(user.doubt, ""))
    reason = f"réservée ({command.role.name.lower()})"
    if question.is_public:  # it may be another bot's command
        return Refusal(reason)
    if command.role is Role.KNOWN and user.is_node:
        return Refusal(reason, answer=_("⛔ /{name} is for nodes that I know."))
    return Refusal(reason, answer=_("⛔ /{name} is not open to you."))
