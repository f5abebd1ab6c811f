"""Methods about the bot itself: who it is, its updates, its menu, answers to its buttons."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from tests.support.bot_api_calls import ApiError, Call, bad_request
from tests.support.bot_api_chats import World

LIMIT = 100  # updates an answer, commands a menu
# The oldest are dropped
ANSWERS_KEPT = 10_000
CALLBACK_TEXT = 200  # characters
OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
OLD_QUERY = "query is too old and response timeout expired or query ID is invalid"
COMMAND = re.compile(r"[a-z0-9_]{1,32}")
WaitFor = Callable[[threading.Condition, Callable[[], bool], float], bool]


class Updates:
    """Answers those methods; `gone`: whether the client of a waiting request has disconnected."""

    def __init__(self, world: World, longest_poll: float, wait_for: WaitFor) -> None:
        self._world = world
        self._longest_poll = longest_poll
        self._wait_for = wait_for
        self._poller = 0  # number of the poll that may go on waiting
        self.waiting = 0  # polls

    def get_me(self, _call: Call) -> Any:
        return self._world.bot

    def get_updates(self, call: Call, gone: Callable[[], bool]) -> Any:
        """Long polling: a new poll ends the one that waits, which gets the 409."""
        world = self._world
        with world.changed:
            if world.webhook:
                raise ApiError(409, WEBHOOK_ACTIVE)
            self._note_allowed(call)
            self._confirm(call.number("offset") or 0)
            wait = min(float(call.number("timeout") or 0), self._longest_poll)
            if wait and not world.updates:
                self._wait(wait, gone)
            limit = min(max(call.number("limit") or LIMIT, 1), LIMIT)
            return [update for _, update in list(world.updates)[:limit]]

    def _wait(self, seconds: float, gone: Callable[[], bool]) -> None:
        self._poller += 1
        own = self._poller
        self.waiting += 1
        self._world.changed.notify_all()
        changed = self._world.changed
        self._wait_for(changed, lambda: bool(self._world.updates) or self._poller != own or gone(), seconds)
        self.waiting -= 1
        if self._poller != own:
            raise ApiError(409, OTHER_POLLER)

    def end_poll(self) -> None:
        """End the poll that waits, as another poller does."""
        with self._world.changed:
            self._poller += 1
            self._world.changed.notify_all()

    def _note_allowed(self, call: Call) -> None:
        allowed = call.json("allowed_updates", "allowed updates")
        if isinstance(allowed, list):
            self._world.allowed = [str(kind) for kind in allowed]

    def _confirm(self, offset: int) -> None:
        """Forget what is before the offset; a negative one counts from the end, one in the future means nothing."""
        updates = self._world.updates
        if offset > self._world.last_update + 1:
            return
        while offset > 0 and updates and updates[0][0] < offset:
            updates.popleft()
        while offset < 0 and len(updates) > -offset:
            updates.popleft()

    def set_webhook(self, call: Call) -> Any:
        with self._world.changed:
            self._world.webhook = call.text("url")
            if self._world.webhook:
                self.end_poll()
            return self._dropped(call)

    def delete_webhook(self, call: Call) -> Any:
        with self._world.changed:
            self._world.webhook = ""
            return self._dropped(call)

    def _dropped(self, call: Call) -> bool:
        if call.flag("drop_pending_updates"):
            self._world.updates.clear()
        self._world.changed.notify_all()
        return True

    def get_webhook_info(self, _call: Call) -> Any:
        with self._world.changed:
            return {
                "url": self._world.webhook,
                "has_custom_certificate": False,
                "pending_update_count": len(self._world.updates),
            }

    def answer_callback_query(self, call: Call) -> Any:
        """Each pressed button is answered once, and not too late."""
        number = call.text("callback_query_id")
        with self._world.changed:
            if not self._world.callbacks.get(number):
                bad_request(OLD_QUERY)
            if len(call.text("text")) > CALLBACK_TEXT:
                bad_request("MESSAGE_TOO_LONG")
            del self._world.callbacks[number]
            answers = self._world.callback_answers
            answers[number] = dict(call.parameters)
            if len(answers) > ANSWERS_KEPT:
                del answers[next(iter(answers))]
            self._world.changed.notify_all()
            return True

    def set_my_commands(self, call: Call) -> Any:
        commands = call.json("commands", "commands") or []
        if not isinstance(commands, list):
            bad_request("can't parse commands list: expected an Array")
        if len(commands) > LIMIT:
            bad_request("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not COMMAND.fullmatch(str(command.get("command", "")).removeprefix("/")):
                bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        return self._keep_commands(call, commands)

    def delete_my_commands(self, call: Call) -> Any:
        return self._keep_commands(call, [])

    def _keep_commands(self, call: Call, commands: list[dict[str, str]]) -> bool:
        with self._world.changed:
            self._world.commands[scope_key(call), language(call)] = commands
            self._world.changed.notify_all()
            return True

    def get_my_commands(self, call: Call) -> Any:
        with self._world.changed:
            return self._world.commands.get((scope_key(call), language(call)), [])


def scope_key(call: Call) -> str:
    """Return the scope's name, with its chat and user if it has any: "default", "chat:-100", …"""
    scope = call.json("scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(scope, dict) or "type" not in scope:
        bad_request("can't parse BotCommandScope: expected an Object with a type")
    return ":".join(str(scope[name]) for name in ("type", "chat_id", "user_id") if name in scope)


def language(call: Call) -> str:
    """Return the language code, empty for all."""
    code = call.text("language_code")
    if code and not re.fullmatch(r"[a-z]{2}", code):
        bad_request("invalid language code specified")
    return code


def success_body(result: Any) -> bytes:
    """Return the body of a good answer."""
    return json.dumps({"ok": True, "result": result}).encode()
