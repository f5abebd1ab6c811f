"""Methods that show something in a chat: sending, editing, deleting, reacting, with Telegram's refusals."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from tests.support.bot_api_calls import ApiError, Call, bad_request
from tests.support.bot_api_chats import Room, Shown, World
from tests.support.bot_api_text import MarkupError, plain, units

# Code points after parsing the entities: Telegram measures so, though offsets are in UTF-16 units
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
DATA_LIMIT = 64  # bytes
PHOTO_LIMIT = 10_000_000  # bytes
PHOTO_SIDES = 10_000  # pixels, width and height together
PHOTO_RATIO = 20
ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
}
REACTIONS = set(
    "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡"
)
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
PNG_START = b"\x89PNG\r\n\x1a\n"


class Methods:
    """Answers those methods."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send_message(self, call: Call) -> Any:
        room = self._writable(call)
        text, entities = _message_text(call)
        return self._sent(call, room, text=text, entities=entities)

    def send_photo(self, call: Call) -> Any:
        room = self._writable(call)
        caption, entities = _caption(call)
        photo = call.files.get("photo") or call.files.get(call.text("photo").removeprefix("attach://"))
        if not photo:
            bad_request("there is no photo in the request")
        return self._sent(call, room, text=caption, entities=entities, photo=photo, content=_photo(photo))

    def _sent(self, call: Call, room: Room, **fields: Any) -> Any:
        reply_to, topic = self._reply(call, room)
        shown = self._world.show(
            room,
            self._world.bot_user,
            silent=call.flag("disable_notification"),
            markup=_markup(call),
            reply_to=reply_to,
            topic=topic,
            **fields,
        )
        return self._world.message(shown)

    def edit_message_text(self, call: Call) -> Any:
        shown = self._editable(call)
        if shown.photo or not shown.text:
            bad_request("there is no text in the message to edit")
        text, entities = _message_text(call)
        return self._edited(shown, text=text, entities=entities, markup=_markup(call))

    def edit_message_caption(self, call: Call) -> Any:
        shown = self._editable(call)
        if not shown.photo:
            bad_request("there is no caption in the message to edit")
        caption, entities = _caption(call)
        return self._edited(shown, text=caption, entities=entities, markup=_markup(call))

    def edit_message_media(self, call: Call) -> Any:
        shown = self._editable(call)
        media = call.json("media", "InputMedia")
        if not isinstance(media, dict) or media.get("type") != "photo":
            bad_request("can't parse InputMedia: a photo is expected")
        photo = call.files.get(str(media.get("media", "")).removeprefix("attach://"))
        if not photo:
            bad_request("wrong file identifier/HTTP URL specified")
        inner = Call(call.method, {k: v if isinstance(v, str) else json.dumps(v) for k, v in media.items()})
        caption, entities = _caption(inner)
        fields = {"photo": photo, "content": _photo(photo), "text": caption, "entities": entities}
        return self._edited(shown, markup=_markup(call), **fields)

    def edit_message_reply_markup(self, call: Call) -> Any:
        return self._edited(self._editable(call), markup=_markup(call))

    def _edited(self, shown: Shown, **fields: Any) -> Any:
        if all(getattr(shown, name) == value for name, value in fields.items()):
            bad_request(NOT_MODIFIED)
        if fields.get("text", shown.text) != shown.text:
            shown.history.append(shown.text)
        for name, value in fields.items():
            setattr(shown, name, value)
        shown.edited = int(self._world.clock())
        return self._world.message(shown)

    def delete_message(self, call: Call) -> Any:
        room = self._room(call)
        shown = room.shown.get(call.number("message_id") or 0)
        if shown is None:
            bad_request("message to delete not found")
        if not shown.by_bot and room.kind != "private":
            bad_request("message can't be deleted")
        del room.shown[shown.message_id]
        return True

    def send_chat_action(self, call: Call) -> Any:
        room = self._writable(call)
        if call.text("action") not in ACTIONS:
            bad_request("wrong parameter action in request")
        room.actions.append(call.text("action"))
        return True

    def set_message_reaction(self, call: Call) -> Any:
        shown = self._room(call).shown.get(call.number("message_id") or 0)
        if shown is None:
            bad_request("message to react not found")
        emoji = [str(kind.get("emoji", "")) for kind in call.json("reaction", "reaction types") or []]
        if len(emoji) > 1:
            bad_request("REACTIONS_TOO_MANY")
        is_allowed = self._room(call).reactions_allowed or not emoji
        if not is_allowed or not {e.rstrip("\ufe0f") for e in emoji} <= REACTIONS:
            bad_request("REACTION_INVALID")
        shown.reactions = emoji
        return True

    def get_chat_member(self, call: Call) -> Any:
        if call.number("user_id") != self._world.bot["id"]:
            bad_request("user not found")
        self._room(call)
        return {"status": "member", "user": self._world.bot}

    def _room(self, call: Call) -> Room:
        if not call.text("chat_id"):
            bad_request("chat_id is empty")
        room = self._world.rooms.get(call.number("chat_id") or 0)
        if room is None:
            bad_request("chat not found")
        if room.moved_to is not None:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, text, migrate_to_chat_id=room.moved_to)
        if room.refusal:
            raise ApiError(403, room.refusal)
        return room

    def _writable(self, call: Call) -> Room:
        room = self._room(call)
        topic = call.number("message_thread_id")
        if topic is not None and topic not in (room.topics if room.forum else room.shown):
            bad_request("message thread not found")
        return room

    def _editable(self, call: Call) -> Shown:
        shown = self._room(call).shown.get(call.number("message_id") or 0)
        if shown is None:
            bad_request("message to edit not found")
        if not shown.by_bot:
            bad_request("message can't be edited")
        return shown

    @staticmethod
    def _reply(call: Call, room: Room) -> tuple[int | None, int | None]:
        """Return what the message answers, and its topic: that of the answered one if none is given."""
        topic = call.number("message_thread_id")
        parameters = call.json("reply_parameters", "reply parameters") or {}
        number = parameters.get("message_id")
        if number is None:
            return None, topic
        replied = room.shown.get(number)
        if replied is None and parameters.get("allow_sending_without_reply"):
            return None, topic
        if replied is None:
            bad_request("message to be replied not found")
        return number, replied.topic if topic is None else topic


def _text(call: Call, name: str, entities_name: str) -> tuple[str, list[dict[str, Any]]]:
    given = call.json(entities_name, "entities")
    try:
        text, entities = plain(call.text(name), "" if given else call.text("parse_mode"))
    except MarkupError as error:
        bad_request(str(error))
    shift = units(text) - units(text.lstrip())
    shown = text.strip()
    entities = [e | {"offset": max(0, e["offset"] - shift)} for e in given or entities]
    return shown, [e | {"length": n} for e in entities if (n := min(e["length"], units(shown) - e["offset"])) > 0]


def _message_text(call: Call) -> tuple[str, list[dict[str, Any]]]:
    text, entities = _text(call, "text", "entities")
    if not text:
        bad_request("message text is empty")
    if len(text) > TEXT_LIMIT:
        bad_request("message is too long")
    return text, entities


def _caption(call: Call) -> tuple[str, list[dict[str, Any]]]:
    caption, entities = _text(call, "caption", "caption_entities")
    if len(caption) > CAPTION_LIMIT:
        bad_request("message caption is too long")
    return caption, entities


def _markup(call: Call) -> list[list[dict[str, Any]]]:
    """Return the inline keyboard; other kinds of keyboards are not a message's."""
    markup = call.json("reply_markup", "reply keyboard markup") or {}
    if not isinstance(markup, dict):
        bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        bad_request('can\'t parse inline keyboard: field "inline_keyboard" must be of type Array of Arrays')
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            bad_request('can\'t parse inline keyboard button: field "text" must be a non-empty String')
        data = button.get("callback_data")
        if data is None and "url" not in button:
            bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if data is not None and not 1 <= len(data.encode()) <= DATA_LIMIT:
            bad_request("BUTTON_DATA_INVALID")
    return [row for row in rows if row]


def _photo(data: bytes) -> dict[str, Any]:
    """Return a Message's photo field, having checked that it is a whole PNG that Telegram takes."""
    if len(data) > PHOTO_LIMIT:
        raise ApiError(413, "Request Entity Too Large")
    if not _is_png(data):
        bad_request("IMAGE_PROCESS_FAILED")
    width, height = struct.unpack(">II", data[16:24])
    if width + height > PHOTO_SIDES or max(width, height) > PHOTO_RATIO * min(width, height):
        bad_request("PHOTO_INVALID_DIMENSIONS")
    unique = f"{zlib.crc32(data):08x}"
    size = {"file_id": f"photo-{unique}", "file_unique_id": unique, "width": width, "height": height}
    return {"photo": [size | {"file_size": len(data)}]}


def _is_png(data: bytes) -> bool:
    """Return whether every chunk is complete, from IHDR to IEND."""
    at, kinds = len(PNG_START), []
    while data.startswith(PNG_START) and at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunk = data[at + 4 : at + 8 + length]
        if data[at + 8 + length : at + 12 + length] != zlib.crc32(chunk).to_bytes(4):
            return False
        kinds.append(chunk[:4])
        at += 12 + length
    return at == len(data) and kinds[:1] == [b"IHDR"] and kinds[-1] == b"IEND" and b"IDAT" in kinds
