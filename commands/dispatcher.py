"""The thread Mesh-Dispatcher: sorts what the mesh says, has commands run elsewhere, and sends their answers back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Protocol

from commands.access import Access, Refusal
from commands.gate import Gate, Verdict, return_path
from commands.language import Translate
from commands.language import mark as _
from commands.registry import Action, Command, Registry, Request, Way, parse
from commands.roles import Role, User
from mesh_link.afterwards import AfterAnswer
from mesh_link.outgoing import OutgoingText
from mesh_link.packets import (
    BadPacketError,
    NodeInfoHeard,
    PacketHeard,
    RoutingAnswer,
    TextMessage,
    heard,
    translate,
)
from mesh_link.reception import HeardPacket
from mesh_link.routes import RouteHeard
from runtime.clock import Clock
from runtime.journal import mask_command
from runtime.pool import WorkerPool
from runtime.service import Service
from runtime.throttle import Throttle

LOGGER = logging.getLogger(__name__)
info_print, error_print = LOGGER.info, LOGGER.error
INBOX_LIMIT = 1000  # packets: 20 s of the busiest mesh
WAITING_LIMIT = 50  # commands; their answers alone are two minutes of air
LOST_WORKERS_LIMIT = 8  # commands that hang for ever before none is accepted any more
NAME_SHOWN = 20  # characters of a command that is none
ANSWER_LEAVES_WITHIN = 10.0  # seconds for an answer to be confirmed by the node, before what was to follow it


class PacketSinks(Protocol):
    """Where the dispatcher sends what is not its own; each call only puts into an inbox."""

    def packet_heard(self, packet: PacketHeard) -> None:
        """Any packet came, also one that goes to another sink, or one for somebody else."""

    def node_info_heard(self, heard: NodeInfoHeard) -> None:
        """A NODEINFO packet came."""

    def routing_answer(self, answer: RoutingAnswer) -> None:
        """One of our packets was acknowledged or refused."""

    def route_heard(self, route: RouteHeard) -> None:
        """One of our traceroutes was answered."""

    def send_text(self, message: OutgoingText) -> None:
        """Queue an answer for the radio."""

    def after_answer(self, order: AfterAnswer) -> None:
        """Have something done once an answer, queued after this, has left."""


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """Bounds of the work; config.py says what each is for."""

    workers: int = 2
    slow_workers: int = 4  # for the commands that wait for other computers
    timeout: float = 30.0  # seconds a command may take unless it says otherwise
    answer_ttl: float = 120.0  # seconds an answer may wait for the link


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """One question under work."""

    message: TextMessage
    request: Request
    command: Command


@dataclass(frozen=True, slots=True)
class Interim:
    """What a command says before its answer."""

    job: Job
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker's result."""

    job: Job
    answer: str


class Dispatcher(Service):
    """Takes HeardPacket (through `offer`) and its workers' results."""

    name = "Mesh-Dispatcher"

    def __init__(  # noqa: PLR0917 - its collaborators, each once
        self,
        clock: Clock,
        registry: Registry,
        gate: Gate,
        access: Access,
        tr: Translate,
        limits: CommandLimits,
        sinks: PacketSinks,
    ) -> None:
        super().__init__(clock, INBOX_LIMIT)
        self._registry = registry.on(Way.MESH)
        self._gate = gate
        self._access = access
        self._translate = tr
        self._limits = limits
        self._sinks = sinks
        self._pool: WorkerPool[Job] = WorkerPool("Commands", self._work)
        self._slow_pool: WorkerPool[Job] = WorkerPool("Commands-Slow", self._work)
        self._running: dict[Job, float] = {}  # when each must be done
        self._lost: set[Job] = set()  # each holds a thread that may never come back
        self._bad_packets = Throttle(60.0)

    # -- service

    def on_start(self) -> None:
        """See Service."""
        self._pool.start(self._limits.workers)
        if any(command.slow for command in self._registry):
            self._slow_pool.start(self._limits.slow_workers)

    def on_stop(self) -> None:
        """See Service."""
        self._pool.stop()
        self._slow_pool.stop()

    def deadline(self) -> float:
        """See Service."""
        return min(self._running.values(), default=inf)

    def on_deadline(self) -> None:
        """Apologise for the commands that take too long, and give their threads up."""
        now = self._clock.monotonic()
        late = [job for job, due in self._running.items() if due <= now]
        for job in late:  # all before the first thread is replaced: the new one must not begin with one of them
            del self._running[job]
        for job in late:
            if self._pool_of(job.command).replace_worker(job):
                self._lost.add(job)
            error_print("❌ Commande /%s sans fin: abandonnée", job.request.command)
            self._answer(job.message, self._translate(_("⌛ /{name} took too long.")).format(name=job.request.command))

    def handle(self, message: HeardPacket | Interim | Finished) -> None:
        """See Service."""
        match message:
            case Finished():
                self._finish(message)
            case Interim():
                self._say_meanwhile(message)
            case _:
                self._on_packet(message)

    def _on_packet(self, message: HeardPacket) -> None:
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
            case NodeInfoHeard():
                self._sinks.node_info_heard(packet)
            case RoutingAnswer():
                self._sinks.routing_answer(packet)
            case RouteHeard():
                self._sinks.route_heard(packet)

    # -- questions

    def _on_text(self, message: TextMessage, own_num: int) -> None:
        info_print(
            "📨 MESSAGE BRUT: '%s' | from=0x%08x | to=0x%08x | broadcast=%s",
            mask_command(message.text),
            message.sender,
            message.to,
            message.is_broadcast,
        )
        verdict = self._gate.judge(message, own_num, self._clock.now().timestamp())
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
        if reason := self._obstacle(message, command):
            self._answer(message, reason)
            return
        job = Job(message, self._request(message, user, name, argument), command)
        timeout = self._limits.timeout if command.timeout is None else command.timeout
        self._running[job] = self._clock.monotonic() + timeout
        self._pool_of(command).submit(job)

    def _obstacle(self, message: TextMessage, command: Command) -> str:
        """Say why the command cannot start now, or nothing; slow and fast ones do not bar each other."""
        running = [job for job in self._running if job.command.slow == command.slow]
        lost = sum(job.command.slow == command.slow for job in self._lost)
        if len(running) >= WAITING_LIMIT or lost >= LOST_WORKERS_LIMIT:
            LOGGER.warning("⚠️ Trop de commandes en cours: /%s refusée", command.name)
            return self._translate(_("🚦 Too busy, please ask again in a minute."))
        if command.slow and any(job.command is command and job.message.sender == message.sender for job in running):
            text = self._translate(_("⏳ I am still working on your previous /{name}."))
            return text.format(name=command.name)
        return ""

    def _pool_of(self, command: Command) -> WorkerPool[Job]:
        return self._slow_pool if command.slow else self._pool

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

    def _work(self, job: Job) -> None:
        """Run one command, on a worker's thread."""
        answer = self._run(job) if job in self._running else ""  # given up while it waited: too late to run
        self.tell(Finished(job, answer))

    def _run(self, job: Job) -> str:
        try:
            return job.command.run(replace(job.request, say=partial(self._say, job)))
        except (Exception, SystemExit) as exc:  # a command's fault is its own: the asker is told, the bot goes on
            error_print("❌ Commande /%s: %s: %s", job.request.command, type(exc).__name__, exc)
            LOGGER.debug("Commande /%s", job.request.command, exc_info=True)
            answer = self._translate(_("⚠️ /{name} failed, the operator can see why in the log."))
            return answer.format(name=job.request.command)

    def _say(self, job: Job, text: str) -> None:
        """Take an interim answer, on a worker's thread."""
        self.tell(Interim(job, text))

    def _say_meanwhile(self, interim: Interim) -> None:
        if interim.job in self._running:  # else its asker has had a last answer already
            self._answer(interim.job.message, interim.text)

    def _finish(self, finished: Finished) -> None:
        self._lost.discard(finished.job)  # it came back after all; its asker has had an answer
        if self._running.pop(finished.job, None) is not None and finished.answer:
            self._answer(finished.job.message, finished.answer)

    def _answer(self, message: TextMessage, text: str, *, private: bool = False) -> None:
        path = return_path(message, private=private)
        expires_at = self._clock.monotonic() + self._limits.answer_ttl
        self._sinks.send_text(OutgoingText(text, path.to, path.channel, path.reply_id, path.want_ack, expires_at))
