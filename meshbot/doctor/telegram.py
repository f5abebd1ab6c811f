"""The Telegram side: the token, privacy mode, and whether the bot is in its groups."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from meshbot.commands import mark as _
from meshbot.doctor.findings import Result, bad, good, unknown
from meshbot.runtime import Clock
from meshbot.web import Fault, HttpClient, HttpRequest, Limits, WebError

LIMITS: Final = Limits(connect=2.0, read=2.0, total=3.0)
MOST_GROUPS: Final = 5  # that are asked about
READS_ALL: Final = frozenset({"administrator", "creator"})
MEMBER: Final = frozenset({*READS_ALL, "member", "restricted"})


class BotApi:
    """Telegram's methods that change nothing."""

    def __init__(self, url: str, token: str, clock: Clock, *, trust_environment: bool) -> None:
        self._base = f"{url.rstrip('/')}/bot{token}/"
        self._http = HttpClient(clock, trust_environment=trust_environment)

    def ask(self, method: str, **parameters: int) -> Any:
        """Return a method's result; WebError, whose text holds no address, and ValueError for any other answer."""
        answer = self._http.fetch(HttpRequest(self._base + method, parameters or None), LIMITS)
        try:
            return json.loads(answer)["result"]
        except RecursionError as exc:
            raise ValueError(str(exc)) from None


def examine_telegram(api: BotApi, groups: Iterable[int], bridged: Iterable[int]) -> Iterator[Result]:
    """Judge the token and each group; `bridged` are those joined to a channel, where the bot must read all."""
    try:
        me = api.ask("getMe")
        yield good(_("the token is @{name}'s"), name=me["username"])
    except WebError as exc:
        if exc.fault is Fault.REFUSED:
            cure = _("Take the token from @BotFather again: /mybots, API Token.")
            yield bad(_("Telegram refuses the token ({reason})"), cure, reason=exc)
        else:
            cure = _("Does this machine reach the Internet? A proxy: web_trust_environment.")
            yield bad(_("Telegram cannot be reached ({reason})"), cure, reason=exc)
        return
    except (ValueError, LookupError, TypeError):
        yield bad(_("no Telegram answers there"), _("Look at telegram_base_url."))
        return
    reads_all, joined = bool(me.get("can_read_all_group_messages")), set(bridged)
    for group in list(dict.fromkeys([*joined, *groups]))[:MOST_GROUPS]:
        yield _group(api, int(me["id"]), group, reads_all=reads_all, is_bridged=group in joined)


def _group(api: BotApi, own_id: int, group: int, *, reads_all: bool, is_bridged: bool) -> Result:
    try:
        status = str(api.ask("getChatMember", chat_id=group, user_id=own_id)["status"])
    except (WebError, ValueError, LookupError, TypeError):
        status = ""
    if status not in MEMBER:
        cure = _("Add the bot to the group; a group that became a supergroup has another id: /id there tells it.")
        return bad(_("the bot is not in the group {group}"), cure, group=group)
    if is_bridged and not (reads_all or status in READS_ALL):
        cure = _("@BotFather: /setprivacy, Disable; then take the bot out of the group and add it again.")
        return bad(_("privacy mode hides the messages of the bridged group {group} from the bot"), cure, group=group)
    return good(_("in the group {group} as {status}"), group=group, status=status)


def without_token() -> Result:
    """Tell that there is nothing to examine."""
    return unknown(_("off: no telegram_token"))
