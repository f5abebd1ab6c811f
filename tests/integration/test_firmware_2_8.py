"""The real bot on a node of firmware 2.8: signatures, its new number, lockdown."""

import pytest

from meshbot.mesh_link.messages import BROADCAST_NUM
from meshbot.nodes import Outcome
from meshbot.runtime.incidents import NodeLocked, NodeUnlocked, OwnNumberChanged
from meshbot.sending.outgoing import OutgoingText, Priority
from tests.support.bot import UNHURRIED, RunningBot
from tests.support.incidents import Listener
from tests.support.waiting import PATIENCE

NEW_NUMBER = "🆔 Notre nœud a changé de numéro"
LOCKED = "🔒 Notre nœud est verrouillé"


@pytest.fixture
def new_bot(tmp_path, clock):
    """Return a function that makes a bot for a node, each in the same folder."""
    return lambda node, **settings: RunningBot(node.port, tmp_path, clock, **UNHURRIED | settings)


@pytest.fixture
def node(new_node):
    with new_node(nodes=40, firmware_version="2.8.0") as node:
        yield node


def text_to(num, clock):
    return OutgoingText("later", num, want_ack=True, priority=Priority.BRIDGE, expires_at=clock.monotonic() + 86400)


def answer_to(node, question):
    return node.wait_for(lambda sent: sent.reply_id == question, PATIENCE)


@pytest.mark.parametrize("version", ["2.7.26", "2.8.0"])
def test_what_goes_to_a_channel_is_signed_and_nothing_else_is_cut(new_node, new_bot, clock, version):
    with new_node(nodes=40, firmware_version=version) as node, new_bot(node, answer_on_channels=[0]) as bot:
        bot.wait_ready()
        bot.log.wait_for("SYNC COMPLETE")
        asker = node.users[0].num
        for user in node.users[:20]:
            node.hear_text(user.num, "hello", to=BROADCAST_NUM)
        clock.wait_for_rest()
        on_channel = answer_to(node, node.hear_text(asker, "/nodes", to=BROADCAST_NUM))
        directly = answer_to(node, node.hear_text(asker, "/nodes"))
        assert directly.packet.decoded.payload.decode().startswith("📡")
        signs = version == "2.8.0"
        assert (on_channel.is_signed, directly.is_signed) == (signs, False)
        limit = 161 if signs else 200
        assert limit - 40 < len(on_channel.text.encode()) <= limit < len(directly.text.encode()) + 40
        assert len(directly.text.encode()) > 161
        # region presets, which the library does not know, are no garbage
        assert bot.bot.interface._frames.skipped == 0


def test_a_signature_on_a_channel_is_noted(node, new_bot, clock):
    with new_bot(node, answer_on_channels=[0]) as bot:
        bot.wait_ready()
        keyed, keyless = (next(u.num for u in node.users if bool(u.public_key) is has_key) for has_key in (True, False))
        signer = node.upgrade_user(keyed)
        question = node.hear_text(signer.num, "/ping", to=BROADCAST_NUM)
        answer_to(node, question)
        clock.wait_for_rest()
        assert bot.bot.memory.node(signer.num).signs
        node.hear_text(keyless, "hello", to=BROADCAST_NUM)
        clock.wait_for_rest()
        assert not bot.bot.memory.node(keyless).signs


def test_a_new_number_is_told_once_over_connections_and_processes(node, new_bot, clock):
    old = node.num
    listener = Listener()
    with new_bot(node) as bot:
        bot.bot.incidents.listen(listener)
        bot.wait_ready()
        node.fault("renumber")
        bot.log.wait_for(NEW_NUMBER)
        assert listener.wait_for(OwnNumberChanged) == OwnNumberChanged(old, node.num)
        bot.bot._reconnect_tcp_interface()
        bot.wait_ready(times=2)
        assert len(bot.log.matching(NEW_NUMBER)) == 1
    with new_bot(node) as bot:
        bot.bot.incidents.listen(listener)
        bot.wait_ready()
        assert not bot.log.matching(NEW_NUMBER)
        question = node.hear_text(node.users[0].num, "/status")
        assert f"!{old:08x}" in answer_to(node, question).text
    assert len(listener.of(OwnNumberChanged)) == 1


def test_an_upgrade_while_the_bot_is_away_is_told_at_its_start(new_node, new_bot):
    with new_node(nodes=5, firmware_version="2.7.26") as node:
        with new_bot(node) as bot:
            bot.wait_ready()
        old = node.num
        node.upgrade("2.8.0")
        with new_bot(node) as bot:
            bot.wait_ready()
            bot.log.wait_for(f"{NEW_NUMBER}: !{old:08x} → !{node.num:08x}")


def test_a_node_in_lockdown_teaches_nothing_and_loses_nothing(node, new_bot, clock):
    with new_bot(node) as bot:
        bot.wait_ready()
        bot.log.wait_for("SYNC COMPLETE")
        clock.wait_for_rest()
        manager, link = bot.bot.node_manager, bot.bot._link
        known, channels = (manager.nodes(), manager.counts(), manager.duplicates()), link.channels()
        node.fault("lockdown")
        bot.bot._reconnect_tcp_interface()
        bot.log.wait_for(LOCKED)
        clock.wait_for_rest()
        assert link.is_locked()
        assert link.interface() is None
        assert (manager.nodes(), manager.counts(), manager.duplicates()) == known
        assert (link.channels(), link.own_num()) == (channels, node.num)
        before = len(node.received.packets)
        bot.bot._sender.tell(text_to(node.users[0].num, clock))
        clock.wait_for_rest()
        assert len(node.received.packets) == before
        # the one that was asked for
        assert len(bot.log.matching("Lien TCP perdu")) == 1
        node.heal("lockdown")
        bot.bot._reconnect_tcp_interface()
        bot.wait_ready(times=2)
        assert not link.is_locked()
        assert node.wait_for(lambda sent: sent.text == "later", PATIENCE)


def test_a_bot_started_on_a_locked_node_waits_until_it_is_unlocked(node, new_bot, clock):
    node.fault("lockdown")
    with new_bot(node) as bot:
        bot.log.wait_for(LOCKED)
        clock.wait_for_rest()
        assert bot.bot.node_manager.nodes() == []
        assert not bot.log.matching("Connexion TCP établie|SYNC COMPLETE")
        node.heal("lockdown")
        node.fault("reboot")
        bot.wait_ready()
        bot.log.wait_for("SYNC COMPLETE")
        clock.wait_for_rest()
        assert len(bot.bot.node_manager.nodes()) > len(node.users) / 2
        assert len(bot.log.matching(LOCKED)) == 1


def test_a_lockdown_is_alerted_and_named_as_the_obstacle(node, new_bot, clock):
    incidents, user = Listener(), next(user for user in node.users if user.public_key)
    with new_bot(node) as bot:
        bot.bot.incidents.listen(incidents)
        bot.wait_ready()
        bot.log.wait_for("🗝️ Clés publiques dans la radio")
        node.fault("lockdown")
        bot.bot._reconnect_tcp_interface()
        incidents.wait_for(NodeLocked)
        assert bot.bot._custody.teach(user.num) is Outcome.LOCKED
        node.heal("lockdown")
        bot.bot._reconnect_tcp_interface()
        incidents.wait_for(NodeUnlocked)
        bot.log.wait_for("🗝️ Clés publiques dans la radio", 2)
        assert bot.bot._custody.teach(user.num) is Outcome.HELD
    assert [each.text.split()[0] for each in incidents.messages if "lock" in each.text] == ["🔒", "🟢"]
