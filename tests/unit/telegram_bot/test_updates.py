"""Each update is read by itself: a bad one costs no other, and none stops the reading."""

import pytest

from meshbot.telegram_bot.failures import InvalidAnswerError
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.updates import CallbackQuery, ChatMigration, IgnoredUpdate, IncomingMessage, read_batch
from tests.support.bot_api import BotApi
from tests.support.bot_api_malformed import unreadable, unusual

GOOD = {
    "update_id": 8,
    "message": {
        "message_id": 5,
        "date": 1_790_000_000,
        "chat": {"id": 333, "type": "private", "first_name": "Gus"},
        "from": {"id": 333, "is_bot": False, "first_name": "Gus\n", "last_name": "\u202eT"},
        "text": "/ping",
    },
}
GROUP = {"id": -1001, "type": "supergroup", "title": "Mesh", "is_forum": True}


@pytest.fixture(scope="module")
def samples():
    with BotApi() as api:
        user = api.user(333, "Gus")
        return unreadable(user) | unusual(user)


def message(**changes):
    return {"update_id": 8, "message": GOOD["message"] | changes}


def only(raw):
    batch = read_batch([raw])
    assert batch.malformed == 0
    return batch.updates[0]


def test_a_message_is_read():
    assert only(GOOD) == IncomingMessage(8, Chat(333), 5, 333, "Gus T", "/ping", 1_790_000_000.0)


def test_a_message_of_a_topic_has_group_topic_and_reply():
    update = only(
        message(
            chat=GROUP, message_thread_id=7, is_topic_message=True, reply_to_message=GOOD["message"] | {"message_id": 4}
        )
    )
    assert (update.chat, update.title, update.reply_to) == (Chat(-1001, 7), "Mesh", 4)


def test_a_thread_that_is_not_a_topic_is_ignored():
    assert only(message(chat=GROUP, message_thread_id=7)).chat == Chat(-1001)


def test_a_photo_has_its_caption_as_text():
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
    update = only(message(text=None, photo=photo, caption="look"))
    assert (update.text, update.media) == ("look", "📷")
    document = {"file_id": "a", "file_unique_id": "b"}
    assert only(message(text=None, document=document, caption="read")).media == "📎"
    assert only(message(text=None, photo=photo)).text == ""


def test_a_name_keeps_its_emoji_and_joined_letters():
    sender = GOOD["message"]["from"] | {"first_name": "👨\u200d👩\u200d👧", "last_name": "می\u200cروم"}
    assert only(message(**{"from": sender})).name == "👨\u200d👩\u200d👧 می\u200cروم"


def test_a_channel_s_posts_are_ignored_there_and_in_its_group():
    channel = {"id": -1002, "type": "channel", "title": "News"}
    origin = {"type": "channel", "date": 1, "chat": channel, "message_id": 3}
    copied = message(chat=GROUP, sender_chat=channel, is_automatic_forward=True, forward_origin=origin)
    assert isinstance(only(copied), IgnoredUpdate)
    assert isinstance(only(message(chat=channel)), IgnoredUpdate)
    assert isinstance(only({"update_id": 8, "channel_post": GOOD["message"] | {"chat": channel}}), IgnoredUpdate)
    assert isinstance(only(message(chat=GROUP, sender_chat=channel)), IncomingMessage)


def test_service_messages_are_ignored():
    assert isinstance(only(message(text=None, new_chat_members=[GOOD["message"]["from"]])), IgnoredUpdate)


def test_an_anonymous_admin_has_no_user_id():
    update = only(message(chat=GROUP, sender_chat=GROUP, author_signature="Boss"))
    assert (update.user_id, update.name) == (0, "Boss")
    assert only(message(chat=GROUP, sender_chat=GROUP)).name == "Mesh"


def test_messages_of_bots_are_ignored():
    assert isinstance(only(message(**{"from": GOOD["message"]["from"] | {"is_bot": True}})), IgnoredUpdate)


def test_a_forwarded_message_is_marked():
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "X"}
    assert only(message(forward_origin=origin)).is_forwarded


def test_a_group_s_new_id_is_read():
    assert only(message(chat=GROUP, text=None, migrate_to_chat_id=-1009)) == ChatMigration(8, -1001, -1009)


def test_a_callback_query_has_the_chat_and_message_of_its_button():
    query = {"id": "q", "from": GOOD["message"]["from"], "chat_instance": "1", "data": "do:status"}
    assert only({"update_id": 9, "callback_query": query | {"message": GOOD["message"]}}) == CallbackQuery(
        9, "q", 333, "Gus T", "do:status", Chat(333), 5
    )
    assert only({"update_id": 9, "callback_query": query}).chat is None


def test_a_malformed_update_loses_no_other(samples):
    for number, sample in enumerate(samples.values(), 1):
        raw = {"update_id": number} | sample if isinstance(sample, dict) else sample
        batch = read_batch([raw, GOOD | {"update_id": 1000}])
        assert batch.updates[-1].update_id == 1000
        assert batch.next_offset == 1001
        assert len(batch.updates) + batch.malformed == 2


def test_the_fields_of_an_update_have_their_types(samples):
    for sample in samples.values():
        raw = {"update_id": 1} | sample if isinstance(sample, dict) else sample
        for update in read_batch([raw, GOOD]).updates:
            if isinstance(update, IncomingMessage):
                assert {type(update.chat.id), type(update.user_id), type(update.message_id)} == {int}
                assert {type(update.text), type(update.name), type(update.title)} == {str}
                assert update.text.encode()


@pytest.mark.parametrize("raw", [None, {}, "text", [{}], [None, 3], [{"update_id": 2**70}], [{"update_id": True}]])
def test_a_result_without_update_ids_is_invalid(raw):
    with pytest.raises(InvalidAnswerError):
        read_batch(raw)


def test_an_empty_result_confirms_nothing():
    assert read_batch([]).next_offset is None
