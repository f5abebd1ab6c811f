"""/bot: asks the assistant, a language model, with each user's last messages as context."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from meshbot.commands.formatting import HOUR
from meshbot.commands.language import mark as _
from meshbot.commands.registry import PREFIX, Command, Example, Request
from meshbot.runtime import Clock, TimedCache
from meshbot.text import shorten
from meshbot.web import Fault, Message, WebError

LOGGER = logging.getLogger(__name__)
WAIT = "⏳"
CONTEXT_MESSAGES = 6  # of a user, answers included
CONTEXT_LIFETIME = 1800.0  # seconds after the last answer
# Conversations: at most 2.4 MB with texts of 4,000 bytes
CONTEXT_USERS = 100
# Questions that wait: the last one for minutes
QUEUE_LIMIT: Final = 5
ANSWER_MARGIN = 5.0  # seconds between the client's limit and the executor's
ERROR_ANSWERS: Final = {
    Fault.UNREACHABLE: _("🤖 The assistant cannot be reached at the moment. Try again later."),
    Fault.TIMEOUT: _("⌛ The assistant thinks for too long. Try a simpler question."),
    Fault.BUSY: _("🚦 The assistant has too much to do. Try again later."),
    Fault.REFUSED: _("⚠️ The assistant refused to answer, the operator can see why in the log."),
    Fault.INVALID: _("🤖 The assistant found no answer. Try another question."),
}
ConversationKey = tuple[str, int | None, bool]  # user, channel, whether in a group


class Assistant(Protocol):
    """A language model; blocks for a limited time and raises WebError."""

    def ask(self, conversation: Sequence[Message], on_wait: Callable[[], None]) -> str:
        """Return the answer to the conversation's last message; call `on_wait` once if it takes long."""


class HourlyLimit:
    """At most so many questions in any hour, half of them by users who may be forged. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # protects what follows
        self._lock = threading.Lock()
        self._asked: deque[tuple[float, bool]] = deque()

    def take(self, now: float, *, proven: bool) -> bool:
        """Count a question at `now` (monotonic seconds) if there is room for it; return whether there is."""
        with self._lock:
            while self._asked and self._asked[0][0] <= now - HOUR:
                self._asked.popleft()
            unproven = sum(not each for _at, each in self._asked)
            if len(self._asked) >= self._limit or not (proven or unproven < (self._limit + 1) // 2):
                return False
            self._asked.append((now, proven))
            return True


def bot_command(assistant: Assistant, clock: Clock, max_bytes: int, timeout: float, hourly: int) -> Command:
    """Make the command; answers by radio have at most `max_bytes`; the assistant takes at most `timeout` seconds.

    `hourly` bounds the questions of all users together.
    """
    limit = HourlyLimit(hourly)
    conversations: TimedCache[ConversationKey, tuple[Message, ...]] = TimedCache(CONTEXT_LIFETIME, CONTEXT_USERS)

    def run(request: Request) -> str:
        tr = request.translate
        if not request.argument:
            text = tr(_("What do you want to know? For example: {question} how does a mesh work?"))
            return text.format(question=PREFIX + request.command)
        if not limit.take(clock.monotonic(), proven=request.user.is_established):
            LOGGER.info("🚦 Assistant: %d questions en une heure, une de plus est refusée (bot_hourly_limit)", hourly)
            return tr(ERROR_ANSWERS[Fault.BUSY])
        key = _conversation_key(request)
        known = conversations.get(key, clock.monotonic())
        conversation = (*(known[0] if known else ()), Message("user", request.argument))
        try:
            answer = assistant.ask(conversation, lambda: request.send_interim(WAIT))
        except WebError as error:
            LOGGER.warning("⚠️ Assistant: %s", error)
            return tr(ERROR_ANSWERS[error.fault])
        answer = shorten(answer, request.limit if request.wide else max_bytes)
        kept = (*conversation, Message("assistant", answer))[-CONTEXT_MESSAGES:]
        conversations.put(key, kept, clock.monotonic())
        return answer

    return Command(
        name="bot",
        aliases=("ai", "ia"),
        usage=_("<your question>"),
        summary=_("asks the assistant, who remembers your last questions for 30 min"),
        run=run,
        slow=True,
        private=True,
        queue_limit=QUEUE_LIMIT,
        timeout=timeout + ANSWER_MARGIN,
        examples=(
            Example("/bot", "What do you want to know? For example: /bot how does a mesh work?"),
            Example("/bot capital of Peru?", "Lima."),
        ),
    )


def _conversation_key(request: Request) -> ConversationKey:
    """Return the conversation's key: what was private stays out of groups, channels and unproven messages."""
    return request.user.account, request.channel, request.in_group
