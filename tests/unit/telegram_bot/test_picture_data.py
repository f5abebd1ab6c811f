"""The data of the pictures, from a real memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from math import nan
from zoneinfo import ZoneInfo

import pytest

from meshbot.commands.language import translator
from meshbot.mesh_link.payloads import PositionPayload
from meshbot.mesh_memory.views import HourShare, Position, SignalHour
from meshbot.pictures.data import from_json, to_json
from meshbot.storage.errors import StorageError
from meshbot.telegram_bot.picture_data import (
    histogram_data,
    histogram_of,
    map_of,
    nodes_data,
    signal_data,
    signal_of,
    ticks_of,
)
from tests.support.fake_clock import EPOCH
from tests.support.nodes import ALICE, BOB, CAROL
from tests.support.packet_records import POSITION, packet
from tests.support.town import ASKER, HOUR, OWN, STRANGER, EmptyTown, Town

ENGLISH, FRENCH = translator("en"), translator("fr")


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture(params=["waiting", "committed"])
def either_town(town, request):
    if request.param == "committed":
        town.memory.flush(last=True)
    return town


def now_of(town):
    return town.clock.now().timestamp()


def local(picture):
    return [tick.text for tick in picture.ticks]


def test_the_histogram_has_hourly_columns_and_a_series_for_each_kind(either_town):
    picture = histogram_data(either_town.memory, now_of(either_town), 24, ENGLISH, zone=UTC)
    named = {series.name: series.values for series in picture.series}
    assert list(named) == [
        "text 4",
        "position 2",
        "node info 1",
        "telemetry 1",
        "neighbours 2",
        "encrypted 1",
    ]
    assert [len(values) for values in named.values()] == [25] * 6
    assert named["text 4"] == (*[0.0] * 16, 3.0, *[0.0] * 7, 1.0)
    assert picture.subtitle == "11 in 24 h, until 13:35"
    assert picture.since + 25 * picture.step == datetime(2026, 1, 5, 14, tzinfo=UTC).timestamp()
    assert local(picture) == ["16:00", "20:00", "05/01", "04:00", "08:00", "12:00"]


def test_half_written_and_half_waiting_counts_once(town):
    town.memory.flush()
    town.record(packet(ASKER), packet(ASKER))
    picture = histogram_data(town.memory, now_of(town), 24, ENGLISH)
    assert picture.series[0].values[-1] == 3


@pytest.mark.parametrize("hours", [1, 23, 24, 47, 48, 49, 100, 168, 719, 720])
def test_no_packet_is_lost_whatever_the_hours(hours):
    now = EPOCH.timestamp()
    running = now - now % HOUR
    shares = [HourShare(int(running - ago * HOUR), 1, 1 + ago % 7) for ago in range(hours + 1)]
    picture = histogram_of(shares, now, hours, ENGLISH)
    assert sum(picture.series[0].values) == sum(share.packets for share in shares)
    assert picture.series[0].values[-1] >= 1
    assert len(picture.series[0].values) <= 50
    assert 1 <= len(picture.ticks) <= 10


def test_ports_that_have_no_name_are_one_series():
    now = EPOCH.timestamp()
    picture = histogram_of([HourShare(int(now), port, 1) for port in (6, 256, 66, 1)], now, 1, ENGLISH)
    assert [series.name for series in picture.series] == ["text 1", "others 3"]


def test_packets_after_the_present_hour_are_in_the_last_column():
    now = EPOCH.timestamp()
    picture = histogram_of([HourShare(int(now + 9 * HOUR), 1, 4)], now, 3, ENGLISH)
    assert picture.series[0].values == (0, 0, 0, 4)


def test_the_signal_separates_direct_and_relayed_packets(either_town):
    picture = signal_data(either_town.memory, ASKER, now_of(either_town), 24, ENGLISH, zone=UTC)
    assert picture.title == f"Asker · !{ASKER:08x}"
    assert picture.subtitle == "24 h until 13:35: packets 4, direct 3"
    first, last = picture.points
    assert (first.direct, first.relayed, first.snr, first.snr_least, first.snr_most, first.rssi) == (
        *(2, 1),
        *(-1.0, -3.0, 1.0, -105.0),
    )
    assert (last.direct, last.relayed, last.snr) == (1, 0, 6.0)
    assert last.at == datetime(2026, 1, 5, 13, 30, tzinfo=UTC).timestamp()


def test_a_node_that_came_by_relays_has_packets_without_a_signal(town):
    picture = signal_data(town.memory, CAROL, now_of(town), 24, ENGLISH)
    assert [(point.relayed, point.snr, point.rssi) for point in picture.points] == [(1, None, None), (1, None, None)]


def test_a_figure_that_is_no_number_is_not_drawn():
    hour = SignalHour(int(EPOCH.timestamp()), 1, 1, nan, nan, nan, nan)
    picture = signal_of([hour], "x", EPOCH.timestamp(), 24, ENGLISH)
    assert picture.points[0].snr is picture.points[0].rssi is None
    assert to_json(picture)


def test_a_month_of_signal_is_shown_as_a_week(town):
    picture = signal_data(town.memory, ASKER, now_of(town), 720, ENGLISH)
    assert picture.until - picture.since == 169 * HOUR


def test_the_map_has_the_nodes_around_ours(either_town):
    picture = nodes_data(either_town.memory, OWN, now_of(either_town), ENGLISH)
    assert picture.centre == ("Relais", f"!{OWN:08x}")
    assert picture.subtitle == "5 heard in 3 days, 3 with a position"
    assert [(node.names[0], node.direct, node.age) for node in picture.nodes] == [
        ("Alice", True, 1),
        ("Bob Fourvière", True, 1),
        ("Carol", False, 1),
    ]
    alice = picture.nodes[0]
    assert (alice.east, alice.north) == pytest.approx((4.65, 4.45), abs=0.01)
    assert alice.names == ("Alice", "AL", f"!{ALICE:08x}")
    assert picture.notes == ("2 without a position", "1 further away: arrows at the edge")


def test_without_a_place_of_its_own_the_map_is_around_all(town):
    picture = map_of(None, town.memory.heard_nodes(3 * 86400), now_of(town), ENGLISH)
    assert picture.centre == ()
    assert picture.title == "Nodes heard"
    assert picture.notes[-1] == "Our own position is not known: distances from the middle"


def test_nodes_silent_about_their_position_are_marked_on_the_map(town):
    town.clock.jump(2 * 86400)
    town.record(packet(BOB, portnum=1))
    picture = nodes_data(town.memory, OWN, now_of(town), ENGLISH)
    assert [node.label[0] == "~" for node in picture.nodes if "Bob Fourvière" in node.names] == [True]
    assert picture.notes[-1] == "~ 1 silent about their position for a day or more"


def test_a_node_older_than_three_days_is_not_on_the_map(town):
    town.clock.jump(3 * 86400)
    town.record(packet(BOB, PositionPayload(45.7, 4.8), portnum=POSITION))
    picture = nodes_data(town.memory, OWN, now_of(town), ENGLISH)
    assert [(node.names[0], node.age) for node in picture.nodes if node.names[0] != "Asker"] == [("Bob Fourvière", 0)]


@pytest.mark.parametrize("place", [(nan, 4.0), (45.0, nan), (0.0, 0.0), (91.0, 4.0), (45.0, 181.0)])
def test_what_is_no_place_counts_as_missing(town, place):
    heard = town.memory.heard_nodes(3 * 86400)
    lost = replace(heard[0], position=Position(*place, None, None))
    picture = map_of(town.memory.node(OWN), [lost, *heard[1:]], now_of(town), ENGLISH)
    assert len(picture.nodes) <= 3
    assert to_json(picture)


def test_more_nodes_than_can_be_drawn_lose_the_oldest(town):
    view = next(view for view in town.memory.heard_nodes(3 * 86400) if view.num == BOB)
    many = [replace(view, num=num, last_heard=view.last_heard - num, direct_at=None) for num in range(5003)]
    picture = map_of(None, many, now_of(town), ENGLISH)
    assert len(picture.nodes) == 5000
    assert picture.nodes[0].names[-1] == "!00000000"
    assert "3 more, heard longer ago, left out" in picture.notes


def test_a_map_across_the_antimeridian_keeps_neighbours_together(town):
    own = replace(town.memory.node(OWN), position=Position(-17.0, 179.95, None, None))
    near = replace(town.memory.node(BOB), position=Position(-17.0, -179.95, None, None))
    picture = map_of(own, [near], now_of(town), ENGLISH)
    assert picture.radius < 12
    assert picture.nodes[0].east > 0


def test_without_packets_there_is_no_picture(tmp_path):
    with EmptyTown(tmp_path) as town:
        now = now_of(town)
        assert histogram_data(town.memory, now, 24, ENGLISH) is None
        assert signal_data(town.memory, ASKER, now, 24, ENGLISH) is None
        assert nodes_data(town.memory, OWN, now, ENGLISH) is None
        town.record(packet(STRANGER))
        assert nodes_data(town.memory, OWN, now, ENGLISH) is None


def test_a_lost_database_raises_an_error(town):
    town.lose_database()
    with pytest.raises(StorageError):
        histogram_data(town.memory, now_of(town), 24, ENGLISH)
    # needs no database
    assert nodes_data(town.memory, OWN, now_of(town), ENGLISH)


def test_the_pictures_speak_french(town):
    now = now_of(town)
    picture = histogram_data(town.memory, now, 24, FRENCH)
    assert picture.title == "Paquets par heure"
    assert picture.series[0].name == "texte 4"
    assert signal_data(town.memory, ASKER, now, 24, FRENCH).relayed == "relayé"
    assert nodes_data(town.memory, OWN, now, FRENCH).title == "Nœuds autour de nous"


def test_every_picture_of_a_town_passes_the_pipe(town):
    now = now_of(town)
    for picture in (
        histogram_data(town.memory, now, 720, FRENCH),
        signal_data(town.memory, ASKER, now, 24, FRENCH),
        nodes_data(town.memory, OWN, now, FRENCH),
    ):
        assert from_json(to_json(picture)) == picture


@pytest.mark.parametrize(
    ("hours", "zone", "texts"),
    [
        (2, UTC, ["12:00", "13:00", "14:00"]),
        (25, UTC, ["16:00", "20:00", "05/01", "04:00", "08:00", "12:00"]),
        (25, timezone(timedelta(hours=5, minutes=30)), ["20:00", "05/01", "04:00", "08:00", "12:00", "16:00"]),
        (169, UTC, ["30/12", "31/12", "01/01", "02/01", "03/01", "04/01", "05/01"]),
        (336, UTC, ["24/12", "26/12", "28/12", "30/12", "01/01", "03/01", "05/01"]),
    ],
)
def test_ticks_are_round_times_where_people_live(hours, zone, texts):
    end = datetime(2026, 1, 5, 14, tzinfo=UTC).timestamp()
    assert [tick.text for tick in ticks_of(end - hours * HOUR, end, zone)] == texts


def test_ticks_stay_round_over_the_change_to_summer_time():
    zone = ZoneInfo("Europe/Paris")
    end = datetime(2026, 3, 30, 12, tzinfo=zone).timestamp()
    ticks = ticks_of(end - 36 * HOUR, end, zone)
    assert [tick.text for tick in ticks] == ["29/03", "06:00", "12:00", "18:00", "30/03", "06:00", "12:00"]
    assert ticks[-1].at == end
