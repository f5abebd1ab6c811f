"""Users whose nodes get firmware 2.8, and who pretends to be one of them: the real bot on a virtual node."""

from queue import SimpleQueue

import pytest
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.identity import SILENCE, number_of
from meshbot.runtime.incidents import KeyChanged, KeyShared
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from tests.support.bot import UNHURRIED, RunningBot
from tests.support.incidents import Listener
from tests.support.telegram_bot import ADMIN, KNOWN, telegram_bot, wait_for_poll

PATIENCE = 30.0
TELEMETRY_APP = portnums_pb2.PortNum.TELEMETRY_APP
NODEINFO_APP = portnums_pb2.PortNum.NODEINFO_APP


# Many minutes pass in each of these tests, which costs seconds: the rest runs on one firmware
ON_BOTH = pytest.mark.parametrize("node", ["2.7.26", "2.8.0"], indirect=True)


@pytest.fixture(params=["2.8.0"])
def node(new_node, request):
    """The users' firmware is 2.7.26 whatever the node's."""
    with new_node(nodes=8, keys=6, firmware_version="2.7.26") as virtual_node:
        if request.param != "2.7.26":
            virtual_node.upgrade(request.param)
        yield virtual_node


@pytest.fixture
def admin(node):
    return node.users[0]


@pytest.fixture
def friend(node):
    return node.users[1]


@pytest.fixture
def settings(admin):
    return UNHURRIED | {"admin_nodes": [admin.node_id], "language": "en", "tcp_pubkey_sync_delay": 0.1}


@pytest.fixture
def running(node, tmp_path, settings, clock):
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        # a node that has another number by now introduces itself first
        wait(clock)
        yield bot


@pytest.fixture
def incidents(running):
    listener = Listener()
    running.bot.incidents.listen(listener)
    return listener


def ask(node, num, question, **fields):
    packet_id = node.hear_text(num, question, **fields)
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE).text


def wait(clock, seconds=SILENCE + 10):
    clock.get(SimpleQueue(), clock.monotonic() + seconds)


def telemetry(node, num, packet_id):
    node.hear(data_packet(num, BROADCAST_NUM, TELEMETRY_APP, b"", packet_id))


def forge_node_info(node, num, name, public_key, packet_id):
    user = mesh_pb2.User(id=f"!{num:08x}", long_name=name, short_name="IMPO", public_key=public_key)
    node.hear(data_packet(num, BROADCAST_NUM, NODEINFO_APP, user.SerializeToString(), packet_id))


def upgraded(node, user, clock):
    """Upgrade a user's node and wait until it has introduced itself and its old number counts as silent."""
    wait(clock)
    new = node.upgrade_user(user.num)
    wait(clock)
    clock.wait_for_rest()
    assert new.num == number_of(user.public_key) != user.num
    return new


def notices(node, num):
    return [sent for sent in node.transmitted if sent.to == num and "New mail for you" in sent.text]


@ON_BOTH
def test_mail_name_history_and_role_follow_an_upgraded_node(node, running, incidents, admin, friend, clock):
    assert "Kept for" in ask(node, friend.num, f"/mail send {admin.node_id} see you at five")
    new = upgraded(node, admin, clock)
    telemetry(node, new.num, 71)
    node.wait_until(lambda: notices(node, new.num), PATIENCE)
    assert "see you at five" in ask(node, new.num, "/mail")
    assert running.log.matching(rf"🪪 .* est !{admin.num:08x} sous son nouveau numéro")
    assert "0 left" in ask(node, new.num, "/mail del 1")
    assert "🔑" in ask(node, new.num, "/sync")
    for number in (admin.node_id, new.node_id):
        assert f"{new.node_id}\nformerly {admin.node_id}" in ask(node, friend.num, f"/info {number}")
    assert ask(node, friend.num, f"/info {new.long_name}").count("formerly") == 1
    assert "Kept for" in ask(node, friend.num, f"/mail send {new.long_name} again")
    assert "again" in ask(node, new.num, "/mail")
    assert incidents.of(KeyShared, KeyChanged) == []
    direct = [view.num for view in running.bot.memory.direct_nodes(86400)]
    assert not {admin.num} & {*direct, *(view.num for view in running.bot.memory.heard_nodes(86400))}


def test_a_text_that_waits_follows_an_upgraded_node(node, running, admin, clock):
    new = upgraded(node, admin, clock)
    text = OutgoingText("later", admin.num, want_ack=True, expires_at=clock.monotonic() + 86400, priority=Priority.MAIL)
    running.bot._sender.tell(text)
    node.wait_for(lambda sent: (sent.text, sent.to) == ("later", admin.num), PATIENCE)
    assert "🔑" in ask(node, new.num, "/sync")
    node.wait_for(lambda sent: (sent.text, sent.to) == ("later", new.num), PATIENCE)
    running.log.wait_for(f"📤 Lettre à 0x{new.num:08x} acquittée par le destinataire")


def test_the_first_proof_may_be_the_command_itself_and_outlives_a_restart(
    node, running, incidents, admin, clock, tmp_path, settings
):
    new = upgraded(node, admin, clock)
    assert "🔑" in ask(node, new.num, "/sync")
    running.bot.stop()
    running._thread.join()
    with RunningBot(node.port, tmp_path, clock, **settings) as again:
        again.wait_ready()
        fingerprint = fingerprint_of(admin.public_key).replace(" ", "-")
        moved = f"🪪 admin_nodes: {admin.node_id} est maintenant {new.node_id}"
        again.log.wait_for(rf'{moved}\. .*"{fingerprint}".*"{admin.node_id}"')
        assert "🔑" in ask(node, new.num, "/sync")


def test_an_old_number_that_speaks_again_has_all_back(node, running, incidents, admin, friend, clock):
    ask(node, friend.num, f"/mail send {admin.node_id} see you at five")
    new = upgraded(node, admin, clock)
    assert "see you at five" in ask(node, new.num, "/mail")
    wait(clock)
    telemetry(node, admin.num, 81)
    incidents.wait_for(KeyShared)
    assert "/sync is not open" in ask(node, new.num, "/sync") or "old number" in ask(node, new.num, "/sync")
    assert ask(node, new.num, "/mail") == "📭 No mail for you."
    mails = running.bot.memory.mailbox.mails_of(admin.num)
    assert [mail.text for mail in mails] == ["see you at five"]
    assert len(incidents.of(KeyShared)) == 1


def test_who_announces_a_node_s_key_is_not_adopted(node, running, incidents, admin, friend, clock):
    ask(node, friend.num, f"/mail send {admin.node_id} see you at five")
    new = number_of(admin.public_key)
    wait(clock)
    forge_node_info(node, new, admin.long_name, admin.public_key, 91)
    wait(clock, 5 * SILENCE)
    telemetry(node, new, 92)
    clock.wait_for_rest()
    for question in ("/mail", "/mail del 1", "/sync"):
        node.hear_text(new, question, pki_encrypted=False)
    clock.wait_for_rest()
    assert [mail.read_at for mail in running.bot.memory.mailbox.mails_of(admin.num)] == [None]
    assert running.bot.node_manager.moved == {}
    assert "2 nodes match" in ask(node, friend.num, f"/info {admin.long_name}")
    assert incidents.of(KeyShared, KeyChanged) == []
    # its node was away, and is back
    telemetry(node, admin.num, 93)
    incidents.wait_for(KeyShared)
    assert "see you at five" in ask(node, admin.num, "/mail")
    assert "🔑" in ask(node, admin.num, "/sync")
    telemetry(node, admin.num, 94)
    clock.wait_for_rest()
    assert len(incidents.of(KeyShared)) == 1


def test_a_listed_key_is_an_admin_under_every_number(node, tmp_path, clock, admin):
    fingerprint = fingerprint_of(admin.public_key)
    with RunningBot(node.port, tmp_path, clock, **UNHURRIED, language="en", admin_nodes=[fingerprint]) as bot:
        bot.wait_ready()
        wait(clock)
        assert "🔑" in ask(node, admin.num, "/sync")
        new = node.upgrade_user(admin.num)
        wait(clock)
        telemetry(node, admin.num, 95)
        assert "🔑" in ask(node, new.num, "/sync")


def test_telegram_s_people_reach_and_are_an_upgraded_node(node, tmp_path, clock, new_api, admin):
    with new_api() as api:
        kim = api.user(KNOWN, "Kim")
        users = (f"{ADMIN} admin", f"{KNOWN} known {admin.node_id}")
        with telegram_bot(api, node.port, tmp_path, clock, telegram_users=users, bridge_ttl=86400) as bot:
            bot.wait_ready()
            wait_for_poll(api)
            kim.says(f"/send {admin.node_id} are you there?")
            packet = node.wait_for(lambda sent: sent.text == "Kim: are you there?", PATIENCE)
            api.wait_for("Acknowledged", kim)
            new = upgraded(node, admin, clock)
            node.hear_text(new.num, "yes, I am", reply_id=packet.packet.id)
            api.wait_for("yes, I am", kim)
            kim.says(f"/send {new.long_name} fine")
            assert node.wait_for(lambda sent: sent.text == "Kim: fine", PATIENCE).to == new.num
            kim.says("/trace")
            node.wait_until(lambda: any(sent.to == new.num and not sent.text for sent in node.transmitted), PATIENCE)
