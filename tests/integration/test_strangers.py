"""What anybody can send, against the real bot: other nodes' names, our number, recorded packets, odd spellings."""

from queue import SimpleQueue

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from meshbot.virtual_node.receiver import HISTORY
from tests.support.bot import RunningBot
from tests.support.nodes import key

PATIENCE = 30.0
NODEINFO_APP, TEXT_APP = 4, 1
MALLORY = 0x66600666


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def running(node, folder, clock):
    with RunningBot(node.port, folder, clock, language="en") as bot:
        bot.wait_ready()
        yield bot


def answer(node, packet_id, text=""):
    """Wait for the answer to a packet that has this text in it."""
    return node.wait_for(lambda sent: sent.reply_id == packet_id and text in sent.text, PATIENCE).text


def answers(node, packet_id):
    return [sent.text for sent in node.transmitted if sent.reply_id == packet_id]


def node_info(num, name, public_key, packet_id):
    user = mesh_pb2.User(id=f"!{num:08x}", long_name=name, short_name=name[:4], hw_model=9, public_key=public_key)
    packet = data_packet(num, BROADCAST_NUM, NODEINFO_APP, user.SerializeToString(), packet_id)
    packet.rx_rssi, packet.rx_snr = -80, 5.0
    return packet


def wait_until_called(running, node, num, name):
    """Wait for the thread that learns names."""
    manager = running.bot.node_manager
    node.wait_until(lambda: (row := manager.node(num)) is not None and row.long_name == name, PATIENCE)


def keyed(node, count):
    return [user for user in node.users if user.public_key][:count]


def test_nobody_takes_another_s_name_or_letters(running, node):
    asker, victim = keyed(node, 2)
    node.hear(node_info(victim.num, "Somebody else", key(7), 71))
    node.hear(node_info(MALLORY, victim.long_name, key(8), 72))
    wait_until_called(running, node, MALLORY, victim.long_name)
    choice = answer(node, node.hear_text(asker.num, f"/mail send {victim.long_name} hello"))
    assert choice.startswith("2 nodes match, which one?")
    assert {line.split()[0] for line in choice.splitlines()[1:]} == {victim.node_id, "!66600666"}
    assert running.bot.node_manager.node(victim.num).long_name == victim.long_name


def test_a_name_that_changed_today_is_said_so(running, node):
    asker = keyed(node, 1)[0]
    node.hear(node_info(MALLORY, "Mallory", key(8), 71))
    node.hear(node_info(MALLORY, "Zoé", key(8), 72))
    wait_until_called(running, node, MALLORY, "Zoé")
    kept = answer(node, node.hear_text(asker.num, "/mail send Zoé hello"))
    assert "⚠️ !66600666 has had this name for less than a day; before: Mallory." in kept


def test_nobody_speaks_under_our_own_number(running, node):
    node.hear(node_info(node.num, "Mallory", key(7), 71))
    assert running.log.wait_for("🎭 1 paquets reçus par radio sous notre propre numéro")
    own = running.bot.node_manager.node(node.num)
    assert own.long_name == node.own.long_name
    assert key(7) not in running.bot.node_manager.pending_keys().get(node.num, set())


def recorded(num, own_num, packet_id):
    packet = data_packet(num, own_num, TEXT_APP, b"/ping", packet_id)
    packet.rx_rssi, packet.rx_snr = -80, 5.0
    return packet


def test_a_replayed_command_gets_no_answer_even_after_a_restart(node, folder, clock):
    user = keyed(node, 1)[0]
    with RunningBot(node.port, folder, clock, language="en") as bot:
        bot.wait_ready()
        node.hear(recorded(user.num, node.num, 71))
        answer(node, 71)
        for number in range(1200):
            node.hear(data_packet(0x1000 + number, BROADCAST_NUM, TEXT_APP, b"salut", 5000 + number))
        node.hear(recorded(user.num, node.num, 71))
        answer(node, node.hear_text(user.num, "/ping!"))
    # the node itself drops what it has heard lately
    for number in range(HISTORY):
        node.hear(data_packet(0x5000 + number, 0x77, TEXT_APP, b"for others", 1 + number))
    with RunningBot(node.port, folder, clock, language="en") as bot:
        bot.wait_ready()
        node.hear(recorded(user.num, node.num, 71))
        answer(node, node.hear_text(user.num, "/ ping"))
        # two workers end in any order
        clock.get(SimpleQueue(), clock.monotonic() + 20)
    assert len(answers(node, 71)) == 1


def test_a_greeting_by_direct_message_gets_a_line(running, node):
    user = keyed(node, 1)[0]
    greeting = node.hear_text(user.num, "Bonjour !")
    assert answer(node, greeting) == "👋 I answer commands such as /ping. /help lists them."
