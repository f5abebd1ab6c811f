"""The real bot over the virtual node: keys that the radio loses come back, and no mark or packet too many is left."""

import pytest
from meshtastic.protobuf import admin_pb2, mesh_pb2, portnums_pb2

from meshbot.nodes import fingerprint_of
from meshbot.sending.outgoing import OutgoingText, Priority
from meshbot.storage.custody import CustodyRow, CustodyStore
from meshbot.storage.database import open_database
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 60.0
PortNum = portnums_pb2.PortNum
FIRMWARE = ("2.7.26", "2.8.0")


@pytest.fixture(params=FIRMWARE)
def node(request, new_node):
    with new_node(nodes=12, firmware_version=request.param) as virtual_node:
        yield virtual_node


@pytest.fixture
def users(node):
    """The first, an admin, and the others that have a key."""
    return [user for user in node.users if user.public_key]


@pytest.fixture
def settings(users):
    return {**UNHURRIED, "admin_nodes": (users[0].node_id,), "language": "en"}


@pytest.fixture
def running(node, tmp_path, clock, settings):
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        looked_at(bot)
        yield bot


def looked_at(running, times=1):
    running.log.wait_for("🗝️ Clés publiques dans la radio: ", times)


def ask(node, user, question="/ping"):
    return node.hear_text(user.num, question)


def answered(node, packet_id):
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE)


def talk(node, user):
    answered(node, ask(node, user))


def forget(running, node, user):
    """Have the radio lose a user's key, as its database does by itself, while the bot does not look.

    What is still on its way to it would have it know the user again.
    """
    quiet = len(node.transmitted) and max(sent.at for sent in node.transmitted) + 5
    node.wait_until(lambda: running.bot._sender._clock.monotonic() > quiet, PATIENCE)
    running.bot.interface.administration.remove_node(0, user.num)
    node.wait_until(lambda: node.node_info(user.num) is None, PATIENCE)


def reconnect(running, node, times=2):
    node.fault("drop")
    running.wait_ready(times)
    looked_at(running, times)


def questions(node):
    """To whom the bot's node said that it cannot read them."""
    return [sent.to for sent in node.transmitted if sent.packet.decoded.portnum == PortNum.ROUTING_APP]


def orders(node):
    """The names of the bot's admin messages, the clock's left out."""
    found = [p.packet.decoded for p in node.received.packets if p.packet.decoded.portnum == PortNum.ADMIN_APP]
    names = [admin_pb2.AdminMessage.FromString(data.payload).WhichOneof("payload_variant") for data in found]
    return [name for name in names if name != "set_time_only"]


# -- ahead of time


def test_a_healthy_mesh_sees_no_packet_of_custody(running, node, users):
    for user in users[:3]:
        talk(node, user)
    reconnect(running, node)
    assert questions(node) == orders(node) == []
    assert not [sent for sent in node.transmitted if not sent.text]
    assert node.received.others == 0


def test_a_user_whose_key_the_radio_lost_gets_through_again(running, node, users):
    user = users[1]
    talk(node, user)
    forget(running, node, user)
    reconnect(running, node)
    running.log.wait_for(f"🗝️ !{user.num:08x} est prié de se présenter")
    node.wait_until(lambda: node.node_info(user.num) is not None, PATIENCE)
    talk(node, user)
    assert questions(node) == [user.num]
    assert orders(node) == ["remove_by_nodenum"]
    assert not node.node_info(user.num).is_favorite


def test_a_user_who_does_not_answer_is_taught_and_no_favourite(running, node, users):
    user = users[1]
    talk(node, user)
    forget(running, node, user)
    node.fault("unheard")
    reconnect(running, node)
    running.log.wait_for(f"🗝️ Clé de !{user.num:08x} apprise à la radio")
    node.heal()
    assert orders(node) == ["remove_by_nodenum", "add_contact", "remove_favorite_node"]
    info = node.node_info(user.num)
    assert (info.user.public_key, info.user.long_name) == (user.public_key, user.long_name)
    assert not info.is_favorite
    talk(node, user)


def test_status_tells_of_the_radio_alone(running, node, users):
    admin, user = users[0], users[1]
    known = running.bot.node_manager.counts().keys
    talk(node, user)
    forget(running, node, user)
    node.fault("unheard")
    reconnect(running, node)
    running.log.wait_for(f"🗝️ Clés publiques dans la radio: {known - 1} sur {known}; 1 absentes, 0 différentes")
    running.log.wait_for(f"🗝️ Clé de !{user.num:08x} apprise")
    node.heal()
    assert f"keys in the radio: {known}/{known}" in answered(node, ask(node, admin, "/status")).text


# -- crashes and the operator's favourites


def test_a_mark_left_by_a_crash_is_taken_off(node, users, tmp_path, clock, settings):
    left, kept = users[1], users[2]
    with RunningBot(node.port, tmp_path, clock, **settings) as running:
        running.wait_ready()
        for user in (left, kept):
            running.bot.interface._send_admin(admin_pb2.AdminMessage(set_favorite_node=user.num), 0)
        node.wait_until(lambda: node.node_info(kept.num).is_favorite, PATIENCE)
    keep_note(tmp_path, clock, left.num, stays_favourite=False)
    with RunningBot(node.port, tmp_path, clock, **settings) as running:
        running.wait_ready()
        node.wait_until(lambda: not node.node_info(left.num).is_favorite, PATIENCE)
        clock.wait_for_rest()
    assert node.node_info(kept.num).is_favorite
    assert stored(tmp_path, clock)[left.num].stays_favourite is None


def keep_note(folder, clock, num, **details):
    database = open_database(folder, clock)
    CustodyStore(database).save([CustodyRow(num, **details)], [], None)
    database.close()


def stored(folder, clock):
    database = open_database(folder, clock)
    rows, _own = CustodyStore(database).load()
    database.close()
    return rows


# -- the operator


def test_trust_answers_once_the_radio_has_the_key(running, node, users):
    admin, user = users[0], users[1]
    talk(node, user)
    changed = node.change_key(user.num)
    running.log.wait_for(f"Autre clé publique pour .*{changed.num:08x}" if changed.num == user.num else "Même clé|📒|🗝️")
    if changed.num != user.num:
        pytest.skip("another number is another node: nothing to trust")
    answer = answered(node, ask(node, admin, f"/trust {user.node_id}")).text
    assert answer.endswith(" is trusted now. The radio has it.")
    assert node.node_info(user.num).user.public_key == changed.public_key
    assert not node.node_info(user.num).is_favorite
    talk(node, user)


def test_a_managed_radio_is_not_taught_and_trust_says_so(running, node, users):
    admin, user = users[0], users[1]
    new_key(node, user)
    running.log.wait_for("Autre clé publique pour ")
    running.bot.interface.localNode.localConfig.security.is_managed = True
    looked = len(running.log.matching("🗝️ Clés publiques"))
    running.bot._disk.tell(look_now())
    looked_at(running, looked + 1)
    answer = answered(node, ask(node, admin, f"/trust {user.node_id}")).text
    assert "⚠️ The radio does not have it: it is managed" in answer
    assert orders(node) == []


def test_a_rejected_key_leaves_the_radio_as_well(running, node, users):
    admin, user = users[0], users[1]
    talk(node, user)
    begin = fingerprint_of(user.public_key)[:4]
    answer = answered(node, ask(node, admin, f"/keys reject {user.node_id} {begin}")).text
    assert answer.endswith("proves nothing from now on. The radio has forgotten it.")
    assert orders(node) == ["remove_by_nodenum"]
    assert node.node_info(user.num) is None
    assert user.num not in running.bot.interface.radio_keys


def test_a_verified_key_is_taught_at_once(running, node, users):
    admin, user = users[0], users[1]
    forget(running, node, user)
    reconnect(running, node)
    assert questions(node) == []
    answer = answered(node, ask(node, admin, f"/keys verify {user.node_id}")).text
    assert answer.endswith(" is verified. The radio has it.")
    assert node.node_info(user.num).user.public_key == user.public_key
    assert not node.node_info(user.num).is_favorite


def look_now():
    from meshbot.nodes import LookAtKeys  # noqa: PLC0415 - as main_bot tells it

    return LookAtKeys()


def new_key(node, user):
    """Let the node hear a NODEINFO of the user with another key, which the radio does not take."""
    packet = mesh_pb2.MeshPacket(to=BROADCAST_NUM, id=0x1234, rx_snr=5.0, rx_rssi=-80, hop_start=3, hop_limit=3)
    setattr(packet, "from", user.num)
    packet.decoded.portnum = PortNum.NODEINFO_APP
    name = mesh_pb2.User(id=user.node_id, long_name=user.long_name, short_name=user.short_name, public_key=b"\7" * 32)
    packet.decoded.payload = name.SerializeToString()
    node.hear(packet)


# -- on demand


@pytest.mark.parametrize(("reason", "remote"), [("PKI_SEND_FAIL_PUBLIC_KEY", 0), ("PKI_FAILED", 0), ("NO_CHANNEL", 1)])
def test_an_answer_that_lacks_a_key_goes_again_under_a_new_id(running, node, users, reason, remote):
    node.fault("nak", reason=reason, remote=remote, packets=1)
    packet_id = ask(node, users[1])
    running.log.wait_for(rf"📤 Réponse à 0x\w+ remise à plus tard \({reason}: ")
    talk(node, users[2])
    running.log.wait_for("acquittée par le destinataire", 2)
    tried = [p.packet.id for p in node.received.packets if p.packet.decoded.reply_id == packet_id]
    assert len(set(tried)) == 2
    assert questions(node) == [users[1].num]


def test_a_letter_s_notice_reaches_a_node_whose_key_the_radio_lost(running, node, users):
    sender, recipient = users[1], users[2]
    answered(node, ask(node, sender, f"/mail send {recipient.node_id} hello"))
    forget(running, node, recipient)
    node.hear_text(recipient.num, "bonjour", to=BROADCAST_NUM)
    notice = node.wait_for(lambda sent: sent.to == recipient.num and "1" in sent.text, PATIENCE)
    assert notice.packet.pki_encrypted
    running.log.wait_for("📤 Lettre à .* remise à plus tard|📤 Lettre à .* acquittée")


# -- the radio's amnesia


def test_a_radio_that_lost_its_nodes_is_told_of_once_and_cured(running, node, users):
    for user in users[1:4]:
        talk(node, user)
    running.bot.interface._send_admin(admin_pb2.AdminMessage(nodedb_reset=True), 0)
    running.wait_ready(2)
    looked_at(running, 2)
    running.log.wait_for(r"🧠 La radio a perdu la mémoire; nœuds: 11 → \d")
    node.wait_until(lambda: all(node.node_info(user.num) for user in users[1:4]), PATIENCE)
    for user in users[1:4]:
        talk(node, user)
    assert "⚠️ the radio lost its nodes (11 → " in answered(node, ask(node, users[0], "/status")).text
    reconnect(running, node, 3)
    assert len(running.log.matching("perdu la mémoire")) == 1


# -- old firmware


def test_old_firmware_never_sends_in_clear_what_it_has_no_key_for(new_node, tmp_path, clock):
    with new_node(nodes=12, firmware_version="2.7.10") as node:
        users = [user for user in node.users if user.public_key]
        with RunningBot(node.port, tmp_path, clock, **UNHURRIED, language="en") as running:
            running.wait_ready()
            looked_at(running)
            talk(node, users[0])
            node.fault("forget_nodes")
            node.fault("unheard")
            reconnect(running, node)
            running.bot._sender.tell(OutgoingText("secret", users[1].num, priority=Priority.MAIL, want_ack=True))
            sent = node.wait_for(lambda sent: sent.text == "secret", PATIENCE)
        assert sent.packet.pki_encrypted
        assert not [each for each in node.transmitted if each.text == "secret" and not each.packet.pki_encrypted]
