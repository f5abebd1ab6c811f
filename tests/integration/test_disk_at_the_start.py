"""A disk that stalls at the start, or a file that another program holds: the bot answers, and loses what it says."""

import signal
import sqlite3
import time

import pytest

from meshbot.storage.database import open_database
from meshbot.storage.mail import MailStore
from meshbot.storage.nodes import NodeStore
from meshbot.storage.replay_keys import ReplayStore
from meshbot.storage.sqlite import FILE_NAME
from meshbot.virtual_node.server import VirtualNode
from tests.support.bot import RunningBot
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.hanging_disk import HangingFile
from tests.support.nodes import key, record
from tests.support.process import BotProcess

PATIENCE = 30.0
FAR = 0x0A0B0C0D  # known from an earlier process alone
OLD_ORDER = 77
READING = "I have just started and have not read my data yet"


@pytest.fixture
def node():
    with VirtualNode(nodes=4, keys=3) as virtual_node:
        yield virtual_node


@pytest.fixture
def operator(node):
    return node.users[0].num


@pytest.fixture
def hanging(tmp_path, operator):
    """What an earlier process left: a node, a mail and an order of the operator's."""
    database = open_database(tmp_path, FakeClock())
    make_node_manager(NodeStore(database), FakeClock()).learn_from_nodeinfo(record(FAR, key(1), long_name="Loin"))
    ReplayStore(database).add([(operator, OLD_ORDER)], 1000)
    with MailStore(database).transaction() as mails:
        mails.insert(FAR, operator, "bonjour", 1_800_000_000, proven=True)
    database.close()
    file = HangingFile(tmp_path)
    yield file
    file.let_go()


def ask(node, who, question, **fields):
    packet_id = node.hear_text(who, question, **fields)
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE).text


def test_commands_are_answered_while_the_opening_of_the_database_hangs(node, operator, hanging, tmp_path):
    with RunningBot(node.port, tmp_path, language="en", admin_nodes=[f"!{operator:08x}"]) as running:
        running.wait_ready()
        manager = running.bot.node_manager
        assert ask(node, operator, "/ping")
        assert READING in ask(node, operator, "/trust", packet_id=OLD_ORDER)
        assert READING in ask(node, operator, "/mail")
        running.log.wait_for("SYNC COMPLETE: 0")
        assert not manager.is_loaded
        hanging.let_go()
        running.log.wait_for("SYNC COMPLETE: 1")
        running.log.wait_for("Base de données de nouveau accessible")
        deadline = time.monotonic() + PATIENCE
        while not (manager.is_loaded and manager.public_key(operator)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert manager.node(FAR).long_name == "Loin"
        assert "bonjour" in ask(node, operator, "/mail")
        node.hear_text(operator, "/trust", packet_id=OLD_ORDER + 1)
        running.log.wait_for("MESSAGE BRUT: '/trust'", 2)


def test_a_stop_during_that_is_as_quick_and_says_what_is_lost(node, hanging, tmp_path):
    where = {"tcp_host": "127.0.0.1", "tcp_port": node.port, "data_dir": tmp_path}
    with BotProcess(cwd=tmp_path, **where) as bot:
        bot.wait_for("Connexion TCP établie")
        node.fault("tx_queue_full")
        node.hear_text(node.users[0].num, "/ping")
        bot.wait_for("TX_QUEUE_FULL")
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
        assert len(bot.matching("❌ Arrêt: 1 envois acceptés n'ont pu être ni transmis ni enregistrés")) == 1


def test_a_stop_with_a_locked_database_says_how_many_answers_are_lost(node, tmp_path):
    where = {"tcp_host": "127.0.0.1", "tcp_port": node.port, "data_dir": tmp_path}
    with BotProcess(cwd=tmp_path, **where) as bot:
        bot.wait_for("SYNC COMPLETE")
        holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, timeout=10)
        holder.execute("BEGIN IMMEDIATE")
        node.fault("tx_queue_full")
        for user in node.users[:2]:
            node.hear_text(user.num, "/ping")
        bot.wait_for("TX_QUEUE_FULL")
        bot.wait_for("MESSAGE BRUT", 2)
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
        holder.close()
    assert len(bot.matching("❌ Arrêt: 2 envois acceptés")) == 1, bot.output
