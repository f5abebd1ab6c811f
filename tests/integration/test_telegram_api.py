"""Each field of a message reaches Telegram, by way of the real library and HTTP."""

import asyncio
import io

import pytest
from PIL import Image

from meshbot.telegram_bot.api import TEXT_UNITS, Api
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.queue import Delivery
from tests.support.bot_api import BotApi

FORUM, TOPIC = -1_000_000_000_777, 5


def png():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server():
    with BotApi() as running:
        yield running


@pytest.fixture
def forum(server):
    group = server.group(FORUM, "Forum", forum=True)
    group.room.topics[TOPIC] = "Mesh"
    return group


def deliver(server, message, edits=None):
    async def once():
        api = Api(server.token, server.base_url, trust_environment=False)
        try:
            return await api.deliver(Delivery(1, message.chat.id, message, edits))
        finally:
            await api.close()

    return asyncio.run(once())


@pytest.mark.parametrize("topic", [None, TOPIC])
@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("photo", [b"", png()], ids=["text", "photo"])
def test_a_message_is_sent_to_its_topic_silently_or_not(server, forum, topic, silent, photo):
    ident = deliver(server, OutgoingMessage(Chat(FORUM, topic), "hello", silent=silent, photo=photo))
    shown = forum.room.shown[ident]
    assert (shown.text, shown.topic, shown.silent, bool(shown.photo)) == ("hello", topic, silent, bool(photo))


def test_a_text_longer_than_telegram_allows_is_cut(server, forum):
    ident = deliver(server, OutgoingMessage(Chat(FORUM), "é" * 5000))
    assert forum.room.shown[ident].text == "é" * (TEXT_UNITS - 1) + "…"
    deliver(server, OutgoingMessage(Chat(FORUM), "è" * 5000), edits=ident)
    assert forum.room.shown[ident].text == "è" * (TEXT_UNITS - 1) + "…"


@pytest.mark.parametrize("emoji", "👀👌👍🤷👎🤔")
def test_a_reaction_is_set_and_sends_no_message(server, forum, emoji):
    written = server.user(5, "Zoé").says("bonjour", chat=forum)
    assert deliver(server, OutgoingMessage(Chat(FORUM), "", "k", reply_to=written, reaction=emoji)) == written
    assert forum.room.shown[written].reactions == [emoji]
    assert server.messages(forum, by_bot=True) == []
