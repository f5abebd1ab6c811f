"""What is done for a client of the control socket: commands on threads of their own, texts into the send queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final, Protocol

from meshbot.commands import (
    CHAT_BYTES,
    PREFIX,
    UNKNOWN_RECEPTION,
    Command,
    CommandExecutor,
    CommandLimits,
    Directory,
    InterimAnswer,
    Job,
    JobResult,
    Platform,
    Registry,
    Request,
    Role,
    Translate,
    User,
    bare,
    parse,
)
from meshbot.commands import mark as _
from meshbot.control.follower import LogFollower, LogLine
from meshbot.control.protocol import Error, Query, RefusedError, Verb, refusal
from meshbot.control.protocol import parse as parse_line
from meshbot.control.saying import outcome_of, outgoing
from meshbot.mesh_link import Channel
from meshbot.runtime import Clock
from meshbot.sending import ControlOrigin, DeliveryReport, OutgoingText, new_packet_id

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
# Threads, beside those for the mesh: one operator at a terminal
WORKERS: Final = 1
OPERATOR: Final = User("control", Role.ADMIN)
Answer = Mapping[str, Any]


class Client(Protocol):
    """Who asks; its requests come one after the other."""

    is_busy: bool
    follows_log: bool

    def answer(self, body: Answer) -> None:
        """Have an answer written."""

    def log(self, body: Answer) -> None:
        """Have a line of the log written."""


class Reloaded(Protocol):
    """What came of reading the settings again."""

    @property
    def ok(self) -> bool:
        """Whether they are in force."""

    def text(self, tr: Translate) -> str:
        """Return what has changed, what needs a restart, or why nothing was taken."""
        ...


@dataclass(frozen=True, slots=True)
class DeskParts:
    """The parts of the bot that the desk works with."""

    clock: Clock
    commands: Sequence[Command]
    limits: Callable[[], CommandLimits]  # those in force
    translators: Mapping[str, Translate]  # by language
    language: str  # of the answers, where a request names none
    directory: Directory
    channels: Callable[[], tuple[Channel, ...] | None]
    has_link: Callable[[], bool]
    status: Callable[[], Answer]
    send: Callable[[OutgoingText], object]  # only puts into an inbox
    max_bytes: Callable[[], int]  # of a text that goes on air
    text_lifetime: Callable[[], float]  # seconds for which it may wait
    reload: Callable[[], Reloaded] | None = None  # None: the bot cannot


class Desk:
    """Used by the thread Control alone; its executor has threads of its own, which start with the first command."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self.translate = parts.translators[parts.language]
        self._registry = Registry(parts.commands).on(Platform.CONSOLE)
        self._reload = _reload_command(parts.reload) if parts.reload else None
        self._tell: Callable[[object], object] = bool
        self._executor: CommandExecutor[Client] | None = None
        self._waiting: dict[int, tuple[Client, Translate]] = {}  # for a text's delivery, by its origin's number
        self._follower = LogFollower()

    def connect(self, tell: Callable[[object], object], offer: Callable[[object], bool]) -> None:
        """Take the inbox of the thread that handles: what workers say is told, lines of the log are offered."""
        self._tell = tell
        self._follower.connect(offer)

    def stop(self) -> None:
        """Ask the threads to end; returns at once."""
        self._follower.stop()
        if self._executor is not None:
            self._executor.stop()

    def gone(self, client: Client) -> None:
        """Forget a client; its texts go on air all the same."""
        self._waiting = {number: each for number, each in self._waiting.items() if each[0] is not client}
        self._follower.remove(client)

    @property
    def deadline(self) -> float:
        """When `on_deadline` is to be called (monotonic seconds), inf for never."""
        return inf if self._executor is None else self._executor.deadline

    def on_deadline(self) -> None:
        """Answer for the commands that take too long."""
        if self._executor is not None:
            for job, answer in self._executor.overdue():
                self._end(job.question, {"ok": False, "error": Error.FAILED.value, "text": answer})

    # -- requests

    def take(self, line: bytes, client: Client) -> None:
        """Take a client's next line: it is answered, now or later."""
        client.is_busy = True
        tr = self.translate
        try:
            query = parse_line(line)
            tr = self._parts.translators.get(query.language, tr)
            self._start(query, client, tr)
        except RefusedError as refused:
            self._end(client, refusal(refused, tr))
        # whatever is wrong with what was asked, the bot goes on
        except Exception as exc:
            error_print("❌ Socket de commande: %s: %s", type(exc).__name__, exc)
            LOGGER.debug("Socket de commande", exc_info=exc)
            failed = tr(_("The bot could not do that; its log says why."))
            self._end(client, {"ok": False, "error": Error.FAILED.value, "text": failed})

    def _start(self, query: Query, client: Client, tr: Translate) -> None:
        match query.verb:
            case Verb.STATUS:
                self._end(client, {"ok": True, **self._parts.status()})
            case Verb.LOG:
                client.follows_log = True
                self._follower.add(client)
            case Verb.SAY:
                self._say(query, client, tr)
            case Verb.COMMAND:
                self._command(query, client, tr)
            case Verb.SYNC if not self._parts.has_link():
                raise RefusedError(Error.NO_LINK, _("There is no link to the node at the moment."))
            case Verb.RECONNECT | Verb.SYNC:
                self._run(self._registry.find(query.verb), client, tr, name=query.verb)
            case Verb.RELOAD:
                self._run(self._reload, client, tr, name=query.verb)

    def _command(self, query: Query, client: Client, tr: Translate) -> None:
        name, argument = parse(query.text) or parse(PREFIX + query.text) or ("", "")
        command = self._registry.find_for(bare(name), argument)
        if command is None:
            raise RefusedError(Error.UNKNOWN_COMMAND, _("Unknown command /{name}. /help lists mine."), name=name[:20])
        self._run(command, client, tr, name=bare(name), argument=argument)

    def _run(self, command: Command | None, client: Client, tr: Translate, *, name: str, argument: str = "") -> None:
        if command is None:
            raise RefusedError(Error.NOT_AVAILABLE, _("This bot cannot do that."))
        executor = self._started()
        executor.set_limits(self._limits())
        if reason := executor.busy_answer(command, OPERATOR, tr):
            self._end(client, {"ok": False, "error": Error.BUSY.value, "text": reason})
            return
        request = self._request(name, argument, tr)
        executor.submit(Job(client, request, command))

    def _started(self) -> CommandExecutor[Client]:
        """Return the executor; nobody who never asks pays for its threads."""
        if self._executor is None:
            name = "Control-Commands"
            self._executor = CommandExecutor(name, self._parts.clock, self._limits(), self.translate, self._tell)
            self._executor.start(slow=any(command.slow for command in self._registry))
        return self._executor

    def _limits(self) -> CommandLimits:
        return replace(self._parts.limits(), workers=WORKERS, slow_workers=WORKERS)

    def _request(self, name: str, argument: str, tr: Translate) -> Request:
        return Request(
            name,
            argument,
            None,
            UNKNOWN_RECEPTION,
            tr,
            tuple(self._registry),
            user=OPERATOR,
            platform=Platform.CONSOLE,
            limit=CHAT_BYTES,
        )

    def _say(self, query: Query, client: Client, tr: Translate) -> None:
        number = new_packet_id()
        request = self._request(Verb.SAY, query.text, tr)
        expires_at = self._parts.clock.monotonic() + self._parts.text_lifetime()
        limit = self._parts.max_bytes()
        message, notice = outgoing(query, request, self._parts.directory, self._parts.channels(), limit)
        self._parts.send(message(ControlOrigin(number), expires_at))
        text = notice or tr(_("⏳ The text waits to go on air."))
        queued = {"ok": True, "id": number, "to": message.label, "status": "queued", "text": text}
        if not query.wait:
            self._end(client, queued)
            return
        self._waiting[number] = client, tr
        client.answer({**queued, "more": True})

    # -- what comes back

    def handle(self, message: object) -> None:
        """Take what the thread's inbox has."""
        match message:
            case JobResult():
                if self._executor is not None and self._executor.finish(message):
                    self._end(message.job.question, _answer_of(message.answer))
            case InterimAnswer():
                if self._executor is not None and self._executor.is_current(message):
                    message.job.question.answer({"ok": True, "more": True, "text": message.text})
            case DeliveryReport():
                self._report(message)
            case LogLine():
                self._follower.take(message)

    def _report(self, report: DeliveryReport) -> None:
        origin = report.message.origin
        waiting = self._waiting.get(origin.number) if isinstance(origin, ControlOrigin) else None
        if waiting is None or not isinstance(origin, ControlOrigin):
            return
        client, tr = waiting
        body = {"id": origin.number, **outcome_of(report, tr)}
        if not report.is_end:
            client.answer({**body, "more": True})
            return
        del self._waiting[origin.number]
        self._end(client, body)

    def _end(self, client: Client, body: Answer) -> None:
        # first the answer: one that cannot be written is followed by one that can
        client.answer(body)
        client.is_busy = False


class _Failure(str):
    """An answer that says what failed."""

    __slots__ = ()


def _answer_of(text: str) -> Answer:
    if isinstance(text, _Failure):
        return {"ok": False, "error": Error.FAILED.value, "text": str(text)}
    return {"ok": True, "text": text}


def _reload_command(reload: Callable[[], Reloaded]) -> Command:
    def run(request: Request) -> str:
        found = reload()
        text = found.text(request.translate)
        return text if found.ok else _Failure(text)

    return Command(name=Verb.RELOAD, summary="", run=run)
