"""/stats: the traffic in figures."""

import pytest

from meshbot.commands.builtin.stats import MOST_HOURS, TOPICS, parse_stats_argument
from meshbot.commands.formatting import PACKET_BYTES
from meshbot.mesh_link.payloads import DeviceMetrics
from tests.support.packet_records import TELEMETRY, packet
from tests.support.town import HOUR, OWN, EmptyTown, Town, ask


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture
def empty(tmp_path):
    with EmptyTown(tmp_path) as town:
        yield town


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", ("global", 24)),
        ("12", ("global", 12)),
        ("TOP 6h", ("top", 6)),
        ("6 top", ("top", 6)),
        ("hop 0", ("hop", 1)),
        ("histo 999999999", ("histo", MOST_HOURS)),
        ("weather", None),
        ("top -3", None),
        ("top 9999999999", None),
    ],
)
def test_topic_and_hours_come_in_any_order(argument, expected):
    assert parse_stats_argument(argument) == expected


@pytest.mark.parametrize("topic", list(TOPICS))
def test_a_silent_mesh_has_no_figures(empty, topic):
    assert ask(empty, f"/stats {topic} 5", "fr") == "📊 Aucun paquet entendu en 5h."


@pytest.mark.parametrize("topic", list(TOPICS))
def test_every_topic_fits_one_packet_on_a_busy_mesh(empty, topic):
    for _ in range(24):
        empty.record(
            *(packet(num, hops=num % 8, portnum=num, channel=num % 8, snr=-10.0) for num in range(200, 300)),
        )
        empty.clock.jump(HOUR)
    for hours in (1, 24, MOST_HOURS):
        assert len(ask(empty, f"/stats {topic} {hours}", "fr").encode()) <= PACKET_BYTES


def test_packets_are_counted_by_port(town):
    assert ask(town, "/stats packets").splitlines() == [
        "📦 Packets in 24h by kind: 11",
        "text: 4 (36%)",
        "position: 2 (18%)",
        "neighbours: 2 (18%)",
        "node info: 1 (9%)",
        "telemetry: 1 (9%)",
        "encrypted: 1 (9%)",
    ]


def test_a_kind_without_a_word_is_its_port(empty):
    empty.record(packet(1, portnum=256))
    assert ask(empty, "/stats packets").endswith("\nport 256: 1 (100%)")


def test_the_channel_s_load_is_of_the_hours_asked_for(town):
    assert "Channel busy 12.5%, sending 1.5%" in ask(town, "/stats 3")
    assert "Channel" not in ask(town, "/stats 1")  # our own node told it two hours ago
    town.record(packet(OWN, DeviceMetrics(utilization=20.5, air_tx=2.5), portnum=TELEMETRY))
    assert "Channel busy 20.5%, sending 2.5%" in ask(town, "/stats 1")
    assert "Channel busy 16.5%, sending 2.0%" in ask(town, "/stats 3")


def test_names_that_end_in_a_number_are_separate_from_their_figures(town):
    assert "\nBob Fourvière: 2 (29%)" in ask(town, "/stats top 4")
    assert "\nchannel 0: " in ask(town, "/stats channel")


def test_channels_are_listed_with_the_measured_load(town):
    assert ask(town, "/stats channel").splitlines() == [
        "📻 Packets in 24h by channel: 11",
        "busy 12.5% of the time, at most 12.5%",
        "channel 0: 9 (82%)",
        "channel 1: 1 (9%)",
        "encrypted: 1 (9%)",
    ]


def test_the_histogram_has_a_column_for_each_hour_the_running_one_last(town):
    assert ask(town, "/stats histo 8").splitlines() == [
        "📈 Packets in 8h: 11",
        "▆▁▁▁▁▁█▁▃",
        "Oldest first, 1h each, at most 6",
    ]


def test_a_histogram_of_many_hours_puts_several_in_a_column(empty):
    for _ in range(48):
        empty.record(packet(1))
        empty.clock.jump(HOUR)
    head, bars, legend = ask(empty, "/stats histo 47").splitlines()
    assert (head, legend) == ("📈 Packets in 47h: 47", "Oldest first, 2h each, at most 2")
    assert bars == "█" * 23 + "▅"


def test_a_quiet_hour_is_not_the_same_as_a_silent_one(empty):
    empty.record(packet(1))
    empty.clock.jump(HOUR)
    empty.record(*(packet(1) for _ in range(100)))
    assert ask(empty, "/stats histo 2").splitlines()[1] == "▁▂█"


@pytest.mark.parametrize("topic", TOPICS)
def test_the_answer_has_the_hours_that_are_kept(town, topic):
    answer = ask(town, f"/stats {topic} 720")
    assert "168h" in answer
    assert "720" not in answer
