"""/info: what is known of one node."""

import pytest

from meshbot.commands.formatting import PACKET_BYTES
from meshbot.mesh_link.payloads import DeviceMetrics, PositionPayload
from tests.support.nodes import ALICE, key, record
from tests.support.packet_records import packet
from tests.support.town import OWN, EmptyTown, Town, ask


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
