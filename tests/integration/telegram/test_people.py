"""What people on Telegram and on the mesh say to each other, on the real bot, over HTTP and TCP."""

import re

import pytest

from meshbot.mesh_link.messages import BROADCAST_NUM
from meshbot.virtual_node.packets import data_packet
from meshbot.virtual_node.receiver import HISTORY
from tests.support import bot_api_faults as faults
from tests.support.telegram_bot import ADMIN, GROUP, GUEST, KNOWN, STRANGER, telegram_bot, wait_for_poll

PATIENCE = 60.0
BRIDGED = {"telegram_bridges": (f"1 {GROUP}",)}
MESH_HINT = "Commands stay out of the channel"


def forget_heard(node):
    for number in range(HISTORY):
        node.hear(data_packet(0x5000 + number, 0x77, 1, b"for others", 1 + number))


def sent(node, text):
    return node.wait_for(lambda packet: packet.text == text, PATIENCE)


# -- texts with a slash


@pytest.mark.parametrize("settings", [BRIDGED])
def test_a_warning_with_a_slash_crosses_and_a_command_does_not(api, bot, node, people, group, stranger):
    stranger.says("/!\\ Verglas", chat=group)
    assert sent(node, "Eve: /!\\ Verglas").channel == 1
    node.hear_text(node.users[0].num, "/!\\ Route barrée", to=BROADCAST_NUM, channel=1)
    api.wait_for("/!.. Route barrée".replace("..", re.escape("\\")), group)
    # a command on a channel without answers: held back, and said by radio
    node.hear_text(node.users[1].num, "/ping", to=BROADCAST_NUM, channel=1)
    assert node.wait_for(lambda packet: MESH_HINT in packet.text, PATIENCE).to == node.users[1].num
    other = people[GUEST].says("/ping@other_bot", chat=group)
    assert api.wait_for("does not cross to the mesh", group).reply_to == other
    again = people[GUEST].says("/ping@other_bot", chat=group)
    api.wait_until(lambda: group.room.shown[again].reactions == ["🙊"], PATIENCE)
    assert all("/ping" not in shown.text for shown in api.messages(group, by_bot=True))


@pytest.mark.parametrize("settings", [BRIDGED])
def test_what_is_not_passed_on_is_said_once_and_then_shown(api, bot, node, people, group):
    first, second = (people[GUEST].sends({"sticker": sticker()}, chat=group) for _ in range(2))
    assert api.wait_for("Only text crosses", group).reply_to == first
    api.wait_until(lambda: group.room.shown[second].reactions == ["🙊"], PATIENCE)
    written = people[GUEST].says("bonjour", chat=group)
    sent(node, "Gus: bonjour")
    people[GUEST].edits(written, "bonsoir", chat=group)
    api.wait_until(lambda: "✍" in group.room.shown[written].reactions, PATIENCE)


def sticker():
    return {
        "file_id": "1",
        "file_unique_id": "1",
        "type": "regular",
        "width": 9,
        "height": 9,
        "is_animated": False,
        "is_video": False,
    }


# -- /echo and /send


@pytest.mark.parametrize("settings", [{**BRIDGED, "echo_channel": 0}])
def test_echo_in_a_joined_group_speaks_on_its_channel(api, bot, node, people, group):
    people[KNOWN].says("/echo salut", chat=group)
    assert sent(node, "📣 Kim (TG): salut").channel == 1
    people[KNOWN].says("/echo salut toi")
    assert sent(node, "📣 Kim (TG): salut toi").channel == 0
    api.wait_for("on channel 0 .LongFast.", people[KNOWN])


@pytest.mark.parametrize("argument", ["1", "{name}", "#{name}"])
def test_send_takes_a_channel_by_number_and_by_name(api, bot, node, people, argument):
    name = bot.bot.interface.channels[1].name
    people[KNOWN].says(f"/send {argument.format(name=name.upper())} salut")
    assert sent(node, "Kim: salut").channel == 1
    people[KNOWN].says("/channels")
    assert api.wait_for("📻", people[KNOWN]).text.splitlines()[1:] == ["0  LongFast", f"1  {name}"]


def test_a_channel_that_the_node_lacks_is_refused_with_those_it_has(api, bot, node, people):
    people[KNOWN].says("/send 3 salut")
    api.wait_for("Our node has no channel 3. It has: 0 .LongFast., 1 ", people[KNOWN])


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"3 {GROUP}",)}])
def test_nothing_crosses_to_a_channel_that_the_node_lacks(api, bot, node, people, group):
    bot.log.wait_for("telegram_bridges nomme le canal 3, que le nœud n'a pas")
    people[GUEST].says("salut", chat=group)
    api.wait_for("Our node has no channel 3", group)
    assert not [packet for packet in node.received.packets if "salut" in str(packet.packet.decoded.payload)]


def test_a_node_and_a_person_have_a_conversation(api, bot, node, people):
    user = node.users[0]
    question = people[KNOWN].says(f"/send !{user.num:08x} tu viens ?")
    packet = sent(node, "Kim: tu viens ?")
    api.wait_for("Acknowledged", people[KNOWN])
    answer_id = node.hear_text(user.num, "oui, à 5 h", to=node.num, reply_id=packet.packet.id)
    answer = api.wait_for("oui, à 5 h", people[KNOWN])
    assert (answer.reply_to, answer.text) == (question, f"{user.long_name} ({user.short_name}): oui, à 5 h")
    # messages of a chat are sent one after the other: the bot now knows the id of the first
    people[KNOWN].says("/id")
    api.wait_for("Your id", people[KNOWN])
    people[KNOWN].says("parfait", reply_to=answer.message_id)
    reply = sent(node, "Kim: parfait")
    assert (reply.to, reply.reply_id) == (user.num, answer_id)
    # no reply, but within bridge_ttl: for the same person
    node.hear_text(user.num, "/!\\ verglas chez moi", to=node.num)
    api.wait_for("verglas chez moi", people[KNOWN])


def test_an_answer_reaches_its_person_after_a_restart(api, node, people, tmp_path, clock):
    user = node.users[0]
    with telegram_bot(api, node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        question = people[KNOWN].says(f"/send !{user.num:08x} tu viens ?")
        packet = sent(node, "Kim: tu viens ?")
        api.wait_for("Acknowledged", people[KNOWN])
    with telegram_bot(api, node.port, tmp_path, clock) as bot:
        bot.wait_ready()
        wait_for_poll(api)
        node.hear_text(user.num, "oui", to=node.num, reply_id=packet.packet.id)
        assert api.wait_for(": oui", people[KNOWN]).reply_to == question


def test_a_direct_text_for_nobody_gets_one_line_a_day(api, bot, node, people):
    for text in ("il pleut", "coucou", "il neige"):
        node.hear_text(node.users[0].num, text, to=node.num)
    hint = node.wait_for(lambda packet: "I am a bot" in packet.text, PATIENCE)
    node.hear_text(node.users[0].num, "/ping", to=node.num)
    node.wait_for(lambda packet: "🏓" in packet.text, PATIENCE)
    hints = [p for p in node.received.packets if b"/help" in p.packet.decoded.payload]
    assert (len({p.packet.id for p in hints}), hint.to) == (1, node.users[0].num)


# -- groups of all kinds


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"0 {GROUP}",)}])
def test_a_group_without_reactions_gets_one_reply_that_is_edited(api, bot, node, people, group):
    group.forbids_reactions()
    written = people[GUEST].says("salut", chat=group)
    shown = api.wait_for("Sent on channel 0", group)
    assert shown.reply_to == written
    api.wait_until(lambda: "relayed" in shown.text or "no neighbour" in shown.text, PATIENCE)
    assert len(api.messages(group, by_bot=True)) == 1
    assert api.counts["setMessageReaction"] == 1


def test_a_supergroup_s_new_id_survives_a_restart(api, node, people, tmp_path, clock):
    settings = {"telegram_bridges": ("0 -777",), "telegram_groups": ()}
    small = api.group(-777, "Small")
    with telegram_bot(api, node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        wait_for_poll(api)
        large = small.becomes_supergroup(-1_000_000_000_778, people[GUEST])
        bot.log.wait_for("le groupe -777 est devenu -1000000000778")
    with telegram_bot(api, node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        wait_for_poll(api)
        bot.log.wait_for("le groupe -777 est devenu -1000000000778")
        people[GUEST].says("salut", chat=large)
        sent(node, "Gus: salut")
        before = api.counts["sendMessage"]
        node.hear_text(node.users[0].num, "bonjour", to=BROADCAST_NUM)
        api.wait_for("bonjour", large)
        assert api.counts["sendMessage"] == before + 1


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"0 {GROUP}/1",)}])
def test_the_topic_general_of_a_forum_is_joined(api, bot, node, people):
    forum = api.group(GROUP, "Forum", forum=True)
    people[GUEST].says("salut", chat=forum)
    sent(node, "Gus: salut")
    node.hear_text(node.users[0].num, "bonjour", to=BROADCAST_NUM)
    assert api.wait_for("bonjour", forum).topic is None


# -- answers of servers


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"ok":true}', b'{"ok":true,"result":7}', b'{"ok":true,"result":{}}', b"[" * 9999]
)
def test_a_success_that_cannot_be_read_counts_as_sent(api, bot, people, body):
    with api.trouble(faults.done_but(body), "sendMessage", requests=1):
        people[GUEST].says("/ping")
        api.wait_for("🏓", people[GUEST])
        people[GUEST].says("/id")
        api.wait_for("Your id", people[GUEST])
    assert len(api.messages(people[GUEST], by_bot=True)) == 2


@pytest.mark.parametrize("method", ["sendMessage", "getUpdates"])
def test_a_gzip_bomb_is_not_unpacked(api, bot, people, method):
    with api.trouble(faults.gzip_bomb(50_000_000), method, requests=2) as trouble:
        people[GUEST].says("/ping")
        api.wait_until(lambda: trouble.met or method == "getUpdates")
    people[GUEST].says("/id")
    api.wait_for("Your id", people[GUEST])


def test_an_answer_that_drips_ends_with_its_deadline_and_counts_as_sent(api, bot, people, clock):
    with api.trouble(faults.drips, "sendMessage", requests=1):
        people[GUEST].says("/ping")
        api.wait_for("🏓", people[GUEST])
        people[GUEST].says("/id")
        api.wait_for("Your id", people[GUEST], timeout=PATIENCE)
    assert len(api.messages(people[GUEST], by_bot=True)) == 2


# -- recorded packets


def test_a_recorded_text_is_shown_once_over_a_restart_too(api, node, people, group, tmp_path, clock):
    recorded = data_packet(node.users[0].num, BROADCAST_NUM, 1, b"au feu", 77, channel=1)
    for text in ("premier", "second"):
        with telegram_bot(api, node.port, tmp_path, clock, **BRIDGED) as running:
            running.wait_ready()
            wait_for_poll(api)
            node.hear(recorded)
            node.hear_text(node.users[1].num, text, to=BROADCAST_NUM, channel=1)
            api.wait_for(text, group)
        # the node itself drops what it has heard since it started
        forget_heard(node)
    shown = [each.text.rpartition(": ")[2] for each in api.messages(group, by_bot=True)]
    assert shown == ["au feu", "premier", "second"]


# -- people


@pytest.mark.parametrize("settings", [{"language": "fr"}])
@pytest.mark.parametrize(
    ("phone", "word"),
    [("fr", "Votre numéro"), ("en", "Your id"), ("en-gb", "Your id"), ("de", "Votre"), ("", "Votre")],
)
def test_a_phone_is_answered_in_its_language(api, bot, phone, word):
    user = api.user(GUEST, "Gus", phone)
    user.says("/id")
    api.wait_for(word, user)


@pytest.mark.parametrize("settings", [{"language": "fr"}])
def test_strangers_are_told_what_to_do_with_their_number(api, bot):
    eve = api.user(STRANGER, "Eve", "fr")
    eve.says("/start")
    api.wait_for("Votre numéro : 999. Donnez-le à la personne qui gère ce robot", eve)


def test_send_is_the_first_entry_of_the_menu_with_an_example(api, bot, people):
    api.wait_until(lambda: api.commands(f"chat:{KNOWN}", "fr"), PATIENCE)
    name, description = next(iter(api.commands(f"chat:{KNOWN}", "fr").items()))
    assert (name, "/send Kim bonjour" in description) == ("send", True)


def test_alerts_of_the_start_come_as_soon_as_telegram_answers(api, node, people, tmp_path, clock):
    (tmp_path / "meshbot.db").mkdir()
    before = clock.monotonic()
    with telegram_bot(api, node.port, tmp_path, clock) as bot:
        api.wait_for("Database in trouble", people[ADMIN], timeout=PATIENCE)
        assert clock.monotonic() - before < 15
        bot.wait_ready()


def test_an_alert_that_ended_meanwhile_is_ended_at_the_next_start(api, node, people, tmp_path, clock):
    with telegram_bot(api, node.port, tmp_path, clock, tcp_alert_after=1) as bot:
        bot.wait_ready()
        wait_for_poll(api)
        node.fault("refuse")
        node.fault("drop")
        red = api.wait_for("Link to the node lost", people[ADMIN], timeout=PATIENCE)
    node.heal()
    with telegram_bot(api, node.port, tmp_path, clock, tcp_alert_after=1) as bot:
        bot.wait_ready()
        api.wait_until(lambda: red.text.startswith("🟢"), PATIENCE)
    assert re.search(r"\n🔴 .*[a-z]", red.text)
    assert len(api.messages(people[ADMIN], by_bot=True)) == 1
