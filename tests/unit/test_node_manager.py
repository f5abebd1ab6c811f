import base64
import json
import logging
import sqlite3
import threading
from hashlib import sha256

import pytest
from sqlalchemy import event

import node_manager as node_manager_module
from meshbot.mesh_link.messages import RadioMetadata, ReceivedText, TextMessage
from meshbot.nodes import Candidate, KeyDecision, KeyEntry, KeyState, NodeActivity, NodeCounts, weak_keys
from meshbot.nodes import trust as trust_module
from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.identity import SILENCE, number_of
from meshbot.nodes.node_rows import NEWCOMER_FOR
from meshbot.nodes.trust import NAMES_WAIT
from meshbot.runtime.incidents import KeyChangeSource, KeyShared
from meshbot.runtime.journal import fields_of
from meshbot.storage.database import open_database
from meshbot.storage.nodes import KeySource, NodeRow, NodeStore
from node_manager import NodeManager
from tests.support.configured import make_node_manager
from tests.support.fake_clock import EPOCH, FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, OWN, BareInterface, key, name_of, prove, record, text_of, upgrade
from tests.support.packet_records import packet

START = int(EPOCH.timestamp())


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path / "data", FakeClock(), busy_timeout=0.05)
    yield opened
    opened.close()


@pytest.fixture
def manager(database):
    return restarted(database)


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [f"{each.levelname} {each.message}" for each in caplog.records]


def restarted(database):
    """A manager that knows what the database holds."""
    return make_node_manager(NodeStore(database), FakeClock())


def locked(database):
    """Another program's lock; closing it frees the database."""
    other = sqlite3.connect(database.backend.path)
    other.execute("BEGIN IMMEDIATE")
    return other


# What is known


def test_an_unknown_node_is_called_by_its_id_and_has_no_key(manager):
    assert name_of(manager, 0xA) == "!0000000a"
    assert manager.public_key(0xA) is None
    assert manager.counts() == NodeCounts(nodes=0, keys=0, pending=0)


def test_a_node_is_named_by_its_long_else_short_name(manager):
    manager.learn_from_nodeinfo(record(ALICE, short_name="AL"))
    assert name_of(manager, ALICE) == "AL"
    manager.learn_from_nodeinfo(record(ALICE, long_name="Alice"))
    assert name_of(manager, ALICE) == "Alice"


def test_a_placeholder_never_replaces_a_name(manager):
    manager.learn_from_nodeinfo(record(ALICE, long_name="Alice", short_name="AL", hw_model="TBEAM"))
    placeholder = record(ALICE, long_name="Meshtastic 1eef", short_name="1eef", hw_model="UNSET")
    manager.learn_from_node_database([placeholder])
    assert name_of(manager, ALICE) == "Alice"


def test_names_bring_no_control_characters_into_the_log(manager, lines):
    manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Al\nice\x1b[2J\u202e \ud83d🦊"))
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    assert name_of(manager, ALICE) == "Al ice[2J ?🦊"
    assert "Al ice[2J ?🦊 (!20001eef)" in lines()[0]


def test_a_name_of_which_nothing_can_be_seen_is_none(manager):
    manager.learn_from_nodeinfo(record(ALICE, long_name="   ", short_name="\u200b \t"))
    assert not manager.is_named(ALICE)
    assert name_of(manager, ALICE) == "!20001eef"
    manager.learn_from_nodeinfo(record(ALICE, long_name="  Alice  ", short_name=" AL "))
    assert (manager.node(ALICE).long_name, manager.node(ALICE).short_name) == ("Alice", "AL")


def test_counts_tell_nodes_keys_and_unconfirmed_keys(manager):
    manager.learn_from_node_database([record(ALICE, key(1)), record(BOB)])
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    assert manager.counts() == NodeCounts(nodes=2, keys=1, pending=1)
    assert manager.pending_keys() == {ALICE: {key(2)}}


# Admins


def test_the_radio_changes_no_admin_s_key(database):
    store = NodeStore(database)
    imported = [(NodeRow(ALICE, "Alice"), key(1)), (NodeRow(BOB), key(2))]
    make_node_manager(store, FakeClock())._learn(imported, KeySource.IMPORT)
    # the radio's database comes before ours is read, as at a start, and then again
    manager = NodeManager(store, FakeClock(), admins={ALICE})
    for _ in range(2):
        manager.learn_from_node_database([record(ALICE, key(3), long_name="Mallory"), record(BOB, key(4))])
        manager.flush()
    assert (manager.public_key(ALICE), manager.public_key(BOB)) == (key(1), key(4))
    assert (manager.pending_keys(), name_of(manager, ALICE)) == ({ALICE: {key(3)}}, "Alice")
    manager.confirm_key(ALICE, key(3))
    assert manager.public_key(ALICE) == key(3)


# Newcomers


def test_a_key_by_air_makes_a_newcomer_for_a_day(database):
    clock = FakeClock()
    manager = make_node_manager(NodeStore(database), clock)
    manager.learn_from_nodeinfo(record(ALICE, key(1)))
    # the radio has learnt it from the same packet
    clock.advance(60)
    manager.learn_from_node_database([record(ALICE, key(1))])
    assert manager.is_newcomer(ALICE)
    clock.advance(NEWCOMER_FOR)
    assert not manager.is_newcomer(ALICE)


def test_a_changed_key_of_a_file_is_reported_by_the_next_start(database):
    stopped = make_node_manager(NodeStore(database), FakeClock())
    stopped.learn_from_node_database([record(ALICE, key(1))])
    stopped.import_keys([KeyEntry(NodeRow(ALICE), key(2)), KeyEntry(NodeRow(BOB), key(3))])
    reported = []
    for _start in range(3):
        running = make_node_manager(NodeStore(database), FakeClock(), reported.append)
        running.report_imported()
        running.flush()
    assert [(each.num, each.new, each.source) for each in reported] == [
        (ALICE, fingerprint_of(key(2)), KeyChangeSource.FILE)
    ]


def test_a_contradicted_newcomer_is_reported_as_one(database):
    reported = []
    clock = FakeClock()
    manager = make_node_manager(NodeStore(database), clock, reported.append)
    manager.learn_from_nodeinfo(record(ALICE, key(1)))
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    clock.advance(NEWCOMER_FOR)
    manager.learn_from_nodeinfo(record(ALICE, key(3)))
    assert [incident.is_newcomer for incident in reported] == [True, False]


def test_a_key_from_the_radio_or_the_operator_makes_no_newcomer(manager):
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.learn_from_nodeinfo(record(BOB, key(2)))
    manager.confirm_key(BOB, key(2))
    assert not any(map(manager.is_newcomer, (ALICE, BOB, 0xA)))


# Learning


def test_what_is_in_memory_outlives_a_database_that_somebody_deleted(manager, database):
    manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice"))
    for path in database.backend.path.parent.iterdir():
        path.unlink()
    manager.learn_from_nodeinfo(record(BOB, key(2)))
    again = restarted(database)
    assert (name_of(again, ALICE), again.public_key(ALICE), again.public_key(BOB)) == ("Alice", key(1), key(2))


def test_a_key_that_another_process_contradicts_keeps_no_other_from_the_database(database):
    ours, theirs = restarted(database), restarted(database)
    theirs.learn_from_nodeinfo(record(ALICE, key(1)))
    ours.learn_from_nodeinfo(record(ALICE, key(9)))
    assert ours.learn_from_nodeinfos([record(BOB, key(2)), record(CAROL, key(3))]) == 2
    assert ours.flush()
    again = restarted(database)
    assert [again.public_key(num) for num in (ALICE, BOB, CAROL)] == [key(1), key(2), key(3)]


def test_what_was_learnt_is_in_the_database_when_the_call_returns(manager, database):
    assert manager.learn_from_node_database([record(ALICE, key(1), long_name="Alice"), record(BOB, key(2))]) == 2
    assert manager.learn_from_nodeinfo(record(CAROL, key(3))) == 1
    manager.learn_from_nodeinfo(record(CAROL, key(4)))
    again = restarted(database)
    assert [again.public_key(num) for num in (ALICE, BOB, CAROL)] == [key(1), key(2), key(3)]
    assert name_of(again, ALICE) == "Alice"
    assert again.pending_keys() == {CAROL: {key(4)}}


@pytest.mark.parametrize("bad", [bytes(32), b"x", b"x" * 31, b"x" * 33])
def test_an_unusable_key_is_logged_and_the_good_one_stays(manager, caplog, bad):
    manager.learn_from_nodeinfo(record(ALICE, key(1)))
    caplog.set_level(logging.DEBUG, logger="meshbot.nodes")
    assert manager.learn_from_node_database([record(ALICE, bad, long_name="Alice")]) == 0
    assert manager.public_key(ALICE) == key(1)
    assert name_of(manager, ALICE) == "Alice"
    assert f"Clé publique inutilisable de !20001eef ignorée ({len(bad)} octets)" in caplog.text


@pytest.mark.parametrize("num", [0, -1, 0xFFFFFFFF, 1 << 40])
def test_an_impossible_number_is_left_out(manager, num):
    assert manager.learn_from_nodeinfo(record(num, key(1))) == 0
    assert manager.counts().nodes == 0


def test_an_operator_confirms_a_pending_key_and_the_next_start_knows(manager, database, lines):
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    assert manager.confirm_key(ALICE, key(2))
    manager.learn_from_node_database([record(ALICE, key(1))])
    assert manager.public_key(ALICE) == restarted(database).public_key(ALICE) == key(2)
    assert [line.split(" ")[:3] for line in lines()] == [
        ["WARNING", "⚠️", "Autre"],
        ["WARNING", "🔑", "Clé"],
        ["WARNING", "⚠️", "Autre"],
    ]


@pytest.mark.parametrize(("num", "bad"), [(ALICE, b"short"), (ALICE, bytes(32)), (0, key(1))])
def test_an_operator_cannot_confirm_the_impossible(manager, num, bad):
    assert not manager.confirm_key(num, bad)
    assert manager.public_key(num) is None


def test_no_line_shows_a_whole_key(manager, caplog):
    caplog.set_level(logging.DEBUG)
    manager.learn_from_node_database([record(ALICE, key(1)), record(BOB, key(1))])
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    manager.confirm_key(ALICE, key(2))
    assert len(caplog.records) == 3
    assert text_of(key(1))[:12] not in caplog.text
    assert text_of(key(2))[:12] not in caplog.text


def test_a_key_shared_by_two_nodes_is_a_warning_once(manager, lines):
    for _ in range(2):
        manager.learn_from_node_database([record(ALICE, key(1)), record(BOB, key(1))])
    assert manager.duplicates() == {key(1): [ALICE, BOB]}
    assert lines() == [
        "WARNING ⚠️ Même clé publique 5972 7626 7151 2390 7779 5174 chez !20001eef, !20001ef0: copie ou usurpation"
    ]


# Writing


def commits_of(database):
    found = []
    event.listen(database.backend.writer, "commit", found.append)
    return found


def test_a_batch_is_one_commit_and_what_is_known_costs_none(manager, database):
    nodes = [record(num, key(num), long_name=f"Node {num}") for num in range(1, 251)]
    commits = commits_of(database)
    manager.learn_from_node_database(nodes)
    assert len(commits) == 1
    for _ in range(20):
        manager.learn_from_node_database(nodes)
        for node in nodes[:10]:
            manager.learn_from_nodeinfo(node)
        manager.sync_pubkeys_to_interface(BareInterface())
        manager.flush()
    assert len(commits) == 1


def test_a_failing_database_is_logged_once_and_loses_nothing(manager, database, lines):
    other = locked(database)
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.learn_from_nodeinfo(record(BOB, key(2), long_name="Bob"))
    assert not manager.flush()
    assert (manager.public_key(ALICE), name_of(manager, BOB)) == (key(1), "Bob")
    (line,) = lines()
    assert line.startswith("ERROR ❌ Base de données: ")
    assert "verrouillé par un autre programme, fermez-le" in line
    other.close()
    assert manager.flush()
    assert manager.flush()
    assert lines()[1:] == ["INFO ✅ Base de données de nouveau accessible"]
    again = restarted(database)
    assert (again.public_key(ALICE), again.public_key(BOB), name_of(again, BOB)) == (key(1), key(2), "Bob")


def test_a_failing_database_is_left_alone_then_gets_all(database):
    clock = FakeClock()
    manager = make_node_manager(NodeStore(database), clock)
    other = locked(database)
    manager.learn_from_node_database([record(ALICE, key(1))])
    other.close()
    manager.confirm_key(ALICE, key(2))
    assert restarted(database).public_key(ALICE) is None
    clock.advance(NodeManager.retry_after)
    manager.learn_from_nodeinfo(record(BOB))
    assert restarted(database).public_key(ALICE) == key(2)


def test_what_was_learnt_before_the_database_is_judged_by_it(manager, database, lines):
    manager.learn_from_node_database([record(ALICE, key(1), long_name="Alice"), record(BOB, key(2))])
    database.close()
    path = database.backend.path
    path.rename(path.with_name("away"))
    path.mkdir()
    late = restarted(database)
    late.learn_from_nodeinfo(record(ALICE, key(9)))
    late.learn_from_nodeinfo(record(CAROL, key(3)))
    late.learn_from_node_database([record(BOB, key(4))])
    assert late.public_key(ALICE) == key(9)
    assert late.counts() == NodeCounts(nodes=3, keys=3, pending=0)
    path.rmdir()
    path.with_name("away").rename(path)
    assert late.flush()
    assert (name_of(late, ALICE), late.public_key(ALICE)) == ("Alice", key(1))
    assert late.pending_keys() == {ALICE: {key(9)}, BOB: {key(4)}}
    assert (late.public_key(BOB), late.public_key(CAROL)) == (key(2), key(3))
    assert restarted(database).counts() == late.counts() == NodeCounts(nodes=3, keys=3, pending=2)
    assert [line.split(" ")[0] for line in lines()] == ["ERROR", "INFO", "WARNING", "WARNING"]


def test_a_replaced_database_gets_everything_again(manager, database, lines):
    manager.learn_from_node_database([record(ALICE, key(1), long_name="Alice")])
    path = database.backend.path
    database.close()
    path.write_bytes(b"overwritten " * 1000)
    manager.learn_from_nodeinfo(record(BOB, key(2)))
    assert [line.split(" ")[:5] for line in lines()] == [["ERROR", "❌", "Base", "de", "données"]]
    again = restarted(database)
    assert (name_of(again, ALICE), again.public_key(ALICE), again.public_key(BOB)) == ("Alice", key(1), key(2))


def test_a_second_outage_of_the_database_is_logged_again(manager, database, lines):
    for num in (ALICE, BOB):
        other = locked(database)
        manager.learn_from_nodeinfo(record(num))
        other.close()
        manager.flush()
    assert [line.split(" ")[0] for line in lines()] == ["ERROR", "INFO"] * 2


def test_readers_do_not_wait_for_the_database(manager, database):
    writing, resume = threading.Event(), threading.Event()

    def hold(_connection):
        writing.set()
        assert resume.wait(30)

    event.listen(database.backend.writer, "commit", hold)
    writer = threading.Thread(target=manager.learn_from_nodeinfo, args=(record(ALICE, key(1), long_name="Alice"),))
    writer.start()
    assert writing.wait(30)
    try:
        assert name_of(manager, ALICE) == "Alice"
        assert manager.sync_pubkeys_to_interface(BareInterface()) == 1
        assert writer.is_alive()
    finally:
        resume.set()
        writer.join(30)


def test_without_a_database_everything_but_the_memory_of_a_restart_works():
    manager = NodeManager(None, FakeClock())
    manager.learn_from_node_database([record(ALICE, key(1))])
    assert manager.flush()
    assert manager.public_key(ALICE) == key(1)


def test_threads_that_learn_at_once_lose_nothing(manager, database):
    def learn(first):
        for num in range(first, first + 25):
            manager.learn_from_nodeinfo(record(num, key(num)))

    threads = [threading.Thread(target=learn, args=(first,)) for first in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert restarted(database).counts() == NodeCounts(nodes=100, keys=100, pending=0)


# Synchronising


def test_a_wrong_key_on_the_python_side_is_put_right(manager):
    manager.learn_from_node_database([record(ALICE, key(1))])
    interface = BareInterface()
    interface.hear(ALICE, publicKey=text_of(key(9)))
    assert manager.sync_pubkeys_to_interface(interface) == 1
    assert interface.key_of(ALICE) == text_of(key(1))


def test_an_unconfirmed_key_is_not_given_to_the_interface(manager):
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    assert interface.key_of(ALICE) == text_of(key(1))


class ById:
    """An interface with one map only."""

    def __init__(self):
        self.nodes = {f"!{ALICE:08x}": {"user": {"longName": "Alice"}}}


class WithOtherMap(ById):
    """An interface whose second map is something else."""

    nodesByNum = object()


class Slotted:
    """An interface that cannot be referred to weakly."""

    __slots__ = ("nodes",)

    def __init__(self):
        self.nodes = {}


@pytest.mark.parametrize("kind", [ById, WithOtherMap, Slotted])
def test_an_interface_of_another_make_is_served_by_id_and_then_skipped(manager, lines, kind):
    manager.learn_from_node_database([record(ALICE, key(1))])
    interface = kind()
    assert manager.sync_pubkeys_to_interface(interface) == 1
    assert interface.nodes[f"!{ALICE:08x}"]["user"]["publicKey"] == text_of(key(1))
    count = len(lines())
    assert manager.sync_pubkeys_to_interface(interface) == 0
    assert len(lines()) == count


@pytest.mark.parametrize("nodes", [[], 5, {f"!{ALICE:08x}": 5}])
def test_nodes_of_another_kind_are_reported_and_not_raised(manager, lines, nodes):
    manager.learn_from_node_database([record(ALICE, key(1))])
    interface = BareInterface()
    interface.nodes = nodes
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 0
    assert lines()[-2].startswith("ERROR ⚠️ Error accessing interface.nodes: ")
    assert lines()[-1] == "ERROR ❌ Cannot sync pubkeys: interface.nodes not accessible"


def test_a_dead_interface_leaves_nothing_behind(manager):
    interface = BareInterface(ALICE)
    manager.sync_pubkeys_to_interface(interface)
    assert manager.synced
    del interface
    assert not manager.synced


# Importing the older bot's names


@pytest.fixture
def names_file(tmp_path):
    path = tmp_path / "node_names.json"
    document = {
        str(ALICE): "Alice",
        str(BOB): {"name": "Bob", "publicKey": base64.b64encode(key(2)).decode(), "last_update": 77},
        "!2000": "Mallory",
        str(CAROL): {"name": "Carol", "publicKey": "zzz", "lat": 45.5},
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_file_is_imported_and_left_untouched(manager, database, names_file, lines):
    before = names_file.read_bytes()
    assert manager.import_node_names(names_file) == 3
    assert names_file.read_bytes() == before
    again = restarted(database)
    assert [name_of(again, num) for num in (ALICE, BOB, CAROL)] == ["Alice", "Bob", "Carol"]
    assert (again.public_key(BOB), again.public_key(CAROL)) == (key(2), None)
    assert lines() == [
        f"INFO 📥 3 nœuds importés de {names_file}",
        f"WARNING ⚠️ node_names.json: 2 entrées fautives: '!2000': pas un numéro de nœud; {CAROL}: publicKey ignoré",
    ]


def test_the_same_content_is_imported_once_across_restarts_wherever_it_lies(manager, database, names_file):
    manager.import_node_names(names_file)
    assert manager.import_node_names(names_file) == 0
    moved = names_file.rename(names_file.with_name("old.json"))
    assert restarted(database).import_node_names(moved) == 0


def test_a_corrected_file_is_imported_again(manager, names_file):
    manager.import_node_names(names_file)
    names_file.write_text(json.dumps({"5": "Eve"}), encoding="utf-8")
    assert manager.import_node_names(names_file) == 1


def test_an_imported_key_never_replaces_a_known_one(manager, names_file):
    manager.learn_from_nodeinfo(record(BOB, key(9), long_name="Robert"))
    manager.import_node_names(names_file)
    assert name_of(manager, BOB) == "Robert"
    assert manager.public_key(BOB) == key(9)
    assert manager.pending_keys() == {BOB: {key(2)}}


def test_an_import_that_the_database_refused_is_written_later(manager, database, names_file):
    other = locked(database)
    assert manager.import_node_names(names_file) == 3
    other.close()
    manager.flush()
    again = restarted(database)
    assert name_of(again, ALICE) == "Alice"
    assert again.import_node_names(names_file) == 0


def test_no_file_is_no_error(manager, tmp_path, lines):
    assert manager.import_node_names(tmp_path / "none.json") == 0
    assert lines() == []


def test_an_unreadable_file_is_said_and_tried_again_after_it_was_corrected(manager, names_file, lines):
    content = names_file.read_bytes()
    names_file.write_bytes(content[:50])
    assert manager.import_node_names(names_file) == 0
    assert manager.import_node_names(names_file.parent) == 0
    assert [line.split(" ")[0] for line in lines()] == ["ERROR", "ERROR"]
    assert "corrigez-le ou retirez-le" in lines()[0]
    names_file.write_bytes(content)
    assert manager.import_node_names(names_file) == 3


def test_an_imported_node_keeps_its_time_of_update(manager, database, names_file):
    manager.import_node_names(names_file)
    rows = NodeStore(database).load().nodes
    assert (rows[BOB].last_update, rows[ALICE].last_update) == (77, START)


# A full book


def test_invented_nodes_push_out_none_that_is_known(database, monkeypatch, lines):
    monkeypatch.setattr(trust_module, "MAX_NODES", 40)
    monkeypatch.setattr(node_manager_module, "EVICTED", 10)
    manager = restarted(database)
    manager.learn_from_node_database([record(ALICE, key(1), long_name="Alice"), record(BOB, long_name="Bob")])
    manager.confirm_key(CAROL, key(3))
    manager.set_activity(lambda: NodeActivity(heard={BOB: (START - 90_000, START)}))
    for num in range(1, 500):
        manager.learn_from_nodeinfo(record(num, key(num), long_name=f"Node {num}"))
    assert manager.counts().nodes <= 40
    again = restarted(database)
    for each in (manager, again):
        assert [name_of(each, num) for num in (ALICE, BOB, 499)] == ["Alice", "Bob", "Node 499"]
        assert [each.public_key(num) for num in (ALICE, CAROL, 499)] == [key(1), key(3), key(499)]
    assert again.counts() == manager.counts()
    assert [line for line in lines() if "40 nœuds" in line] == [
        "WARNING ⚠️ 40 nœuds connus: les moins entendus sont oubliés au profit des nouveaux venus"
    ]


def test_a_node_that_was_forgotten_may_come_back_with_another_key(database, monkeypatch):
    monkeypatch.setattr(trust_module, "MAX_NODES", 2)
    monkeypatch.setattr(node_manager_module, "EVICTED", 1)
    manager = restarted(database)
    for num in (1, 2, 3):
        manager.learn_from_nodeinfo(record(num, key(num)))
    assert manager.node(1) is None
    manager.learn_from_nodeinfo(record(1, key(9)))
    assert restarted(database).public_key(1) == manager.public_key(1) == key(9)


def test_where_all_are_kept_a_newcomer_is_not_learnt(manager, monkeypatch, lines):
    monkeypatch.setattr(trust_module, "MAX_NODES", 2)
    manager.set_activity(lambda: NodeActivity(kept={ALICE, BOB}))
    for num in (ALICE, BOB, CAROL):
        manager.learn_from_nodeinfo(record(num, key(num % 7)))
    assert sorted(row.num for row in manager.nodes()) == [ALICE, BOB]
    assert any("2 nœuds à garder" in line for line in lines())


def test_a_forgotten_node_is_deleted_also_after_the_database_failed(manager, database, monkeypatch):
    monkeypatch.setattr(trust_module, "MAX_NODES", 2)
    monkeypatch.setattr(node_manager_module, "EVICTED", 1)
    manager.learn_from_nodeinfos([record(1, key(1)), record(2, key(2))])
    other = locked(database)
    manager.learn_from_nodeinfo(record(3, key(3)))
    manager.learn_from_nodeinfo(record(4, key(4)))
    other.close()
    manager._clock.advance(60)
    assert manager.flush()
    assert sorted(row.num for row in restarted(database).nodes()) == sorted(row.num for row in manager.nodes())


def test_stored_names_lose_what_cannot_be_seen(manager, database):
    manager.learn_from_nodeinfo(record(ALICE, long_name="Alice"))
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE nodes SET long_name = 'Al\u200dice\u202e', short_name = '\u2800'")
    row = restarted(database).node(ALICE)
    assert (row.long_name, row.short_name) == ("Alice", "")


# -- what an operator decides


def test_a_decision_is_logged_with_who_written_and_read_again(database, manager, lines):
    manager.learn_from_node_database([record(ALICE, key(1)), record(BOB, key(2))])
    assert manager.decide_key(ALICE, key(1), KeyDecision.VERIFY, "mesh:!00000007")
    assert manager.decide_key(BOB, key(2), KeyDecision.REJECT, "telegram:12")
    assert not manager.decide_key(CAROL, key(3), KeyDecision.REJECT, "telegram:12")
    assert lines()[-2:] == [
        "WARNING 🔑 Clé publique de !20001eef vérifiée par mesh:!00000007: 5972 7626 7151 2390 7779 5174",
        "WARNING 🔑 Clé publique de !20001ef0 refusée par telegram:12: 1489 6247 9011 2739 4611 7919",
    ]
    again = restarted(database)
    assert [again.keys_of(num).state for num in (ALICE, BOB)] == [KeyState.VERIFIED, None]
    assert again.keys_of(BOB).revoked[0].decided_by == "telegram:12"
    assert again.learn_from_nodeinfo(record(BOB, key(2))) == 0


@pytest.mark.parametrize(("radio_key", "is_noted"), [(None, True), (key(1), True), (key(2), False)])
def test_an_acknowledgement_counts_under_the_trusted_key_alone(manager, radio_key, is_noted):
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.acknowledged(ALICE, radio_key)
    assert (manager.keys_of(ALICE).trusted.acked_at is not None) == is_noted


def test_nodes_with_a_revoked_key_are_not_forgotten(manager, monkeypatch):
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.decide_key(ALICE, key(1), KeyDecision.REJECT, "telegram:12")
    monkeypatch.setattr(trust_module, "MAX_NODES", 2)
    manager.learn_from_node_database([record(num, key(num)) for num in (5, 6, 7)])
    assert manager.keys_of(ALICE).revoked


# -- numbers


NEW = number_of(key(1))


@pytest.mark.parametrize("first", ["nodeinfo", "proof"])
def test_an_upgraded_node_is_known_by_either_number_over_restarts(database, lines, first):
    clock = FakeClock()
    manager = make_node_manager(NodeStore(database), clock)
    manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice"))
    clock.advance(SILENCE)
    if first == "nodeinfo":
        manager.learn_from_nodeinfo(record(NEW, key(1)))
    prove(manager, NEW, key(1))
    assert manager.moved == {ALICE: NEW}
    assert (manager.public_key(NEW), manager.duplicates()) == (key(1), {})
    manager.flush()
    again = restarted(database)
    assert again.numbers(ALICE) == again.numbers(NEW) == (NEW, ALICE)
    assert again.person(ALICE) == again.person(NEW)
    assert again.person(NEW).long_name == "Alice"
    told = [line for line in lines() if "🪪" in line]
    assert told == [
        f"INFO 🪪 !{NEW:08x} est !{ALICE:08x} sous son nouveau numéro: nom, historique, courrier et rôle le suivent"
    ]
    assert not [line for line in lines() if line.startswith("WARNING")]


@pytest.mark.parametrize(
    "details",
    [
        {"pki_encrypted": False},
        {"public_key": key(2)},
        {"public_key": b""},
        {"to": ALICE},
        {"to": 0xFFFFFFFF},
        {"reception": RadioMetadata(via_mqtt=True)},
        {"sender": ALICE},
    ],
)
def test_what_proves_no_key_joins_nothing(manager, details):
    manager.learn_from_nodeinfos([record(ALICE, key(1)), record(NEW, key(1))])
    manager._clock.advance(SILENCE)
    prove(manager, NEW, **{"public_key": key(1)} | details)
    assert manager.moved == {}


@pytest.mark.parametrize(
    "details",
    [
        {"is_replay": True},
        {"via_mqtt": True},
        # firmware 2.8 answers so in the name of another node
        {"portnum": 4, "to": 0x9999},
    ],
)
def test_what_the_old_number_did_not_say_now_undoes_nothing(manager, details):
    upgrade(manager, manager._clock, ALICE, key(1))
    manager._clock.advance(2 * SILENCE)
    reception = {"rx_time": int(manager._clock.now().timestamp())}
    manager.hear(packet(ALICE, **reception | details))
    assert manager.moved == {ALICE: NEW}
    manager.hear(packet(ALICE, **reception))
    assert manager.moved == {}
    assert list(manager.take_parted()) == [ALICE]
    assert manager.take_parted() == {}


def test_each_contested_number_is_reported_once(database, lines):
    incidents = []
    manager = NodeManager(NodeStore(database), FakeClock(), incidents.append)
    manager.flush()
    upgrade(manager, manager._clock, ALICE, key(1))
    for _ in range(3):
        manager._clock.advance(2 * SILENCE)
        manager.hear(packet(ALICE))
        assert manager.moved == {}
        manager._clock.advance(2 * SILENCE)
        prove(manager, NEW, key(1))
        assert manager.moved == {ALICE: NEW}
    assert [type(each) for each in incidents] == [KeyShared]
    # of what was joined for a day it is news
    manager._clock.advance(86400)
    manager.hear(packet(ALICE))
    assert [type(each) for each in incidents] == [KeyShared, KeyShared]
    assert len([line for line in lines() if "parle de nouveau" in line]) == 4


@pytest.mark.parametrize("known", [[NEW], [ALICE, NEW]], ids=["the new one only", "both"])
def test_an_upgrade_while_the_bot_was_off_is_in_the_radio(database, known):
    restarted(database).learn_from_node_database([record(ALICE, key(1), last_heard=START - 9000)])
    manager = restarted(database)
    manager.learn_from_node_database([record(num, key(1), last_heard=START - 600) for num in known])
    assert (manager.moved, manager.duplicates()) == ({}, {})
    prove(manager, NEW, key(1))
    manager._clock.advance(SILENCE)
    assert manager.moved == {ALICE: NEW}


def test_a_radio_that_heard_the_old_number_since_contests_the_new_one(manager):
    manager.learn_from_nodeinfos([record(ALICE, key(1)), record(NEW, key(1))])
    manager._clock.advance(5 * SILENCE)
    later = START + 5 * SILENCE
    manager.learn_from_node_database([record(ALICE, key(1), last_heard=later), record(NEW, key(1))])
    assert list(manager.duplicates()) == [key(1)]
    assert manager.candidate(NEW) == Candidate(ALICE, is_silent=False)


def test_old_numbers_of_an_imported_file_are_found_by_their_keys(manager, tmp_path):
    manager.learn_from_nodeinfo(record(NEW, key(1)))
    prove(manager, NEW, key(1))
    manager._clock.advance(SILENCE)
    names = tmp_path / "node_names.json"
    names.write_text(json.dumps({str(ALICE): {"name": "Alice", "publicKey": text_of(key(1))}}), encoding="utf-8")
    manager.import_node_names(names)
    assert (manager.moved, manager.duplicates()) == ({ALICE: NEW}, {})
    assert manager.person(NEW).long_name == "Alice"


def test_a_line_about_a_key_has_its_node_as_a_field(manager, caplog):
    manager.learn_from_nodeinfo(record(ALICE, key(1)))
    caplog.clear()
    manager.learn_from_nodeinfo(record(ALICE, key(2)))
    assert manager.decide_key(ALICE, key(2), KeyDecision.ACCEPT, "kim")
    assert [fields_of(each, "", 4).get("NODE") for each in caplog.records] == [f"!{ALICE:08x}"] * 2


def test_names_wait_for_their_commit_and_keys_do_not(manager):
    clock = manager._clock
    manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice"))
    manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice 2"), at_once=False)
    assert manager.deadline == clock.monotonic() + NAMES_WAIT
    manager.hear(packet(ALICE))
    assert manager.deadline == clock.monotonic() + NAMES_WAIT
    manager.learn_from_nodeinfo(record(BOB, key(2)), at_once=False)
    assert manager.deadline == clock.monotonic()


def test_what_was_proven_before_the_database_was_read_counts(database):
    restarted(database).learn_from_nodeinfo(record(ALICE, key(1)))
    late = NodeManager(NodeStore(database), FakeClock())
    late.learn_from_nodeinfo(record(NEW, key(1)), at_once=False)
    prove(late, NEW, key(1))
    assert late.moved == {}
    late.flush()
    late._clock.advance(SILENCE)
    assert late.moved == {ALICE: NEW}


def test_another_key_under_the_new_number_is_no_upgrade(manager, lines):
    upgrade(manager, manager._clock, ALICE, key(1))
    manager.learn_from_nodeinfo(record(NEW, key(9)))
    assert manager.moved == {ALICE: NEW}
    assert manager.confirm_key(NEW, key(9))
    assert manager.moved == {}
    # the operator takes it back: that is to be proven again
    assert manager.confirm_key(NEW, key(1))
    assert manager.moved == {}


def test_an_evicted_number_takes_its_pair_along(database, monkeypatch):
    manager = restarted(database)
    upgrade(manager, manager._clock, ALICE, key(1))
    monkeypatch.setattr(trust_module, "MAX_NODES", 2)
    monkeypatch.setattr(node_manager_module, "EVICTED", 1)
    manager.set_activity(lambda: NodeActivity({ALICE: (0, 5), NEW: (0, 9 * 86400)}, frozenset()))
    manager.learn_from_nodeinfo(record(BOB, key(2)))
    assert manager.node(ALICE) is None
    assert manager.moved == restarted(database).moved == {}


def test_our_own_node_s_new_number_is_its_radio_s_word(manager):
    own = [0]
    manager.set_activity(NodeActivity, lambda: own[0])
    own[0] = ALICE
    manager.learn_from_node_database([record(ALICE, key(1))])
    own[0] = NEW
    manager.learn_from_node_database([record(NEW, key(1))])
    assert manager.moved == {ALICE: NEW}


def test_a_key_announced_in_our_own_name_is_an_alert_at_once(manager):
    manager.set_activity(NodeActivity, lambda: ALICE)
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.learn_from_nodeinfo(record(NEW, key(1)))
    assert manager.duplicates() == {key(1): [ALICE, NEW]}


def test_nodes_are_found_by_key_the_proven_number_first(manager):
    manager.learn_from_nodeinfos([record(NEW, key(1)), record(ALICE, key(1)), record(BOB, key(2))])
    assert manager.with_key(lambda each: each == key(1)) == [ALICE, NEW]
    manager._clock.advance(SILENCE)
    prove(manager, NEW, key(1))
    assert manager.with_key(lambda each: each == key(1)) == [NEW]


@pytest.mark.parametrize("source", ["database", "packet"])
def test_a_signature_that_the_radio_verified_proves_its_key(manager, source):
    manager.learn_from_node_database([record(ALICE, key(1)), record(NEW, key(1))])
    manager._clock.advance(SILENCE)
    if source == "packet":
        manager.hear(packet(NEW, signed=True))
    else:
        manager.learn_from_node_database([record(NEW, key(1), has_signed=True, last_heard=START + 60)])
    assert manager.moved == {ALICE: NEW}


@pytest.mark.parametrize("doubt", ["the radio has not told its key", "another key is seen", "unsigned", "MQTT"])
def test_a_signature_of_which_the_key_is_uncertain_proves_nothing(manager, doubt):
    if doubt == "the radio has not told its key":
        manager.learn_from_nodeinfos([record(ALICE, key(1)), record(NEW, key(1))])
    else:
        manager.learn_from_node_database([record(ALICE, key(1)), record(NEW, key(1))])
    if doubt == "another key is seen":
        manager.learn_from_nodeinfo(record(NEW, key(9)))
    manager._clock.advance(SILENCE)
    manager.hear(packet(NEW, signed=doubt != "unsigned", via_mqtt=doubt == "MQTT"))
    assert manager.moved == {}


@pytest.mark.parametrize("wanted", [ALICE, NEW])
def test_a_decision_counts_under_both_numbers_of_an_upgraded_node(manager, wanted):
    upgrade(manager, manager._clock, ALICE, key(1))
    assert manager.keys_of(NEW).state is not KeyState.DUPLICATE
    assert manager.decide_key(wanted, key(1), KeyDecision.VERIFY, "telegram:12")
    assert [manager.keys_of(num).state for num in (ALICE, NEW)] == [KeyState.VERIFIED] * 2
    assert manager.decide_key(wanted, key(1), KeyDecision.REJECT, "telegram:12")
    assert [manager.public_key(num) for num in (ALICE, NEW)] == [None, None]
    manager.learn_from_nodeinfos([record(NEW, key(1)), record(ALICE, key(1))])
    prove(manager, NEW, key(1))
    assert [manager.public_key(num) for num in (ALICE, NEW)] == [None, None]


def test_a_key_that_everybody_can_have_proves_no_number(manager, monkeypatch):
    monkeypatch.setattr(weak_keys, "HASHES", frozenset({sha256(key(1)).digest()}))
    manager.learn_from_node_database([record(ALICE, key(1)), record(NEW, key(1))])
    manager._clock.advance(SILENCE)
    prove(manager, NEW, key(1))
    manager.hear(packet(NEW, signed=True))
    assert manager.moved == {}


def test_a_rejected_third_number_no_longer_keeps_two_apart(manager):
    manager.learn_from_nodeinfos([record(num, key(1)) for num in (ALICE, BOB)])
    manager._clock.advance(SILENCE)
    prove(manager, NEW, key(1))
    assert manager.moved == {}
    assert manager.decide_key(BOB, key(1), KeyDecision.REJECT, "an operator")
    prove(manager, NEW, key(1), packet_id=2)
    assert manager.moved == {ALICE: NEW}


def test_a_moved_node_s_key_counts_and_is_taught_once():
    clock = FakeClock()
    manager = make_node_manager(None, clock)
    new = upgrade(manager, clock, ALICE, key(1))
    assert manager.trusted_keys() == {new: key(1)}
    assert manager.trusted_key(ALICE) is None
    assert manager.trusted_key(new).key == key(1)
    # a letter or a role is noted under the number before
    manager.set_activity(lambda: NodeActivity(kept={ALICE, BOB}))
    assert manager.kept() == {new, BOB}


def test_a_message_received_before_proves_nothing(manager):
    manager.learn_from_nodeinfos([record(ALICE, key(1)), record(NEW, key(1))])
    manager._clock.advance(SILENCE)
    message = TextMessage(1, NEW, OWN, 0, "/ping", pki_encrypted=True, public_key=key(1))
    manager.hear_text(ReceivedText(message, OWN, is_repeat=True))
    assert manager.moved == {}
    manager.hear_text(ReceivedText(message, OWN))
    assert manager.moved == {ALICE: NEW}


def test_a_message_teaches_no_key_that_nobody_has(manager):
    prove(manager, NEW, key(1))
    assert manager.public_key(NEW) is None


def test_a_weak_key_is_no_lesson_for_the_radio(manager, monkeypatch):
    monkeypatch.setattr(weak_keys, "HASHES", frozenset({sha256(key(1)).digest()}))
    manager.learn_from_node_database([record(ALICE, key(1)), record(BOB, key(2))])
    assert [manager.trusted_key(num).doubtful for num in (ALICE, BOB)] == [True, False]


def test_a_revoked_key_is_known_as_such(manager):
    manager.learn_from_node_database([record(ALICE, key(1))])
    manager.decide_key(ALICE, key(1), KeyDecision.REJECT, "an operator")
    assert manager.is_revoked(ALICE, key(1))
    assert not manager.is_revoked(BOB, key(1))
    assert manager.trusted_key(ALICE) is None
