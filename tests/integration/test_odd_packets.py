"""The real bot on a node that sends what is odd but true."""

import zlib

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.runtime.incidents import NodeWarning
from meshbot.storage import By
from tests.support.bot import UNHURRIED, RunningBot
from tests.support.incidents import Listener
from tests.support.waiting import PATIENCE


@pytest.fixture
def start(tmp_path, clock, new_node):
    """Start a bot on a node of that firmware, with a fault already on it; return both."""
    running = []

    def start(firmware="2.7.26", fault=""):
        node = new_node(nodes=6, firmware_version=firmware).__enter__()
        running.append(node)
        if fault:
            node.fault(fault)
        bot = RunningBot(node.port, tmp_path, clock, **UNHURRIED).__enter__()
        running.append(bot)
        bot.wait_ready()
        return bot, node

    yield start
    for each in reversed(running):
        each.__exit__(None, None, None)


def test_what_firmware_2_8_had_kept_is_neither_traffic_nor_heard_now(start, clock):
    bot, node = start("2.8.0")
    memory = bot.bot.memory
    bot.log.wait_for("SYNC COMPLETE")
    clock.wait_for_rest()
    for user in node.users:
        info, view = node.node_info(user.num), memory.node(user.num)
        assert view.position.latitude == pytest.approx(user.latitude, abs=1e-6)
        assert (view.position.at, view.battery, view.last_heard) == (info.position.time, user.battery, info.last_heard)
        assert view.direct_at is None or view.direct_at == info.last_heard
    assert memory.traffic(24, By.SENDER).packets == 0


def test_names_cut_inside_a_character_cost_neither_the_link_nor_a_key(start):
    bot, node = start(fault="cut_names")
    manager = bot.bot.node_manager
    bot.log.wait_for("SYNC COMPLETE")
    for user in node.users:
        assert manager.node(user.num).long_name == user.long_name.rstrip("\ue0ff")
        assert (manager.public_key(user.num) or b"") == user.public_key
        assert len(bot.log.matching(f"Texte coupé de {user.node_id}")) <= 1
    assert bot.bot.interface.localNode.channels[1].settings.name == "Entraide"


def test_our_node_s_new_number_counts_at_once(start):
    bot, node = start("2.8.0")
    old = node.num
    node.fault("renumber")
    new = zlib.crc32(node.own.public_key)
    bot.log.wait_for(f"🆔 Notre nœud a changé de numéro: !{old:08x} → !{new:08x}")
    assert (node.num, bot.bot._link.own_num()) == (new, new)
    question = node.hear_text(node.users[0].num, "/help")
    assert node.wait_for(lambda sent: sent.reply_id == question, PATIENCE).to == node.users[0].num
    assert len(bot.log.matching("Connexion TCP établie")) == 1


def test_the_node_s_own_warning_reaches_log_and_operator(start):
    bot, node = start()
    listener = Listener()
    bot.bot.incidents.listen(listener)
    node.fault("warn", text="Duty_cycle_limit_exceeded._You_can_send_again_in_5_mins")
    warning = listener.wait_for(NodeWarning)
    assert warning == NodeWarning("Duty cycle limit exceeded. You can send again in 5 mins")
    bot.log.wait_for("📻 Notre nœud prévient: Duty cycle limit exceeded")


@pytest.mark.parametrize("port", ["ALERT_APP", "DETECTION_SENSOR_APP"])
def test_an_alert_is_logged_as_a_text_and_runs_no_command(start, port):
    bot, node = start()
    for text in ("/help", "Porte ouverte"):
        packet = mesh_pb2.MeshPacket(to=node.num, id=zlib.crc32(text.encode()))
        setattr(packet, "from", node.users[0].num)
        packet.decoded.portnum = port
        packet.decoded.payload = text.encode()
        node.hear(packet)
    bot.log.wait_for(r"MESSAGE BRUT: 'Porte ouverte'")
    assert bot.log.matching(r"MESSAGE BRUT: '/help'")
    question = node.hear_text(node.users[0].num, "/help")
    node.wait_for(lambda sent: sent.reply_id == question, PATIENCE)
    assert len([sent for sent in node.transmitted if sent.text]) <= 3
    assert {sent.reply_id for sent in node.transmitted if sent.text} == {question}
