"""What operators hear of: the real bot on a virtual node, each incident made at its source."""

from itertools import count
from types import SimpleNamespace
from unittest import mock

import pytest
from meshtastic.protobuf import mesh_pb2, portnums_pb2
from sqlalchemy import event

from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.runtime.incidents import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    KeyChanged,
    KeyChangeSource,
    KeyShared,
    LinkCause,
    LinkLost,
    LinkRecovered,
    NodeRebooted,
)
from tests.support.bot import RunningBot
from tests.support.incidents import Listener
from tests.support.nodes import key
from tests.support.waiting import PATIENCE

PACKET_IDS = count(4711)


@pytest.fixture
def node(new_node):
    with new_node(nodes=8, keys=6) as virtual_node:
        yield virtual_node


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def settings(node):
    return {"admin_nodes": [f"!{node.users[0].num:08x}"], "language": "en", "tcp_alert_after": 0.5}


@pytest.fixture
def running(node, tmp_path, settings, listener, clock):
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.bot.incidents.listen(listener)
        bot.wait_ready()
        bot.log.wait_for("Aucune clé à re-synchroniser|clés publiques re-synchronisées")
        yield bot


def hear_key(node, user, public_key):
    """Let a NODEINFO be heard under the user's number."""
    info = mesh_pb2.User(id=f"!{user.num:08x}", long_name=user.long_name, short_name="X", public_key=public_key)
    packet = mesh_pb2.MeshPacket(to=node.num, id=next(PACKET_IDS))  # the node drops what it has heard already
    setattr(packet, "from", user.num)
    packet.decoded.portnum = portnums_pb2.PortNum.NODEINFO_APP
    packet.decoded.payload = info.SerializeToString()
    node.hear(packet)


def ask(node, who, question, **fields):
    packet_id = node.hear_text(who, question, **fields)
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE).text


# -- the link and the node


def test_a_lasting_cut_is_one_message_for_lost_and_back(running, node, listener):
    node.fault("refuse")
    node.fault("drop")
    lost = listener.wait_for(LinkLost)
    assert (lost.node, lost.failures >= 3, lost.outage >= 0.5) == (f"127.0.0.1:{node.port}", True, True)
    assert (lost.cause, "Connection refused" in lost.detail) == (LinkCause.REFUSED, True)
    node.heal()
    back = listener.wait_for(LinkRecovered)
    assert back.outage > lost.outage
    assert "It refuses the connection" in listener.messages[0].text
    assert listener.messages[-1].text.startswith("🟢")
    assert len({message.key for message in listener.messages}) == 1


def test_each_lasting_cut_is_reported_however_recent_the_last(node, tmp_path, settings, listener, clock):
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.bot.incidents.listen(listener)
        for cut in (1, 2):
            bot.wait_ready(cut)
            node.fault("refuse")
            node.fault("drop")
            listener.wait_for(LinkLost, 2 * cut)
            assert len(listener.of(LinkRecovered)) == cut - 1
            node.heal()
            listener.wait_for(LinkRecovered, cut)


def test_a_cut_that_is_over_at_once_is_not_reported(running, node, listener):
    node.fault("drop")
    running.wait_ready(2)
    running.bot.incidents.report(DatabaseRecovered())  # whatever came before it has arrived
    assert [each for each in listener.heard if not isinstance(each, DiskRecovered)] == [DatabaseRecovered()]


def test_a_node_absent_at_the_start_is_reported_and_its_arrival_too(node, tmp_path, settings, listener, clock):
    node.fault("refuse")
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.bot.incidents.listen(listener)
        listener.wait_for(LinkLost)
        node.heal()
        listener.wait_for(LinkRecovered)
        assert listener.of(NodeRebooted) == []


def test_a_node_that_restarts_is_reported_with_its_count(running, node, listener):
    boots = running.bot.interface.boots
    node.fault("reboot", seconds=0.2)
    rebooted = listener.wait_for(NodeRebooted)
    assert (rebooted.boots, rebooted.ordered) == (boots + 1, False)
    assert rebooted.firmware == rebooted.firmware_before == running.bot.interface.firmware
    assert rebooted.firmware


# -- keys


def test_a_changed_key_is_reported_once_and_the_operator_settles_it(running, node, listener):
    operator, bob = node.users[0], node.users[1]
    for _ in range(2):
        hear_key(node, bob, key(78))
    changed = listener.wait_for(KeyChanged)
    old, new = fingerprint_of(bob.public_key), fingerprint_of(key(78))
    assert changed == KeyChanged(bob.num, bob.long_name, old, new, KeyChangeSource.NODE)
    refuse = listener.messages[-1].text.rpartition(" ou ")[2].rpartition(" or ")[2]
    assert refuse == f"/keys reject !{bob.num:08x} {fingerprint_of(key(78))[:4]}"
    cure = refuse.replace("reject", "accept")
    assert ask(node, operator.num, cure, pki_encrypted=False).startswith("🔒")
    assert ask(node, bob.num, cure).startswith("⛔")
    assert running.bot.node_manager.public_key(bob.num) == bob.public_key
    assert ask(node, operator.num, cure).endswith(f"{fingerprint_of(key(78))} is trusted now. The radio has it.")
    settled = listener.wait_for(KeyChanged, 2)
    assert (settled.source, settled.new) == (KeyChangeSource.OPERATOR, fingerprint_of(key(78)))
    assert running.bot.node_manager.public_key(bob.num) == key(78)
    assert listener.messages[-1].text.startswith("✅")
    assert listener.messages[-1].key == listener.messages[0].key
    assert len(listener.of(KeyChanged)) == 2


def test_a_reported_conflict_is_not_reported_again_by_the_next_start(node, tmp_path, settings, clock):
    bob = node.users[1]
    for seeds, reported in ([78], 78), ([78, 79], 79):
        listener = Listener()
        with RunningBot(node.port, tmp_path, clock, **settings) as bot:
            bot.bot.incidents.listen(listener)
            bot.wait_ready()
            for seed in seeds:
                hear_key(node, bob, key(seed))
            assert listener.wait_for(KeyChanged).new == fingerprint_of(key(reported))


def test_a_key_that_two_nodes_have_is_reported(running, node, listener):
    keyed = node.users[1]
    bare = next(user for user in node.users if not user.public_key)
    hear_key(node, bare, keyed.public_key)
    shared = listener.wait_for(KeyShared)
    assert {num for num, _name in shared.nodes} == {keyed.num, bare.num}
    assert listener.messages[-1].text.startswith("⚠️")


# -- disk and database


def test_a_full_disk_under_the_database_is_reported_and_its_end(running, node, listener):
    database = running.bot._database

    def limit_pages(connection, _record):
        connection.execute("PRAGMA max_page_count = 1").close()

    event.listen(database.backend.writer, "connect", limit_pages)
    database.backend.writer.dispose()
    user = node.users[1]
    for seed in range(60, 64):  # more than the pages at hand hold
        hear_key(node, user, key(seed))
    running.bot.node_manager.import_node_names(_many_names(running.settings.data_dir))
    assert "disque plein" in listener.wait_for(DatabaseFailed).reason
    event.remove(database.backend.writer, "connect", limit_pages)
    database.backend.writer.dispose()
    with database.transaction():
        pass
    listener.wait_for(DatabaseRecovered)
    alerts = [message.text for message in listener.messages if "atabase" in message.text]
    assert [text[:1] for text in alerts] == ["🗄", "🟢"]


def _many_names(folder):
    names = ",".join(f'"{num}": {{"longName": "Node {num} {"x" * 30}"}}' for num in range(1, 2000))
    path = folder / "names.json"
    path.write_text(f"{{{names}}}")
    return path


def test_a_full_disk_is_reported_at_the_start(node, tmp_path, settings, listener, clock):
    full = SimpleNamespace(total=100_000, used=99_000, free=1000)
    with mock.patch("shutil.disk_usage", return_value=full), RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.bot.incidents.listen(listener)
        assert listener.wait_for(DiskLow) == DiskLow(1000, 0.01)
