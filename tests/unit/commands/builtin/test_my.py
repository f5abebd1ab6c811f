"""/my: how our own node heard the asker, over a day."""

import pytest

from meshbot.commands.formatting import PACKET_BYTES
from tests.support.packet_records import packet
from tests.support.town import ASKER, HOUR, STRANGER, EmptyTown, Town, ask


@pytest.fixture
def town(tmp_path):
    with Town(tmp_path) as town:
        yield town


@pytest.fixture
def empty(tmp_path):
    with EmptyTown(tmp_path) as town:
        yield town


def test_an_asker_never_heard_gets_an_answer(town):
    assert ask(town, "/my", sender=7).startswith("📶 Nothing heard of you in 24h but this question")


def test_one_heard_through_others_only_has_no_signal(town):
    answer = ask(town, "/my", "fr", sender=STRANGER)
    assert answer == "📶 Vous, 24h : 1 paquet, pas en direct : signal inconnu."


def test_hours_with_relayed_packets_alone_say_so(town):
    town.clock.jump(7 * HOUR)
    town.record(packet(ASKER, hops=3))
    assert ask(town, "/my").splitlines()[1] == "<6h: relayed"


def test_the_mean_is_of_packets_and_not_of_hours(empty):
    empty.record(packet(ASKER, snr=0.0), packet(ASKER, snr=0.0), packet(ASKER, snr=0.0))
    empty.clock.jump(HOUR)
    empty.record(packet(ASKER, snr=8.0))
    assert ask(empty, "/my").splitlines()[1] == "<6h: 2.0dB (0.0/8.0) -90dBm"


def test_a_whole_day_fits_one_packet_and_the_oldest_hour_counts(empty):
    for _ in range(25):
        empty.record(*(packet(ASKER, snr=snr, rssi=-120) for snr in (-12.5, -10.5)))
        empty.clock.jump(HOUR)
    empty.clock.jump(-HOUR)
    answer = ask(empty, "/my", "fr")
    assert "paquets 50, directs 50" in answer
    assert len(answer.splitlines()) == 5
    assert len(answer.encode()) <= PACKET_BYTES


def test_who_signs_sees_it(town):
    town.record(packet(ASKER, signed=True))
    assert ask(town, "/my").splitlines()[0].endswith(", ✍️ signs")
