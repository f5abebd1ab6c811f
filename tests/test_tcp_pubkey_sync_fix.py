"""The specification's cases: deferred sync timing, error handling, normal sync, skip logic, cache."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.virtual_node.server import VirtualNode
from node_manager import NodeManager
from tests.support.bot import RunningBot
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, BareInterface, key, name_of, record, text_of

STARTING = ("INFO", "🔄 Starting public key synchronization to interface.nodes...")


@pytest.fixture
def manager():
    """Knows three nodes and the keys of two of them."""
    manager = NodeManager(None, FakeClock())
    manager.learn_from_node_database([record(ALICE, key(1)), record(BOB, key(2)), record(CAROL)])
    return manager


@pytest.fixture
def lines(caplog):
    """The log lines so far, as (level, message)."""
    caplog.set_level(logging.INFO)
    return lambda: [(each.levelname, each.message) for each in caplog.records]


class UnreadyInterface:
    """Its nodes cannot be reached."""

    @property
    def nodes(self):
        raise ConnectionError("Connection lost")


# Case 1: deferred timing


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def node():
    with VirtualNode(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, clock, tmp_path):
    """The real bot, its time moved by the test, just after READY."""
    with RunningBot(node.port, tmp_path, clock, tcp_pubkey_sync_delay=15, tcp_probe_after=3600) as bot:
        bot.wait_ready()
        clock.wait_parked(clock.monotonic() + 15)
        # the keys of the node's database are learnt by it, once its own database is open
        clock.wait_for_thread("Housekeeping")
        yield bot


def help_is_answered(node):
    packet_id = node.hear_text(node.users[0].num, "/help")
    return bool(node.wait_for(lambda sent: sent.reply_id == packet_id, 30))


def test_deferred_timing_the_sync_runs_in_a_daemon_thread_after_15_s(running, node, clock):
    assert running.log.matching("programmée dans 15s")
    assert [t.daemon for t in threading.enumerate() if t.name == "TCP-PubkeySync"] == [True]
    clock.advance(14.9)
    assert help_is_answered(node)
    assert not running.log.matching("Démarrage|SYNC")
    clock.advance(0.1)
    running.log.wait_for("🔑 Démarrage synchronisation clés publiques différée")
    running.log.wait_for("✅ SYNC COMPLETE: 10 public keys synchronized to interface.nodes")


def test_deferred_timing_the_reconnection_does_not_wait_for_it(running, node, clock):
    node.fault("drop")
    running.log.wait_for("Lien TCP perdu")
    clock.advance(1)
    running.log.wait_for("Reconnexion TCP réussie")
    assert help_is_answered(node)
    assert not running.log.matching("Démarrage")


def test_deferred_timing_a_lost_link_cancels_its_sync_for_the_next(running, node, clock):
    clock.advance(10)
    node.fault("drop")
    running.log.wait_for("Lien TCP perdu")
    clock.advance(1)
    running.log.wait_for("Reconnexion TCP réussie")
    clock.wait_parked(clock.monotonic() + 15)
    clock.advance(14.9)
    assert not running.log.matching("Démarrage")
    clock.advance(0.1)
    running.log.wait_for("SYNC COMPLETE")
    assert len(running.log.matching("Démarrage")) == 1


# Case 2: error handling


def test_error_handling_nodes_that_raise_are_reported_and_nothing_is_injected(manager, lines):
    assert manager.sync_pubkeys_to_interface(UnreadyInterface(), force=True) == 0
    assert lines() == [
        STARTING,
        ("ERROR", "⚠️ Error accessing interface.nodes: Connection lost"),
        ("ERROR", "❌ Cannot sync pubkeys: interface.nodes not accessible"),
    ]


@pytest.mark.parametrize("nodes", [None, "no interface at all"])
def test_error_handling_nodes_that_are_none_are_reported_and_nothing_is_injected(manager, lines, nodes):
    interface = BareInterface() if nodes is None else None
    if interface:
        interface.nodes = None
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 0
    assert lines() == [STARTING, ("ERROR", "❌ Cannot sync pubkeys: interface.nodes is None")]


def test_error_handling_a_failed_sync_does_not_count_as_one(manager):
    interface = BareInterface(ALICE)
    nodes, interface.nodes = interface.nodes, None
    manager.sync_pubkeys_to_interface(interface)
    interface.nodes = nodes
    assert manager.sync_pubkeys_to_interface(interface) == 2


def test_error_handling_a_failed_sync_makes_the_next_one_look_again(manager):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    interface.hear(ALICE)
    nodes, interface.nodes = interface.nodes, None
    manager.sync_pubkeys_to_interface(interface, force=True)
    interface.nodes = nodes
    assert manager.sync_pubkeys_to_interface(interface) == 1


# Case 3: normal sync


def test_normal_sync_puts_every_known_key_into_the_interface(manager, lines):
    interface = BareInterface(ALICE, CAROL)
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 2
    assert interface.key_of(ALICE) == text_of(key(1))
    assert interface.key_of(BOB) == text_of(key(2))
    assert interface.key_of(CAROL) is None
    assert lines() == [
        STARTING,
        ("INFO", "   Current interface.nodes count: 2"),
        ("INFO", "✅ SYNC COMPLETE: 2 public keys synchronized to interface.nodes"),
    ]


def test_normal_sync_of_an_interface_in_step_injects_nothing_and_counts_all(manager, lines):
    interface = BareInterface(ALICE, BOB)
    manager.sync_pubkeys_to_interface(interface, force=True)
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 0
    assert lines()[-1] == ("INFO", "✅ SYNC COMPLETE: 2 public keys synchronized to interface.nodes")


# Case 4: skip logic


def test_skip_logic_an_unforced_sync_is_skipped_when_nothing_changed(manager, lines):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    said = len(lines())
    assert manager.sync_pubkeys_to_interface(interface) == 0
    assert len(lines()) == said


def test_skip_logic_force_never_skips(manager):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    # as if unnoticed
    interface.hear(ALICE)
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 1


def test_skip_logic_a_new_interface_is_synced(manager):
    manager.sync_pubkeys_to_interface(BareInterface(ALICE))
    assert manager.sync_pubkeys_to_interface(BareInterface(ALICE)) == 2


def test_skip_logic_a_restarted_configuration_is_synced(manager):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    interface.nodes, interface.nodesByNum = {}, {}
    assert manager.sync_pubkeys_to_interface(interface) == 2


def test_skip_logic_a_new_key_is_synced(manager):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    manager.learn_from_nodeinfo(record(CAROL, key(3)))
    assert manager.sync_pubkeys_to_interface(interface) == 1
    assert interface.key_of(CAROL) == text_of(key(3))


def test_skip_logic_a_nodeinfo_without_a_key_is_synced(manager):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    interface.hear(ALICE)
    manager.learn_from_nodeinfo(record(ALICE))
    assert manager.sync_pubkeys_to_interface(interface) == 1
    assert interface.key_of(ALICE) == text_of(key(1))


# Case 5: cache


def test_cache_keys_are_read_and_synced_without_the_database(tmp_path):
    clock = FakeClock()
    database = open_database(tmp_path, clock)
    make_node_manager(NodeStore(database), clock).learn_from_node_database([record(ALICE, key(1), long_name="Alice")])
    manager = make_node_manager(NodeStore(database), clock)
    database.close()
    database.backend.path.unlink()
    interface = BareInterface(ALICE)
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 1
    assert manager.public_key(ALICE) == key(1)
    assert name_of(manager, ALICE) == "Alice"
    assert not database.backend.path.exists()


class CountingNodes(dict):
    """Counts the look-ups, to show that there are none."""

    looked_up = 0

    def get(self, *args):
        self.looked_up += 1
        return super().get(*args)


def test_cache_a_skipped_sync_looks_at_no_node(manager):
    interface = BareInterface(ALICE)
    interface.nodes = CountingNodes(interface.nodes)
    manager.sync_pubkeys_to_interface(interface)
    needed = interface.nodes.looked_up
    assert needed > 0
    manager.sync_pubkeys_to_interface(interface)
    assert interface.nodes.looked_up == needed


# `python3 -m tests.test_tcp_pubkey_sync_fix`, as the specification starts it
if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
