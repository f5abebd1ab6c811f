"""The Bot API server of the tests as Telegram: photos, edits, buttons, the menu, limits."""

from datetime import timedelta

import pytest
from telegram import BotCommand, BotCommandScopeAllPrivateChats, InputMediaPhoto
from telegram.error import BadRequest, RetryAfter

from tests.support.bot_api import BotApi
from tests.support.bot_api_client import keyboard, png, refusal, with_bot
from tests.support.bot_api_limits import PUBLISHED

ANN, CLUB = 11, -100200300


@pytest.fixture(autouse=True)
def _retry_after_as_timedelta(monkeypatch):
    # otherwise the library warns at each 429
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


# Photos


def test_a_photo_is_shown_with_its_caption(api):
    api.user(ANN, "Ann")
    picture = png(30, 20)
    sent = with_bot(api, lambda bot: bot.send_photo(ANN, picture, caption="<i>Map</i>", parse_mode="HTML"))
    (shown,) = api.messages(ANN)
    assert (shown.photo, shown.text, sent.caption) == (picture, "Map", "Map")
    assert (sent.photo[-1].width, sent.photo[-1].height) == (30, 20)
    assert api.requests[-1].files == {"photo": len(picture)}


@pytest.mark.parametrize(
    ("photo", "caption", "expected"),
    [
        (b"no picture", "", "Image_process_failed"),
        (png()[:-9], "", "Image_process_failed"),
        (png(1, 30), "", "Photo_invalid_dimensions"),
        (png(), "x" * 1025, "Message caption is too long"),
    ],
)
def test_an_invalid_photo_is_refused(api, photo, caption, expected):
    api.user(ANN, "Ann")
    assert refusal(api, BadRequest, lambda bot: bot.send_photo(ANN, photo, caption=caption)) == expected


def test_a_photo_and_its_caption_can_be_changed(api):
    api.user(ANN, "Ann")
    other = png(9, 9)

    async def use(bot):
        sent = await bot.send_photo(ANN, png(), caption="one")
        await bot.edit_message_caption(ANN, sent.message_id, caption="two")
        await bot.edit_message_media(InputMediaPhoto(other, caption="three"), ANN, sent.message_id)
        with pytest.raises(BadRequest, match="no text in the message to edit"):
            await bot.edit_message_text("four", ANN, sent.message_id)

    with_bot(api, use)
    (shown,) = api.messages(ANN)
    assert (shown.texts, shown.photo) == (["one", "two", "three"], other)


# Edits


def test_an_edit_keeps_the_history_and_removes_the_buttons(api):
    api.user(ANN, "Ann")

    async def use(bot):
        sent = await bot.send_message(ANN, "one", reply_markup=keyboard("Stop"))
        await bot.edit_message_text("two", ANN, sent.message_id)
        await bot.edit_message_reply_markup(ANN, sent.message_id, reply_markup=keyboard("Go"))

    with_bot(api, use)
    (shown,) = api.messages(ANN)
    assert (shown.texts, shown.buttons) == (["one", "two"], [["Go"]])
    assert shown.edited is not None


def test_an_edit_that_changes_nothing_is_refused(api):
    api.user(ANN, "Ann")

    async def use(bot):
        sent = await bot.send_message(ANN, "same", reply_markup=keyboard("Go"))
        await bot.edit_message_text("same", ANN, sent.message_id, reply_markup=keyboard("Go"))

    assert "is not modified" in refusal(api, BadRequest, use)


def test_only_messages_of_its_own_can_be_edited(api):
    number = api.user(ANN, "Ann").says("mine")
    text = refusal(api, BadRequest, lambda bot: bot.edit_message_text("yours", ANN, number))
    assert text == "Message can't be edited"
    assert refusal(api, BadRequest, lambda bot: bot.edit_message_text("x", ANN, 999)) == "Message to edit not found"


def test_a_deleted_message_is_gone(api):
    api.user(ANN, "Ann")

    async def use(bot):
        sent = await bot.send_message(ANN, "x")
        await bot.delete_message(ANN, sent.message_id)
        await bot.delete_message(ANN, sent.message_id)

    assert refusal(api, BadRequest, use) == "Message to delete not found"
    assert api.messages(ANN) == []


# Buttons, menu, reactions


def test_a_pressed_button_is_answered_once(api):
    ann = api.user(ANN, "Ann")

    async def use(bot):
        sent = await bot.send_message(ANN, "x", reply_markup=keyboard("Go", data="go:1"))
        pressed = ann.presses(sent.message_id, "Go")
        (update,) = await bot.get_updates()
        assert (update.callback_query.data, update.callback_query.message.message_id) == ("go:1", sent.message_id)
        await bot.answer_callback_query(pressed, "Done", show_alert=True)
        assert api.callback_answer(pressed)["text"] == "Done"
        await bot.answer_callback_query(pressed)

    assert "Query is too old" in refusal(api, BadRequest, use)


def test_a_button_pressed_long_ago_cannot_be_answered(api):
    ann = api.user(ANN, "Ann")
    with_bot(api, lambda bot: bot.send_message(ANN, "x", reply_markup=keyboard("Go")))
    pressed = ann.presses(api.wait_for("x", ANN), "Go")
    api.expire_callbacks()
    assert "Query is too old" in refusal(api, BadRequest, lambda bot: bot.answer_callback_query(pressed))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [(keyboard("Go", data="é" * 33), "Button_data_invalid"), (keyboard("", data="x"), "non-empty string")],
)
def test_an_invalid_button_is_refused(api, markup, expected):
    api.user(ANN, "Ann")
    assert expected in refusal(api, BadRequest, lambda bot: bot.send_message(ANN, "x", reply_markup=markup))


def test_the_menu_is_kept_by_scope_and_language(api):
    async def use(bot):
        await bot.set_my_commands([BotCommand("nodes", "Nodes heard")])
        scope = BotCommandScopeAllPrivateChats()
        await bot.set_my_commands([("nodes", "Nœuds")], scope=scope, language_code="fr")
        return await bot.get_my_commands(scope=scope, language_code="fr")

    assert [c.description for c in with_bot(api, use)] == ["Nœuds"]
    assert api.commands() == {"nodes": "Nodes heard"}
    assert api.commands("all_private_chats", "fr") == {"nodes": "Nœuds"}
    with_bot(api, lambda bot: bot.delete_my_commands())
    assert api.commands() == {}


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([("Nodes", "x")], "Bot_command_invalid"),
        ([("nodes", "x" * 257)], "Bot_command_description_invalid"),
        ([(f"c{n}", "x") for n in range(101)], "Bot_commands_too_much"),
    ],
)
def test_an_invalid_menu_is_refused(api, commands, expected):
    assert refusal(api, BadRequest, lambda bot: bot.set_my_commands(commands)) == expected


def test_an_unknown_reaction_is_refused(api):
    number = api.user(ANN, "Ann").says("hello")
    with_bot(api, lambda bot: bot.set_message_reaction(ANN, number, "👍"))
    assert api.messages(ANN)[0].reactions == ["👍"]
    assert refusal(api, BadRequest, lambda bot: bot.set_message_reaction(ANN, number, "✅")) == "Reaction_invalid"
    assert "not found" in refusal(api, BadRequest, lambda bot: bot.set_message_reaction(ANN, 999, "👍"))


def test_a_chat_action_is_recorded(api):
    api.user(ANN, "Ann")
    with_bot(api, lambda bot: bot.send_chat_action(ANN, "typing"))
    assert list(api.world.rooms[ANN].actions) == ["typing"]


# Limits


def test_flood_control_returns_retry_after():
    now = [1_790_000_000.0]
    with BotApi(clock=lambda: now[0]) as api:
        api.limit(PUBLISHED)
        api.group(CLUB, "Club")

        async def send(bot):
            for _ in range(20):
                await bot.send_message(CLUB, "x")
                now[0] += 1
            with pytest.raises(RetryAfter) as caught:
                await bot.send_message(CLUB, "x")
            now[0] += 40
            await bot.send_message(CLUB, "x")
            return caught.value.retry_after

        assert with_bot(api, send) == timedelta(seconds=40)
        assert api.flood.refused == 1


def test_the_requests_and_messages_kept_have_a_bound():
    with BotApi(requests_kept=5, messages_kept=3) as api:
        api.user(ANN, "Ann")

        async def send(bot):
            for number in range(10):
                await bot.send_message(ANN, str(number))

        with_bot(api, send)
        assert len(api.requests) == 5
        assert api.counts["sendMessage"] == 10
        assert [m.text for m in api.messages(ANN)] == ["7", "8", "9"]
        assert api.requests[-1].parameters == {"chat_id": str(ANN), "text": "9"}
