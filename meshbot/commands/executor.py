"""Runs commands in worker threads that may hang: each has a time limit, slow commands have their own threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Generic, TypeVar

from meshbot.commands.language import Translate
from meshbot.commands.language import mark as _
from meshbot.commands.registry import Command, Request
from meshbot.commands.roles import User
from meshbot.runtime import Clock, WorkerPool, log
from meshbot.storage import StorageError

LOGGER = logging.getLogger(__name__)
error_print = LOGGER.error
# Commands; their answers alone take two minutes of pacing
WAITING_LIMIT = 50
# Commands with which strangers get no further one
COMMANDS_OF_STRANGERS = 25
# Commands that hang for good; with so many no further one is accepted
LOST_WORKERS_LIMIT = 8

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """Limits for commands; see config.py for each."""

    workers: int
    slow_workers: int  # for commands that wait for other servers or nodes
    timeout: float  # seconds that a command may take unless it has its own limit
    answer_ttl: float  # seconds that an answer may wait for the link


@dataclass(frozen=True, eq=False, slots=True)
class Job(Generic[Q]):
    """One running command; `question` is what its caller needs to send the answer back."""

    question: Q
    request: Request
    command: Command


@dataclass(frozen=True, slots=True)
class InterimAnswer(Generic[Q]):
    """What a command sends before its answer."""

    job: Job[Q]
    text: str


@dataclass(frozen=True, slots=True)
class JobResult(Generic[Q]):
    """The answer of a command that has ended."""

    job: Job[Q]
    answer: str


class CommandExecutor(Generic[Q]):
    """Runs commands for one thread, which gets their InterimAnswer and JobResult from `tell`."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        limits: CommandLimits,
        tr: Translate,
        tell: Callable[[InterimAnswer[Q] | JobResult[Q]], object],
    ) -> None:
        """`name` is the prefix of its threads' names; `tell` runs on them and only puts into an inbox."""
        self._clock = clock
        self._limits = limits
        self._translate = tr
        self._tell = tell
        self._pool: WorkerPool[Job[Q]] = WorkerPool(name, self._work)
        self._slow_pool: WorkerPool[Job[Q]] = WorkerPool(f"{name}-Slow", self._work)
        self._running: dict[Job[Q], float] = {}  # when each must be done
        self._lost: set[Job[Q]] = set()  # each holds a thread that may never end

    def start(self, *, slow: bool) -> None:
        """Start the threads, those for slow commands only if there are any."""
        self._pool.start(self._limits.workers)
        if slow:
            self._slow_pool.start(self._limits.slow_workers)

    def set_limits(self, limits: CommandLimits) -> None:
        """Take other limits, with the same numbers of workers; what runs keeps its own."""
        self._limits = limits

    def stop(self) -> None:
        """Ask the threads to end; returns at once."""
        self._pool.stop()
        self._slow_pool.stop()

    @property
    def deadline(self) -> float:
        """When `overdue` is to be called (monotonic seconds), inf for never."""
        return min(self._running.values(), default=inf)

    @property
    def is_stuck(self) -> bool:
        """Whether so many commands hang for good that no further one of their kind is accepted; any thread may ask."""
        slow = [job.command.slow for job in tuple(self._lost)]
        return max(slow.count(True), slow.count(False)) >= LOST_WORKERS_LIMIT

    def busy_answer(self, command: Command, user: User, tr: Translate | None = None) -> str:
        """Return the answer if the command cannot start now, else an empty one; slow and fast ones count apart.

        `tr` is the asker's language, if not that of all.
        """
        tr = tr or self._translate
        limit = COMMANDS_OF_STRANGERS if user.is_stranger else WAITING_LIMIT
        running = [job for job in self._running if job.command.slow == command.slow]
        lost = sum(job.command.slow == command.slow for job in self._lost)
        is_refused = len(running) >= limit or lost >= LOST_WORKERS_LIMIT or self._is_queue_full(command, running)
        if is_refused or (command.slow and user.is_stranger and self._have_their_share(running)):
            LOGGER.warning(
                "⚠️ Trop de commandes en cours: /%s refusée", command.name, extra=log.about(command=command.name)
            )
            return tr(_("🚦 Too busy, please ask again in a minute."))
        if command.slow and any(job.command is command and job.request.user.account == user.account for job in running):
            text = tr(_("⏳ I am still working on your previous /{name}."))
            return text.format(name=command.name)
        return ""

    def _have_their_share(self, running: Sequence[Job[Q]]) -> bool:
        """Whether strangers use all slow workers but one, which is for people who are who they say."""
        share = max(1, self._limits.slow_workers - 1)
        return sum(job.request.user.is_stranger for job in running) >= share

    def _is_queue_full(self, command: Command, running: Sequence[Job[Q]]) -> bool:
        if command.queue_limit is None:
            return False
        workers = self._limits.slow_workers if command.slow else self._limits.workers
        return sum(job.command is command for job in running) >= workers + command.queue_limit

    def submit(self, job: Job[Q]) -> None:
        """Have a command run; call `busy_answer` first."""
        timeout = self._limits.timeout if job.command.timeout is None else job.command.timeout
        self._running[job] = self._clock.monotonic() + timeout
        self._pool_of(job.command).submit(job)

    def overdue(self) -> list[tuple[Job[Q], str]]:
        """Give up the commands that take too long, and their threads; return an answer for each."""
        now = self._clock.monotonic()
        late = [job for job, due in self._running.items() if due <= now]
        # all of them before the first thread is replaced: the new one must not begin with one of them
        for job in late:
            del self._running[job]
        for job in late:
            if self._pool_of(job.command).replace_worker(job):
                self._lost.add(job)
            about = log.about(command=job.command.name)
            error_print("❌ Commande /%s sans fin: abandonnée", job.request.command, extra=about)
        text = _("⌛ /{name} took too long.")
        return [(job, job.request.translate(text).format(name=job.request.command)) for job in late]

    def is_current(self, interim: InterimAnswer[Q]) -> bool:
        """Whether its asker still waits for the answer."""
        return interim.job in self._running

    def finish(self, result: JobResult[Q]) -> bool:
        """Take note of a command's end; return whether its asker still waits."""
        # its thread has ended after all; the asker already has an answer
        self._lost.discard(result.job)
        return self._running.pop(result.job, None) is not None

    def _pool_of(self, command: Command) -> WorkerPool[Job[Q]]:
        return self._slow_pool if command.slow else self._pool

    def _work(self, job: Job[Q]) -> None:
        """Run one command, on a worker's thread."""
        # given up while it waited: too late to run
        answer = self._run(job) if job in self._running else ""
        self._tell(JobResult(job, answer))

    def _run(self, job: Job[Q]) -> str:
        try:
            return job.command.run(replace(job.request, send_interim=partial(self._send_interim, job)))
        except StorageError as error:
            LOGGER.warning("⚠️ Commande /%s: %s", job.request.command, error, extra=log.about(command=job.command.name))
            return job.request.translate(_("⚠️ My memory cannot be read at the moment. Try again later."))
        except (Exception, SystemExit) as exc:
            # an error in one command gets an answer and must not end the bot
            # the error may quote the argument
            private = job.command.private
            shown, about = log.MASK if private else exc, log.about(command=job.command.name)
            error_print("❌ Commande /%s: %s: %s", job.request.command, type(exc).__name__, shown, extra=about)
            LOGGER.debug("Commande /%s", job.request.command, exc_info=not private)
            answer = job.request.translate(_("⚠️ /{name} failed, the operator can see why in the log."))
            return answer.format(name=job.request.command)

    def _send_interim(self, job: Job[Q], text: str) -> None:
        self._tell(InterimAnswer(job, text))
