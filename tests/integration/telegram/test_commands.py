"""Commands from Telegram: the real bot, the real library, HTTP, and a virtual node on the other side."""

import pytest
from meshtastic.protobuf import admin_pb2, portnums_pb2

from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.storage.traffic import By
from tests.support import bot_api_faults as faults
from tests.support.bot_api_limits import Limits
from tests.support.telegram_bot import ADMIN, GROUP, GUEST, telegram_bot

PATIENCE = 60.0
STRANGER_TOLD = "🔒 I do not know you. Your number: 999. Give it to the person who runs this bot."
PNG = b"\x89PNG"


def flush_updates(api, user, times=1):
    """Wait for the answer to a later command: all earlier updates have been handled."""
    user.says("/id")
    api.wait_for("Your id", user, count=times)


def admin_messages(node):
    packets = [p.packet for p in node.received.packets if p.packet.decoded.portnum == portnums_pb2.PortNum.ADMIN_APP]
    kinds = [admin_pb2.AdminMessage.FromString(p.decoded.payload).WhichOneof("payload_variant") for p in packets]
    return [kind for kind in kinds if kind != "set_time_only"]


# -- users and groups


def test_a_listed_user_is_answered(api, bot, guest):
    guest.says("/start")
    assert api.wait_for("👋", guest)
    guest.says("/help")
    api.wait_for("(?s)/ping .*/id ", guest)
    guest.says("/ping")
    api.wait_for("🏓 pong", guest)
    guest.says("/nodes")
    nodes = api.wait_for("(?s).+", guest, count=4)
    assert any(entity["type"] == "pre" for entity in nodes.entities) or "\n" not in nodes.text
    guest.says("/nothing")
    api.wait_for("Unknown command /nothing", guest)
    guest.says("/Ping@Mesh_Test_Bot")
    api.wait_for("🏓 pong", guest, count=2)


def test_a_stranger_gets_only_the_id_once_an_hour(api, bot, stranger, guest):
    for text in ("/help", "hello?", "/id", "/reboot", "/start"):
        stranger.says(text)
    # a later answer in another chat may be there before
    api.wait_for("I do not know you", stranger)
    flush_updates(api, guest)
    assert [shown.text for shown in api.messages(stranger, by_bot=True)] == [STRANGER_TOLD]
    assert len(bot.log.matching("🔒 Telegram: inconnu 999 \\(Eve\\) éconduit")) == 1


def test_many_strangers_get_few_answers(api, bot, guest):
    for number in range(1000, 1030):
        api.user(number, "Bot").says("/start")
    flush_updates(api, guest)
    assert api.counts["sendMessage"] < 15


def test_each_role_has_its_commands(api, bot, guest, known):
    guest.says("/sys")
    api.wait_for("⛔ /sys is not open to you", guest)
    guest.says("/reboot")
    api.wait_for("⛔ /reboot is not open to you", guest)
    known.says("/sys")
    api.wait_for("(?i)memory", known)


def test_a_listed_group_is_answered_but_not_its_strangers(api, bot, group, guest, stranger):
    question = guest.says("/ping", chat=group)
    assert api.wait_for("🏓", group).reply_to == question
    guest.says("/otherbots command", chat=group)
    guest.says("/ping@other_bot", chat=group)
    guest.says("just talk", chat=group)
    guest.says("/reboot", chat=group)
    stranger.says("/ping", chat=group)
    api.wait_for(STRANGER_TOLD, group)
    flush_updates(api, guest)
    # an unknown command may have been another bot's
    assert len(api.messages(group, by_bot=True)) == 3


def test_an_unlisted_group_is_ignored_except_for_its_id(api, bot, guest, stranger):
    elsewhere = api.group(-1_000_000_000_555, "Elsewhere")
    stranger.says("/ping", chat=elsewhere)
    stranger.says("/id", chat=elsewhere)
    guest.says("/ping", chat=elsewhere)
    flush_updates(api, guest)
    assert api.messages(elsewhere, by_bot=True) == []
    assert len(bot.log.matching("groupe -1000000000555 \\(Elsewhere\\) hors de telegram_groups")) == 1
    guest.says("/id", chat=elsewhere)
    api.wait_for("This group: -1000000000555", elsewhere)


def test_an_anonymous_admin_gets_the_reason_for_no_answer(api, bot, group, admin, clock):
    chat = group.room.described()
    message = {"message_id": 9000, "date": int(api.world.clock()), "chat": chat, "sender_chat": chat, "text": "/ping"}
    message["from"] = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    api.raw_update({"message": message})
    api.wait_for("I cannot tell who you are", group)


def test_a_forwarded_command_does_not_run(api, bot, admin):
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Eve"}
    admin.sends({"text": "/reboot", "forward_origin": origin})
    admin.says("well?")
    flush_updates(api, admin)
    api.wait_for("💬", admin)
    assert len(api.messages(admin, by_bot=True)) == 2


@pytest.mark.parametrize("settings", [{"telegram_commands": 2}])
def test_each_command_over_the_limit_is_refused_with_an_answer(api, bot, guest, admin):
    for _ in range(5):
        guest.says("/ping")
    api.wait_for("🚦", guest, count=3)
    api.wait_for("🏓", guest, count=2)
    flush_updates(api, admin)
    assert len(api.messages(guest, by_bot=True)) == 5


# -- confirmations and buttons


def test_an_admin_s_command_is_confirmed_and_runs_once(api, bot, node, admin, guest):
    admin.says("/reboot")
    question = api.wait_for("❓ /reboot", admin)
    assert question.buttons == [["✅ Yes", "✖️ No"]]
    buttons = question.markup
    assert admin_messages(node) == []
    press = guest.presses(question, "✅ Yes")
    assert "Not for you" in api.callback_answer(press)["text"]
    admin.presses(question, "✅ Yes")
    shown = api.wait_for("🔁 The node restarts", admin)
    assert (shown.message_id, shown.buttons) == (question.message_id, [])
    bot.log.wait_for("🛠️ /reboot demandée par l'administrateur Telegram 111")
    # as on a phone that has not received the edit
    shown.markup = buttons
    again = admin.presses(shown, "✅ Yes")
    assert "Too late" in api.callback_answer(again)["text"]
    bot.wait_ready(2)
    assert admin_messages(node) == ["reboot_seconds"]


def test_a_command_may_be_cancelled_at_its_confirmation(api, bot, node, admin):
    admin.says("/reconnect")
    question = api.wait_for("❓ /reconnect", admin)
    admin.presses(question, "✖️ No")
    api.wait_for("✖️ Not done", admin)
    flush_updates(api, admin)
    assert bot.log.matching("🛠️") == []


def test_status_has_the_buttons_of_its_user_s_role(api, bot, guest, admin):
    guest.says("/status")
    for_guest = api.wait_for("🔗", guest)
    assert for_guest.buttons == [["🔄 Refresh"]]
    admin.says("/status")
    shown = api.wait_for("🔗", admin)
    assert shown.buttons == [["🔄 Refresh"], ["🔌 Reconnect", "🔑 Sync keys"]]
    api.callback_answer(admin.presses(shown, "🔄 Refresh"))
    api.wait_until(lambda: api.counts["editMessageText"] == 1)
    admin.presses(shown, "🔌 Reconnect")
    admin.presses(api.wait_for("❓ /reconnect", admin), "✅ Yes")
    api.wait_for("🔄 I drop the link", admin)
    bot.wait_ready(2)
    admin.presses(shown, "🔑 Sync keys")
    admin.presses(api.wait_for("❓ /sync", admin), "✅ Yes")
    api.wait_for("🔑 Keys put back", admin)


def test_every_callback_query_is_answered(api, bot, admin, stranger):
    admin.says("/status")
    shown = api.wait_for("link", admin)
    shown.markup = [[{"text": "?", "callback_data": "what:ever"}, {"text": "!", "callback_data": ""}]]
    assert "too old" in api.callback_answer(admin.presses(shown, "?"))["text"]
    assert "too old" in api.callback_answer(admin.presses(shown, "!"))["text"]
    assert "Not for you" in api.callback_answer(stranger.presses(shown, "?"))["text"]


# -- the mesh


def test_a_direct_text_shows_its_status_down_to_the_acknowledgement(api, bot, node, known):
    user = node.users[0]
    question = known.says(f"/send !{user.num:08x} bonjour, ça va ?")
    sent = node.wait_for(lambda sent: "Kim: bonjour, ça va ?" in sent.text, PATIENCE)
    assert sent.to == user.num
    shown = api.wait_for("✅ Acknowledged by", known)
    assert shown.reply_to == question
    assert len(api.messages(known, by_bot=True)) == 1


def test_only_a_known_user_sends_to_a_channel(api, bot, node, known, guest):
    guest.says("/send 0 salut")
    api.wait_for("⛔ /send", guest)
    known.says("/send 0 salut")
    assert node.wait_for(lambda sent: sent.text == "Kim: salut", PATIENCE).to == BROADCAST_NUM
    known.says("/send nobody salut")
    api.wait_for("I know no node « nobody »", known)
    known.says("/send 0 " + "é" * 200)
    api.wait_for("5 bytes too long", known)
    known.says("/send")
    api.wait_for("Say what to whom", known)


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"0 {GROUP}",), "telegram_groups": ()}])
def test_a_channel_and_a_group_are_one_conversation(api, bot, node, group, guest, stranger):
    node.hear_text(node.users[0].num, "salut le groupe", to=BROADCAST_NUM, channel=0)
    message = api.wait_for("salut le groupe", group)
    assert node.users[0].long_name in message.text
    written = stranger.says("salut le réseau", chat=group)
    assert node.wait_for(lambda sent: sent.text == "Eve: salut le réseau", PATIENCE).to == BROADCAST_NUM
    message = group.room.shown[written]
    api.wait_until(lambda: message.reactions and message.reactions[0] in "👌👍🤷", PATIENCE)
    guest.says("/ping", chat=group)
    api.wait_for("🏓", group)
    assert len(api.messages(group, by_bot=True)) == 2


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"0 {GROUP}",), "bridge_ttl": 5}])
def test_a_waiting_text_has_a_reaction_and_its_failure_a_reply(api, bot, node, group, known):
    node.fault("refuse")
    node.fault("drop")
    bot.log.wait_for("Reconnexion TCP")
    written = known.says("y a quelqu'un ?", chat=group)
    message = group.room.shown[written]
    api.wait_until(lambda: message.reactions == ["👀"], PATIENCE)
    assert api.messages(group, by_bot=True) == []
    assert api.wait_for("❌ Not sent: it waited too long", group, timeout=PATIENCE).reply_to == written
    api.wait_until(lambda: message.reactions == ["👎"], PATIENCE)


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"0 {GROUP}",)}])
def test_a_reply_in_the_group_is_a_reply_on_the_mesh(api, bot, node, group, stranger):
    packet_id = node.hear_text(node.users[0].num, "qui vient ?", to=BROADCAST_NUM, channel=0)
    message = api.wait_for("qui vient", group)
    node.hear_text(node.users[0].num, "et quand ?", to=BROADCAST_NUM, channel=0)
    # messages of a chat are sent one after the other: the bot now knows the id of the first
    api.wait_for("et quand", group)
    stranger.says("moi", chat=group, reply_to=message.message_id)
    assert node.wait_for(lambda sent: sent.text == "Eve: moi", PATIENCE).reply_id == packet_id


def test_a_bot_that_cannot_read_a_bridged_group_logs_the_remedy(node, tmp_path, clock, new_api):
    settings = {"telegram_bridges": (f"0 {GROUP}",)}
    with new_api(privacy=True) as api, telegram_bot(api, node.port, tmp_path, clock, **settings) as bot:
        bot.log.wait_for("⚠️ Telegram: le bot ne lit pas les messages des groupes: dites /setprivacy à @BotFather")


@pytest.mark.parametrize("settings", [{"tcp_alert_after": 1}])
def test_a_lost_link_is_one_message_to_the_admin(api, bot, node, admin):
    node.fault("refuse")
    node.fault("drop")
    api.wait_for("It refuses the connection", admin, timeout=PATIENCE)
    node.heal()
    api.wait_for("🟢", admin, timeout=PATIENCE)
    assert len(api.messages(admin, by_bot=True)) == 1


def test_pictures_follow_their_answers(api, bot, node, guest):
    node.hear_text(node.users[0].num, "salut", to=BROADCAST_NUM, channel=0)
    api.wait_until(lambda: bot.bot.memory.traffic_by_hour(1, By.PORT) and bot.bot.memory.heard_nodes(3600))
    guest.says("/stats histo")
    guest.says("/nodes")
    picture = api.wait_for(lambda shown: shown.photo, guest, count=2, timeout=PATIENCE)
    assert picture.photo.startswith(PNG)


# -- refusals and limits


def test_a_user_who_blocked_the_bot_delays_no_other(api, bot, guest, known):
    guest.blocks()
    guest.says("/ping")
    bot.log.wait_for("⚠️ Telegram: chat 333, 1 envois abandonnés \\(Forbidden: bot was blocked by the user\\)")
    flush_updates(api, known)
    guest.unblocks()
    flush_updates(api, guest)


@pytest.mark.parametrize("settings", [{"telegram_groups": (-777,)}])
def test_a_group_that_becomes_a_supergroup_is_followed(api, bot, guest):
    small = api.group(-777, "Small")
    guest.says("/ping", chat=small)
    api.wait_for("🏓", small)
    large = small.becomes_supergroup(-1_000_000_000_778, guest)
    bot.log.wait_for("⚠️ Telegram: le groupe -777 est devenu -1000000000778")
    guest.says("/ping", chat=large)
    api.wait_for("🏓", large)


def test_telegram_s_limits_are_kept(api, bot, guest):
    api.limit(Limits())
    for _ in range(12):
        guest.says("/id")
    api.wait_for("Your id", guest, count=12, timeout=PATIENCE)
    assert [request for request in api.requests if request.code == 429] == []


# -- menus


def test_each_chat_has_the_menu_of_its_role(api, bot, admin, guest):
    chats = [f"chat:{ADMIN}", f"chat:{GUEST}", f"chat:{GROUP}", "default"]
    api.wait_until(lambda: all(api.commands(chat, code) for chat in chats for code in ("", "fr")), PATIENCE)
    assert set(api.commands()) == {"start", "id"}
    assert "reboot" in api.commands(f"chat:{ADMIN}")
    assert "reboot" not in api.commands(f"chat:{GUEST}")
    assert api.commands(f"chat:{GUEST}")["ping"] == "tells how you were heard: SNR, RSSI, hops"
    assert api.commands(f"chat:{GUEST}", "fr")["ping"] != api.commands(f"chat:{GUEST}")["ping"]


def test_a_menu_that_fails_is_set_later(api, node, tmp_path, admin, clock):
    with (
        api.trouble(faults.internal_error(), "setMyCommands", requests=2),
        telegram_bot(api, node.port, tmp_path, clock),
    ):
        api.wait_until(lambda: api.commands(f"chat:{ADMIN}"), PATIENCE)
