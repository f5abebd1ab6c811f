"""The Bot API server of the tests answers python-telegram-bot as Telegram does: updates, chats, texts."""

import asyncio
import threading

import pytest
from telegram import MessageEntity, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, EndPointNotFound, Forbidden, InvalidToken

from tests.support.bot_api import BotApi
from tests.support.bot_api_client import bot_of, keyboard, refusal, with_bot
from tests.support.bot_api_text import units

ANN, BOB, CLUB, FORUM = 11, 12, -100200300, -1001234567890


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


# Who asks


def test_get_me_returns_the_bot_s_user(api):
    me = with_bot(api, lambda bot: bot.get_me())
    assert (me.is_bot, me.username, me.can_read_all_group_messages) == (True, "mesh_test_bot", True)


@pytest.mark.parametrize(("token", "expected"), [("8123456789:" + "A" * 35, "Unauthorized"), ("secret", "Not Found")])
def test_a_wrong_token_is_unauthorized_and_a_malformed_one_not_found(api, token, expected):
    with pytest.raises(InvalidToken, match=expected):
        with_bot(api, lambda bot: bot.get_me(), token)


def test_an_unknown_method_is_not_found(api):
    async def use(bot):
        await bot.initialize()
        await bot.do_api_request("danceForMe")

    assert "danceForMe" in refusal(api, EndPointNotFound, use)


# Updates


def test_a_text_arrives_as_an_update_with_its_command_marked(api):
    api.user(ANN, "Ann", "de").says("😀 /nodes@mesh_test_bot 5", at=1_790_000_000)
    (update,) = with_bot(api, lambda bot: bot.get_updates())
    (entity,) = update.message.entities
    assert update.message.parse_entity(entity) == "/nodes@mesh_test_bot"
    assert (update.message.from_user.language_code, update.message.chat.id) == ("de", ANN)
    assert update.message.date.timestamp() == 1_790_000_000


def test_updates_are_repeated_until_an_offset_confirms_them(api):
    ann = api.user(ANN, "Ann")
    for text in "abc":
        ann.says(text)

    async def use(bot):
        first = await bot.get_updates(limit=2)
        assert [u.message.text for u in first] == ["a", "b"]
        rest = await bot.get_updates(offset=first[-1].update_id + 1)
        assert [u.message.text for u in rest] == ["c"]
        # confirms nothing
        future = await bot.get_updates(offset=rest[-1].update_id + 2)
        assert [u.message.text for u in future] == ["c"]
        assert await bot.get_updates(offset=rest[-1].update_id + 1) == ()

    with_bot(api, use)
    assert api.pending_updates == 0


def test_a_negative_offset_keeps_only_the_last(api):
    ann = api.user(ANN, "Ann")
    for text in "abc":
        ann.says(text)
    assert [u.message.text for u in with_bot(api, lambda bot: bot.get_updates(offset=-1))] == ["c"]
    assert api.pending_updates == 1


def test_a_long_poll_ends_with_the_first_update(api):
    ann = api.user(ANN, "Ann")
    waker = threading.Thread(target=lambda: (api.wait_until(lambda: api.counts["getUpdates"]), ann.says("late")))
    waker.start()
    (update,) = with_bot(api, lambda bot: bot.get_updates(timeout=25))
    waker.join()
    assert update.message.text == "late"


def test_a_long_poll_without_updates_ends_empty(api):
    assert with_bot(api, lambda bot: bot.get_updates(timeout=1)) == ()


def test_allowed_updates_last_for_later_polls(api):
    ann = api.user(ANN, "Ann")

    async def use(bot):
        await bot.get_updates(allowed_updates=["edited_message"])
        ann.edits(ann.says("a"), "b")
        return await bot.get_updates()

    (update,) = with_bot(api, use)
    assert update.edited_message.text == "b"


def test_a_second_poller_ends_the_poll_that_waits(api):
    async def use(bot):
        waiting = asyncio.create_task(bot.get_updates(timeout=25))
        await asyncio.to_thread(api.wait_until, lambda: api.counts["getUpdates"])
        async with bot_of(api) as other:
            assert await other.get_updates(timeout=1) == ()
        await waiting

    assert "terminated by other getUpdates request" in refusal(api, Conflict, use)


def test_polling_is_a_conflict_while_a_webhook_is_set(api):
    with_bot(api, lambda bot: bot.set_webhook("https://example.org/hook"))
    assert "webhook is active" in refusal(api, Conflict, lambda bot: bot.get_updates())
    api.user(ANN, "Ann").says("old")
    with_bot(api, lambda bot: bot.delete_webhook(drop_pending_updates=True))
    assert with_bot(api, lambda bot: bot.get_updates()) == ()


# Sending


def test_a_message_is_shown_as_it_was_sent(api):
    api.user(ANN, "Ann")

    def use(bot):
        return bot.send_message(
            ANN, " <b>Link</b> &lt;up&gt; ", "HTML", disable_notification=True, reply_markup=keyboard("Refresh", "Sync")
        )

    sent = with_bot(api, use)
    (shown,) = api.messages(ANN)
    assert (shown.text, shown.silent, shown.buttons) == ("Link <up>", True, [["Refresh", "Sync"]])
    assert shown.by_bot
    assert (sent.message_id, sent.text) == (shown.message_id, shown.text)
    assert sent.parse_entities() == {MessageEntity("bold", 0, 4): "Link"}


def test_entities_may_be_given_instead_of_html(api):
    api.user(ANN, "Ann")
    text = "😀 table"
    sent = with_bot(api, lambda bot: bot.send_message(ANN, text, entities=[MessageEntity("pre", 3, 5)]))
    assert list(sent.parse_entities().values()) == ["table"]


def test_the_text_limit_counts_code_points(api):
    api.user(ANN, "Ann")
    text = "😀" * 4096
    assert units(with_bot(api, lambda bot: bot.send_message(ANN, text)).text) == 8192
    assert refusal(api, BadRequest, lambda bot: bot.send_message(ANN, text + "!")) == "Message is too long"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "Message text is empty"),
        (" \n", "Message text is empty"),
        ("<b></b>", "Message text is empty"),
        ("<b>x", 'find end tag corresponding to start tag "b"'),
        ("é<b>x</i>", 'Unmatched end tag at byte offset 6, expected "</b>", found "</i>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("a <node> b", 'Unsupported start tag "node" at byte offset 2'),
        ("SNR < 5", 'Unsupported start tag "" at byte offset 4'),
    ],
)
def test_an_invalid_text_is_refused(api, text, expected):
    api.user(ANN, "Ann")
    assert expected.lower() in refusal(api, BadRequest, lambda bot: bot.send_message(ANN, text, "HTML")).lower()
    assert api.messages(ANN) == []


def test_an_unknown_chat_is_not_found(api):
    assert refusal(api, BadRequest, lambda bot: bot.send_message(999, "x")) == "Chat not found"


def test_a_user_who_blocked_or_never_started_the_bot_gets_nothing(api):
    ann, bob = api.user(ANN, "Ann").blocks(), api.user(BOB, "Bob", started=False)
    assert refusal(api, Forbidden, lambda bot: bot.send_message(ANN, "x")).endswith("bot was blocked by the user")
    assert "can't initiate conversation" in refusal(api, Forbidden, lambda bot: bot.send_message(BOB, "x"))
    ann.unblocks()
    bob.says("/start")
    for chat in (ANN, BOB):
        assert with_bot(api, lambda bot, chat=chat: bot.send_message(chat, "x")).chat.id == chat


def test_a_group_that_removed_the_bot_refuses_it(api):
    api.group(CLUB, "Club").removes_bot(api.user(ANN, "Ann"))
    assert "kicked from the group chat" in refusal(api, Forbidden, lambda bot: bot.send_message(CLUB, "x"))
    (update,) = with_bot(api, lambda bot: bot.get_updates())
    assert update.my_chat_member.new_chat_member.status == "kicked"


def test_a_migrated_group_returns_its_new_id(api):
    group, ann = api.group(CLUB, "Club"), api.user(ANN, "Ann")
    group.becomes_supergroup(FORUM, ann)
    with pytest.raises(ChatMigrated) as caught:
        with_bot(api, lambda bot: bot.send_message(CLUB, "x"))
    assert caught.value.new_chat_id == FORUM
    assert with_bot(api, lambda bot: bot.send_message(FORUM, "x")).chat.type == "supergroup"


def test_a_reply_shows_the_message_that_it_answers(api):
    number = api.user(ANN, "Ann").says("hello?")
    sent = with_bot(api, lambda bot: bot.send_message(ANN, "yes", reply_parameters=ReplyParameters(number)))
    assert sent.reply_to_message.text == "hello?"
    assert api.wait_for("yes", ANN).reply_to == number


def test_a_reply_to_nothing_is_refused_unless_allowed(api):
    api.user(ANN, "Ann")

    def use(**lenient):
        return lambda bot: bot.send_message(ANN, "x", reply_parameters=ReplyParameters(999, **lenient))

    assert refusal(api, BadRequest, use()) == "Message to be replied not found"
    assert with_bot(api, use(allow_sending_without_reply=True)).reply_to_message is None


def test_a_topic_gets_its_messages_and_a_deleted_one_is_not_found(api):
    forum, ann = api.group(FORUM, "Forum", forum=True), api.user(ANN, "Ann")
    topic = forum.topic("Mesh", ann, number=5)
    ann.says("in topic", forum, topic)
    sent = with_bot(api, lambda bot: bot.send_message(FORUM, "x", message_thread_id=topic))
    assert (sent.message_thread_id, sent.is_topic_message) == (topic, True)
    message = with_bot(api, lambda bot: bot.get_updates())[-1].message
    assert (message.message_thread_id, message.reply_to_message.forum_topic_created.name) == (topic, "Mesh")
    forum.closes_topic(topic)
    for thread in (topic, 1):
        gone = refusal(api, BadRequest, lambda bot, t=thread: bot.send_message(FORUM, "x", message_thread_id=t))
        assert gone == "Message thread not found"


def test_a_reply_in_a_topic_stays_in_it(api):
    forum, ann = api.group(FORUM, "Forum", forum=True), api.user(ANN, "Ann")
    topic = forum.topic("Mesh", ann)
    number = ann.says("in topic", forum, topic)
    sent = with_bot(api, lambda bot: bot.send_message(FORUM, "x", reply_parameters=ReplyParameters(number)))
    assert sent.message_thread_id == topic


def test_replies_in_a_supergroup_have_a_thread_that_is_no_topic(api):
    group, ann = api.group(FORUM, "Group"), api.user(ANN, "Ann")
    root = ann.says("root", group)
    ann.says("answer", group, reply_to=root)
    answer = with_bot(api, lambda bot: bot.get_updates())[-1].message
    assert (answer.message_thread_id, answer.is_topic_message) == (root, None)


def test_with_privacy_a_bot_reads_only_its_messages_in_groups():
    with BotApi(privacy=True) as api:
        group, ann = api.group(CLUB, "Club"), api.user(ANN, "Ann")
        sent = with_bot(api, lambda bot: bot.send_message(CLUB, "hello"))
        ann.says("chatter", group)
        ann.says("/nodes", group)
        ann.says("thanks", group, reply_to=sent.message_id)
        assert [u.message.text for u in with_bot(api, lambda bot: bot.get_updates())] == ["/nodes", "thanks"]
