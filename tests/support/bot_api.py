"""Telegram's Bot API over HTTP on loopback, from its public documentation, with its users and groups.

A bot uses `base_url` and `token`; python-telegram-bot wants `base_url=f"{api.base_url}/bot"`. What is not there:
channels, inline mode, files to download, Markdown (parse_mode may be HTML; entities work).
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from tests.support.bot_api_calls import ApiError, Call
from tests.support.bot_api_chats import Group, Room, Shown, TelegramUser, World
from tests.support.bot_api_faults import Exchange, Fault, Trouble
from tests.support.bot_api_http import Incoming, Line, Port, Reply, json_reply
from tests.support.bot_api_limits import Flood, Limits
from tests.support.bot_api_methods import Methods
from tests.support.bot_api_updates import Updates, WaitFor, success_body

PATIENCE = 30.0  # real seconds: only a failure waits so long
TOKEN = "8123456789:AAF" + "-No_Log_May_Ever_Show_This" + "_Token"
PATH = re.compile(r"/bot([^/]+)/(\w+)")
WELL_FORMED = re.compile(r"[1-9]\d*:[\w-]{35}")
COUNTED = {
    "sendmessage",
    "sendphoto",
    "editmessagetext",
    "editmessagecaption",
    "editmessagemedia",
    "editmessagereplymarkup",
}


@dataclass
class Request:
    """One call as it came."""

    method: str
    at: float  # time.monotonic()
    parameters: Mapping[str, str]
    files: Mapping[str, int]  # bytes
    code: int | None = None  # of the answer that was made, if one was


class BotApi:
    """Serves while in `with`."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        privacy: bool = False,
        longest_poll: float = 50.0,
        requests_kept: int = 10_000,
        messages_kept: int = 10_000,
        wait_for: WaitFor = threading.Condition.wait_for,
    ) -> None:
        """`clock`: Unix seconds, for dates and limits. `privacy`: in groups the bot sees what is meant for it only.

        `wait_for` does the server's own waits; `longest_poll`: seconds of the longest. `requests_kept`,
        `messages_kept` (in each chat): the oldest go.
        """
        self.token = TOKEN
        self.world = World(_bot(privacy=privacy), clock, messages_kept)
        self.flood = Flood(clock)
        self.requests: deque[Request] = deque(maxlen=requests_kept)
        self.counts: Counter[str] = Counter()  # requests since the start, by method
        self._troubles: list[Trouble] = []
        self._updates = Updates(self.world, longest_poll, wait_for)
        self._methods = _table(self._updates, Methods(self.world))
        self._port = Port(self._serve)
        self._wait_for = wait_for

    @property
    def base_url(self) -> str:
        """Return the server's root, without a slash at its end."""
        return f"http://127.0.0.1:{self._port.number}"

    def __enter__(self) -> Self:
        """Serve."""
        self._port.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Release what is held back, and stop; raise a failure of the server itself."""
        self.goes_offline()
        self._port.release()
        if self._port.failures:
            raise self._port.failures[0]

    # The users' side

    def user(self, user_id: int, name: str, language: str = "en", *, started: bool = True) -> TelegramUser:
        """Return a new user; `started`: has written to the bot before, which may therefore write first."""
        with self.world.changed:
            refusal = "" if started else "Forbidden: bot can't initiate conversation with a user"
            self.world.rooms[user_id] = Room(user_id, "private", name, refusal=refusal)
            user = self.world.users[user_id] = TelegramUser(self.world, user_id, name, language)
            return user

    def group(self, group_id: int, title: str, *, forum: bool = False) -> Group:
        """Return a new group with the bot in it; ids from -1000000000000 down are supergroups."""
        with self.world.changed:
            kind = "supergroup" if forum or group_id <= -1_000_000_000_000 else "group"
            self.world.rooms[group_id] = Room(group_id, kind, title, forum=forum)
            return Group(self.world, self.world.rooms[group_id])

    def raw_update(self, update: object) -> int:
        """Queue an update as it is, well-formed or not; return the number it gets if it is a dictionary without."""
        return self.world.raw_update(update)

    def messages(self, chat: int | TelegramUser | Group, *, by_bot: bool = False) -> list[Shown]:
        """Return what the chat shows now, oldest first; `by_bot`: without what users wrote."""
        with self.world.changed:
            shown = self.world.rooms[chat if isinstance(chat, int) else chat.id].shown.values()
            return [message for message in shown if message.by_bot or not by_bot]

    def wait_for(
        self,
        wanted: str | Callable[[Shown], object],
        chat: int | TelegramUser | Group | None = None,
        *,
        count: int = 1,
        timeout: float = PATIENCE,
    ) -> Shown:
        """Return the `count`-th of the bot's messages shown whose text matches, in that chat or any, waiting for it."""
        with self.world.changed:
            found: list[Shown] = []

            def enough() -> bool:
                found[:] = [m for m in self._shown_by_bot(chat) if _fits(m, wanted)]
                return len(found) >= count

            if not self.world.changed.wait_for(enough, timeout):
                shown = "\n".join(f"{m.chat}/{m.message_id}: {m.text}" for m in self._shown_by_bot(chat))
                raise AssertionError(f"{count} × {wanted!r} did not come; the bot's messages:\n{shown}")
            return found[count - 1]

    def wait_until(self, true: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait until the condition holds; it is asked whenever a request came or something changed here."""
        with self.world.changed:
            ok = self.world.changed.wait_for(lambda: bool(true()), timeout)
            assert ok, f"it did not come true; requests so far: {dict(self.counts)}"

    def _shown_by_bot(self, chat: int | TelegramUser | Group | None) -> list[Shown]:
        if chat is not None:
            return self.messages(chat, by_bot=True)
        return [message for room in self.world.rooms for message in self.messages(room, by_bot=True)]

    def commands(self, scope: str = "default", language: str = "") -> dict[str, str]:
        """Return the menu, name to description; `scope` as "all_private_chats", "chat:-100123"."""
        with self.world.changed:
            return {c["command"]: c["description"] for c in self.world.commands.get((scope, language), [])}

    def callback_answer(self, query_id: str, timeout: float = PATIENCE) -> dict[str, str]:
        """Return the parameters with which the bot answered that pressed button, waiting for it."""
        self.wait_until(lambda: query_id in self.world.callback_answers, timeout)
        return self.world.callback_answers[query_id]

    def polls_elsewhere(self) -> None:
        """Poll from another place: the poll that waits ends with 409."""
        self._updates.end_poll()

    def expire_callbacks(self) -> None:
        """Make every pressed button too old to be answered."""
        with self.world.changed:
            self.world.callbacks.clear()

    @property
    def pending_updates(self) -> int:
        """Return how many updates the bot has not confirmed."""
        with self.world.changed:
            return len(self.world.updates)

    @property
    def polling(self) -> bool:
        """Whether the bot waits for updates now."""
        with self.world.changed:
            return self._updates.waiting > 0

    # What goes wrong

    def limit(self, limits: Limits) -> None:
        """Refuse with 429 who sends more."""
        with self.world.changed:
            self.flood.limits = limits

    def trouble(
        self, fault: Fault, method: str = "", *, requests: int | None = None, seconds: float | None = None
    ) -> Trouble:
        """Let the next requests, of a method or of all, meet the fault until it ends or so many did, or so long.

        A request meets the newest trouble that takes it.
        """
        until = None if seconds is None else time.monotonic() + seconds
        trouble = Trouble(fault, method, requests, until, self.world.changed)
        with self.world.changed:
            self._troubles = [t for t in self._troubles if not t.spent] + [trouble]
        return trouble

    def goes_offline(self) -> None:
        """Refuse connections and drop those there are, as without Internet."""
        self._port.close(self._wake)

    def comes_back(self) -> None:
        """Accept connections again, on the same port."""
        self._port.open()

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Be offline in the context."""
        self.goes_offline()
        try:
            yield
        finally:
            self.comes_back()

    def _wake(self) -> None:
        with self.world.changed:
            self.world.changed.notify_all()

    # The bot's side

    def _serve(self, incoming: Incoming, line: Line) -> None:
        path = PATH.fullmatch(incoming.path)
        if path is None or not WELL_FORMED.fullmatch(path[1]):
            line.send(_refused(ApiError(404, "Not Found")).on_wire())
            return
        method = path[2]
        request = Request(
            method, time.monotonic(), incoming.parameters, {name: len(data) for name, data in incoming.files.items()}
        )
        with self.world.changed:
            self.requests.append(request)
            self.counts[method] += 1
            trouble = next((t for t in reversed(self._troubles) if t.takes(method)), None)
            self.world.changed.notify_all()

        def execute() -> Reply:
            reply = self._reply(path[1], Call(method, incoming.parameters, incoming.files), line)
            request.code = reply.code
            return reply

        if trouble is None:
            line.send(execute().on_wire())
            return
        trouble.fault(Exchange(execute, line, lambda seconds: self._wait(trouble, line, seconds)))

    def _wait(self, trouble: Trouble, line: Line, seconds: float) -> None:
        with self.world.changed:
            self._wait_for(self.world.changed, lambda: trouble.over or line.gone, seconds)

    def _reply(self, token: str, call: Call, line: Line) -> Reply:
        try:
            result = self._done(token, call, line)
        except ApiError as error:
            return _refused(error)
        return Reply(200, success_body(result))

    def _done(self, token: str, call: Call, line: Line) -> Any:
        if token != self.token:
            raise ApiError(401, "Unauthorized")
        name = call.method.lower()
        if name == "getupdates":
            return self._updates.get_updates(call, lambda: line.gone)
        if name not in self._methods:
            raise ApiError(404, "Not Found")
        with self.world.changed:
            chat = call.number("chat_id")
            if name in COUNTED and chat is not None and chat in self.world.rooms:
                self.flood.check(chat)
            result = self._methods[name](call)
            self.world.changed.notify_all()
            return result


def _fits(message: Shown, wanted: str | Callable[[Shown], object]) -> bool:
    if isinstance(wanted, str):
        return re.search(wanted, message.text) is not None
    return bool(wanted(message))


def _refused(error: ApiError) -> Reply:
    return json_reply(error.code, error.content())


def _bot(*, privacy: bool) -> dict[str, Any]:
    return {
        "id": int(TOKEN.partition(":")[0]),
        "is_bot": True,
        "first_name": "MeshBot",
        "username": "mesh_test_bot",
        "can_join_groups": True,
        "can_read_all_group_messages": not privacy,
        "supports_inline_queries": False,
    }


def _table(updates: Updates, methods: Methods) -> dict[str, Callable[[Call], Any]]:
    """Return the methods by their names in lower case, as Telegram compares them."""
    known = [
        updates.get_me,
        updates.set_webhook,
        updates.delete_webhook,
        updates.get_webhook_info,
        updates.answer_callback_query,
        updates.set_my_commands,
        updates.delete_my_commands,
        updates.get_my_commands,
        methods.send_message,
        methods.send_photo,
        methods.edit_message_text,
        methods.edit_message_caption,
        methods.edit_message_media,
        methods.edit_message_reply_markup,
        methods.delete_message,
        methods.send_chat_action,
        methods.set_message_reaction,
        methods.get_chat_member,
    ]
    return {method.__name__.replace("_", ""): method for method in known}
