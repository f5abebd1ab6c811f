"""The thread Mesh-Dispatcher: sorts what the mesh says, has commands run elsewhere, and sends their answers back."""

from __future__ import annotations

import logging
from functools import partial
from typing import Protocol

from meshbot.commands.access import Access, Refusal
from meshbot.commands.executor import CommandExecutor, CommandLimits, InterimAnswer, Job, JobResult
from meshbot.commands.filter import MessageFilter, Verdict, return_path
from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Action, Registry, Request, Way, parse
from meshbot.commands.roles import Role, User
from meshbot.mesh_link import (
    BROADCAST_NUM,
    BadPacketError,
    NodeInfoPacket,
    PacketRecord,
    RawPacket,
    RoutingAnswer,
    TextMessage,
    TracerouteReply,
    heard,
    translate,
)
from meshbot.runtime import PASSWORD_COMMANDS, Clock, Service, Throttle, mask_command
from meshbot.sending import AfterAnswer, OutgoingText

LOGGER = logging.getLogger(__name__)
info_print = LOGGER.info
INBOX_LIMIT = 1000  # packets: 20 s of the busiest mesh
NAME_SHOWN = 20  # characters of a command that is none
NO_COMMAND = "› "  # before an answer that every other bot on the channel would take for a command
HEARD_BEFORE = (Verdict.OWN, Verdict.REPEATED)
ANSWER_LEAVES_WITHIN = 10.0  # seconds for an answer to be confirmed by the node, before what was to follow it


class PacketSinks(Protocol):
    """Where the dispatcher sends what is not its own; each call only puts into an inbox."""

    def packet_heard(self, packet: PacketRecord) -> None:
        """Any packet came, also one that goes to another sink, or one for somebody else."""

    def node_info_heard(self, heard: NodeInfoPacket) -> None:
        """A NODEINFO packet came."""

    def routing_answer(self, answer: RoutingAnswer) -> None:
        """One of our packets was acknowledged or refused."""

    def route_heard(self, route: TracerouteReply) -> None:
        """One of our traceroutes was answered."""

    def text_heard(self, message: TextMessage) -> None:
        """Somebody said something on a channel, for the first time; it may be a command."""

    def send_text(self, message: OutgoingText) -> None:
        """Queue an answer for the radio."""

    def after_answer(self, order: AfterAnswer) -> None:
        """Have something done once an answer, queued after this, has left."""


class Dispatcher(Service):
    """Takes RawPacket (through `offer`) and its workers' results."""

    name = "Mesh-Dispatcher"

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        clock: Clock,
        registry: Registry,
        gate: MessageFilter,
        access: Access,
        tr: Translate,
        limits: CommandLimits,
        sinks: PacketSinks,
    ) -> None:
        super().__init__(clock, INBOX_LIMIT)
        self._registry = registry.on(Way.MESH)
        private = (name for command in self._registry if command.private for name in (command.name, *command.aliases))
        self._masked = (*PASSWORD_COMMANDS, *(PREFIX + name for name in private))
        self._gate = gate
        self._access = access
        self._translate = tr
        self._limits = limits
        self._sinks = sinks
        self._workshop: CommandExecutor[TextMessage] = CommandExecutor("Commands", clock, limits, tr, self.tell)
        self._bad_packets = Throttle(60.0)

    # -- service

    def on_start(self) -> None:
        """See Service."""
        self._workshop.start(slow=any(command.slow for command in self._registry))

    def on_stop(self) -> None:
        """See Service."""
        self._workshop.stop()

    def deadline(self) -> float:
        """See Service."""
        return self._workshop.deadline

    def on_deadline(self) -> None:
        """Apologise for the commands that take too long."""
        for job, apology in self._workshop.overdue():
            self._answer(job.question, apology)

    def handle(self, message: RawPacket | InterimAnswer[TextMessage] | JobResult[TextMessage]) -> None:
        """See Service."""
        match message:
            case JobResult():
                if self._workshop.finish(message) and message.answer:
                    self._answer(message.job.question, message.answer)
            case InterimAnswer():
                if self._workshop.is_current(message):
                    self._answer(message.job.question, message.text)
            case _:
                self._on_packet(message)

    def _on_packet(self, message: RawPacket) -> None:
        try:
            self._sinks.packet_heard(heard(message.packet))
            packet = translate(message.packet)
        except BadPacketError as exc:
            if count := self._bad_packets.count(self._clock.monotonic()):
                LOGGER.warning("⚠️ Paquet incorrect ignoré (%d): %s", count, exc)
            return
        match packet:
            case TextMessage():
                self._on_text(packet, message.own_num)
            case NodeInfoPacket():
                self._sinks.node_info_heard(packet)
            case RoutingAnswer():
                self._sinks.routing_answer(packet)
            case TracerouteReply():
                self._sinks.route_heard(packet)

    # -- questions

    def _on_text(self, message: TextMessage, own_num: int) -> None:
        info_print(
            "📨 MESSAGE BRUT: '%s' | from=0x%08x | to=0x%08x | broadcast=%s",
            mask_command(message.text, self._masked),
            message.sender,
            message.to,
            message.is_broadcast,
        )
        verdict = self._gate.judge(message, own_num, self._clock.now().timestamp())
        if message.is_broadcast and verdict not in HEARD_BEFORE:
            self._sinks.text_heard(message)
        if verdict is Verdict.ANSWER:
            self._start(message)
        elif verdict is Verdict.STALE:
            info_print("⏳ Commande de 0x%08x trop ancienne, sans réponse", message.sender)
        else:
            LOGGER.debug("Message 0x%08x: %s", message.packet_id, verdict.value)

    def _start(self, message: TextMessage) -> None:
        parsed = parse(message.text)
        if parsed is None:
            return
        name, argument = parsed
        command = self._registry.to_run(name, argument)
        if command is None and message.is_broadcast:  # it may be another bot's
            return
        user = self._access.user_of(message)
        if refusal := self._access.judge(user, message, command, self._clock.monotonic()):
            self._refuse(message, name, refusal)
            return
        if command is None:
            self._unknown(message, name)
            return
        if command.role is Role.ADMIN:
            info_print("🛠️ /%s demandée par l'administrateur 0x%08x", command.name, message.sender)
        if reason := self._workshop.obstacle(command, user.key):
            self._answer(message, reason)
            return
        self._workshop.submit(Job(message, self._request(message, user, name, argument), command))

    def _request(self, message: TextMessage, user: User, name: str, argument: str) -> Request:
        return Request(
            name,
            argument,
            message.sender,
            message.reception,
            self._translate,
            tuple(command for command in self._registry if command.role <= user.role),
            user=user,
            channel=message.channel if message.is_broadcast else None,
            afterwards=partial(self._afterwards, message),
        )

    def _afterwards(self, message: TextMessage, action: Action) -> None:
        """Take what a command wants done behind its answer, on a worker's thread."""
        path = return_path(message)
        until = self._clock.monotonic() + ANSWER_LEAVES_WITHIN
        self._sinks.after_answer(AfterAnswer(path.to, path.reply_id, action, until))

    def _refuse(self, message: TextMessage, name: str, refusal: Refusal) -> None:
        """Say no to the asker alone, wherever the question was asked."""
        LOGGER.log(refusal.level, "⛔ /%s de 0x%08x refusée: %s", name[:NAME_SHOWN], message.sender, refusal.reason)
        if refusal.answer:
            text = self._translate(refusal.answer).format(name=name[:NAME_SHOWN])
            self._answer(message, text, private=True)

    def _unknown(self, message: TextMessage, name: str) -> None:
        text = self._translate(_("Unknown command /{name}. /help lists mine."))
        self._answer(message, text.format(name=name[:NAME_SHOWN]))

    def _answer(self, message: TextMessage, text: str, *, private: bool = False) -> None:
        path = return_path(message, private=private)
        if path.to == BROADCAST_NUM and text.lstrip().startswith(PREFIX):
            text = NO_COMMAND + text
        expires_at = self._clock.monotonic() + self._limits.answer_ttl
        self._sinks.send_text(OutgoingText(text, path.to, path.channel, path.reply_id, path.want_ack, expires_at))
