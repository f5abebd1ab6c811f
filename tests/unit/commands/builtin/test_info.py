"""/info: what is known of one node."""

import pytest

from meshbot.commands.builtin.info import describe_at_length
from meshbot.commands.formatting import CHAT_BYTES, PACKET_BYTES
from meshbot.commands.language import translator
from meshbot.commands.registry import Platform, Request
from meshbot.mesh_link.messages import RadioMetadata
from meshbot.mesh_link.payloads import DeviceMetrics, PositionPayload
from meshbot.nodes.identity import SILENCE, number_of
from tests.support.nodes import ALICE, key, prove, record, upgrade
from tests.support.packet_records import packet
from tests.support.town import ASKER, OWN, EmptyTown, Town, ask


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture
def empty(tmp_path):
    with EmptyTown(tmp_path) as town:
        yield town


@pytest.mark.parametrize("wanted", ["alice", "ALICE", "al", "!20001eef", "20001EEF", "1eef", "ali"])
def test_a_node_is_found_by_name_short_name_id_or_its_end(town, wanted):
    assert ask(town, f"/info {wanted}").startswith("Alice (AL) !20001eef\n")


def test_info_is_french_in_french(town):
    assert ask(town, "/info alice", "fr").splitlines()[2:] == [
        "📍45.8000,4.9000 210m, à 6.4km",
        "Entendu il y a 2h, direct -4.5dB -105dBm",
        "🔋80%, 🔑 clé connue",
    ]


def test_a_node_known_by_its_number_alone_has_an_answer(town):
    assert ask(town, "/info 0badcafe") == "!0badcafe\nHeard 2h ago, MQTT\n🔑 no key"


def test_a_node_known_by_name_alone_was_never_heard(empty):
    empty.manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice"))
    assert ask(empty, "/info alice") == "Alice !20001eef\nNever heard\n🔑 key known"


def test_our_own_node_has_no_distance_and_shows_external_power(town):
    town.record(packet(OWN, DeviceMetrics(101, 5.0), hops=None))
    answer = ask(town, "/info relais")
    assert answer == "Relais !00009999\n📍45.7600,4.8400\nHeard 0s ago\n🔋mains, 🔑 no key"


def test_without_a_percentage_the_voltage_is_shown(town):
    town.record(packet(OWN, DeviceMetrics(voltage=3.7), hops=None))
    assert "🔋3.70V" in ask(town, "/info relais")


def test_an_empty_mesh_has_no_nodes(empty):
    assert ask(empty, "/info alice", "fr") == "Je ne connais pas de nœud « alice »."


def test_an_unknown_name_is_quoted_shortened(town):
    assert len(ask(town, f"/info {'é' * 110}").encode()) < PACKET_BYTES / 2


def test_many_matches_are_counted_and_as_many_listed_as_fit(empty):
    empty.manager.learn_from_nodeinfos([record(num, long_name=f"Relais {num}") for num in range(100, 130)])
    head, *lines = ask(empty, "/info relais").splitlines()
    assert head == "30 nodes match, which one?"
    assert lines[-1] == f"+{30 - len(lines) + 1}"


def test_the_longest_of_everything_fits_one_packet(empty):
    name = "é" * 19
    details = {"hw_model": "HELTEC_WIRELESS_PAPER_V1_0", "role": "CLIENT_HIDDEN"}
    empty.manager.learn_from_nodeinfo(record(ALICE, key(1), long_name=name, short_name="🐻", **details))
    empty.record(packet(OWN, PositionPayload(-45.0, -120.0)))
    empty.record(packet(ALICE, PositionPayload(-45.12345, -123.12345, 1234)), packet(ALICE, DeviceMetrics(100, 4.05)))
    empty.record(packet(ALICE, snr=-12.5, rssi=-120))
    empty.clock.jump(3000)
    assert len(ask(empty, f"/info {ALICE:x}", "fr").encode()) <= PACKET_BYTES


def test_an_upgraded_node_shows_its_former_number(empty):
    empty.manager.learn_from_nodeinfo(record(ALICE, key(1), long_name="Alice"))
    new = upgrade(empty.manager, empty.clock, ALICE, key(1))
    answer = f"Alice !{new:08x}\nformerly !20001eef\nNever heard\n🔑 key known"
    assert ask(empty, "/info alice") == ask(empty, "/info 1eef") == answer
    assert ask(empty, "/info alice", "fr").splitlines()[1] == "auparavant !20001eef"
    view, now = empty.memory.node(ALICE), empty.clock.now().timestamp()
    assert describe_at_length(view, now, translator("en"))[1] == "formerly !20001eef"


# -- firmware 2.8


def moved_on(town, days=9):
    """Alice is heard days after her last position."""
    town.clock.jump(days * 86400)
    town.record(packet(ALICE, snr=6.0, rssi=-88, signed=True))


def test_a_position_much_older_than_what_was_heard_has_its_age(town):
    assert "d ago" not in ask(town, "/info alice")
    moved_on(town)
    assert ask(town, "/info alice").splitlines()[2:] == [
        "📍45.8000,4.9000 210m, at 6.4km, 9d ago",
        "Heard 0s ago, direct 6.0dB -88dBm",
        "🔋80%, 🔑 key known, ✍️ signs",
    ]


def test_a_node_that_is_gone_is_not_silent_about_its_position(town):
    town.clock.jump(9 * 86400)
    assert ask(town, "/info alice").splitlines()[2:4] == [
        "📍45.8000,4.9000 210m, at 6.4km",
        "Heard 9d ago, direct -4.5dB -105dBm",
    ]


def by_telegram(town, name, argument=""):
    wide = {"platform": Platform.TELEGRAM, "limit": CHAT_BYTES}
    return town.commands.find(name).run(Request(name, argument, ASKER, RadioMetadata(), translator("en"), (), **wide))


def test_the_list_by_telegram_marks_distances_of_old_positions(town):
    moved_on(town, days=2)
    lines = by_telegram(town, "nodes").splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("Alice")] == ["~6.4km"]


def test_at_length_silence_and_messages_are_told(town):
    moved_on(town)
    assert "210m, 9d ago, silent about it since\n" in by_telegram(town, "info", "alice")
    assert "messages takes none" in by_telegram(town, "info", "bob")
    assert "messages" not in by_telegram(town, "info", "alice")


def test_a_number_that_says_to_be_another_one_is_marked_until_proof(town):
    new = number_of(key(1))
    town.manager.learn_from_nodeinfo(record(new, key(1), long_name="Alice 2.8"))
    town.record(packet(new, snr=7.0))
    assert ask(town, f"/info {new:08x}").splitlines()[1] == "perhaps formerly !20001eef, not proven yet"
    assert "Alice 2.8 (was 1eef?) 7.0dB 0s" in ask(town, "/nodes").splitlines()
    assert "Alice -4.5dB 2h" in ask(town, "/nodes").splitlines()
    assert "Alice 2.8 (ancien 1eef ?)" in ask(town, "/nodes", "fr")
    town.clock.jump(SILENCE)
    prove(town.manager, new, key(1))
    assert ask(town, f"/info {new:08x}").splitlines()[1] == "formerly !20001eef"
    assert "was" not in ask(town, "/nodes")
