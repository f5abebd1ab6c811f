"""Updates that no bot expects, by name; for `BotApi.raw_update`."""

from __future__ import annotations

from typing import Any

from tests.support.bot_api_chats import TelegramUser

HUGE = 2**70
FAR = 10**17  # seconds: beyond every calendar


def _message(user: TelegramUser, **changes: Any) -> dict[str, Any]:
    """Return a private message; a change to None leaves the field out."""
    usual = {
        "message_id": 9001,
        "from": user.user_object,
        "chat": {"id": user.id, "type": "private", "first_name": user.user_object["first_name"]},
        "date": 1_790_000_000,
        "text": "/ping",
        "entities": [{"type": "bot_command", "offset": 0, "length": 5}],
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def _nested(message: dict[str, Any], depth: int) -> dict[str, Any]:
    inner = message
    for _ in range(depth):
        inner = message | {"reply_to_message": inner}
    return inner


def unreadable(user: TelegramUser) -> dict[str, object]:
    """Return updates that break the protocol: missing fields, wrong types, numbers beyond all bounds."""
    chat = {"id": user.id, "type": "private"}
    query = {"id": "1", "from": user.user_object, "chat_instance": "1", "data": "x"}
    return {
        "null": None,
        "a number": 7,
        "a string": "update",
        "a list": [],
        "an update id in words": {"update_id": "seven", "message": _message(user)},
        "an update id without bounds": {"update_id": HUGE, "message": _message(user)},
        "an update id of null": {"update_id": None, "message": _message(user)},
        "a message that is null": {"message": None},
        "a message that is a string": {"message": "hello"},
        "a message without chat": {"message": _message(user, chat=None)},
        "a message without id": {"message": _message(user, message_id=None)},
        "a message without date": {"message": _message(user, date=None)},
        "a date in words": {"message": _message(user, date="yesterday")},
        "a date beyond the calendar": {"message": _message(user, date=FAR)},
        "a negative date": {"message": _message(user, date=-FAR)},
        "a chat that is a number": {"message": _message(user, chat=user.id)},
        "a chat without type": {"message": _message(user, chat={"id": user.id})},
        "a chat id in words": {"message": _message(user, chat=chat | {"id": "me"})},
        "a chat id without bounds": {"message": _message(user, chat=chat | {"id": HUGE})},
        "a sender without name": {"message": _message(user, **{"from": {"id": user.id}})},
        "a sender id in words": {"message": _message(user, **{"from": user.user_object | {"id": "me"}})},
        "a message id without bounds": {"message": _message(user, message_id=HUGE)},
        "a text that is a number": {"message": _message(user, text=42)},
        "a text that is a list": {"message": _message(user, text=["/ping"])},
        "entities that are no list": {"message": _message(user, entities=5)},
        "an entity without type": {"message": _message(user, entities=[{"offset": 0, "length": 5}])},
        "a pressed button without sender": {"callback_query": query | {"from": None}},
        "a pressed button whose data is a number": {"callback_query": query | {"data": 5}},
        "replies without end": {"message": _nested(_message(user), 200)},
    }


def unusual(user: TelegramUser) -> dict[str, object]:
    """Return updates that keep to the protocol and are rare: a bot reads them and goes on."""
    query = {"id": "1", "from": user.user_object, "chat_instance": "1"}
    group = {"id": -1001999, "type": "supergroup", "title": "G"}
    return {
        "nothing but a number": {},
        "a kind of the future": {"telepathy": {"from": user.user_object}},
        "a field of the future": {"message": _message(user, telepathy={"strength": 5})},
        "a chat kind of the future": {"message": _message(user, chat={"id": user.id, "type": "hive"})},
        "an entity kind of the future": {
            "message": _message(user, entities=[{"type": "telepathy", "offset": 0, "length": 5}])
        },
        "an entity beyond the text": {
            "message": _message(user, entities=[{"type": "bot_command", "offset": 900, "length": 5}])
        },
        "an entity that cuts a pair": {
            "message": _message(user, text="😀/x", entities=[{"type": "bot_command", "offset": 1, "length": 2}])
        },
        "half a surrogate pair": {"message": _message(user, text="/ping \ud83d")},
        "control characters": {"message": _message(user, text="/ping \x00\x1b[2J\u202e\u2028")},
        "a text as long as may be": {"message": _message(user, text="/ping " + "é" * 4090)},
        "a message without sender": {"message": _message(user, chat=group, **{"from": None})},
        "a group speaking as itself": {"message": _message(user, chat=group, sender_chat=group)},
        "neither text nor anything": {"message": _message(user, text=None, entities=None)},
        "a post of a channel": {"channel_post": _message(user, chat=group | {"type": "channel"}, **{"from": None})},
        "a pressed button of an unknown message": {"callback_query": query | {"inline_message_id": "9", "data": "x"}},
        "a pressed button of a game": {"callback_query": query | {"inline_message_id": "9", "game_short_name": "g"}},
        "a pressed button of a message too old": {
            "callback_query": query | {"data": "x", "message": {"chat": group, "message_id": 5, "date": 0}}
        },
    }
