"""Air time by preset and size, the duty cycle, retransmissions, and a licensed owner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import config_pb2, mesh_pb2

from meshbot.sending.air_time import Modem
from meshbot.virtual_node.air import PRESETS, Air, seconds_on_air
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.phone import Phone, PortNum, error_of
from tests.unit.virtual_node.test_hearing import nodeinfo

LoRa = config_pb2.Config.LoRaConfig
bookings = st.lists(st.tuples(st.floats(0, 2000), st.floats(0.01, 60)), max_size=40)


@given(st.sampled_from(sorted(PRESETS)), st.integers(16, 255))
def test_air_time_is_what_the_bot_computes_on_its_own(preset, size):
    bandwidth, factor, rate = PRESETS[preset]
    expected = Modem(bandwidth, factor, rate).milliseconds(size) / 1000
    assert seconds_on_air(size, LoRa(use_preset=True, modem_preset=preset)) == pytest.approx(expected, abs=0.002)


def test_a_modem_set_by_hand_counts_without_a_preset():
    by_hand = LoRa(use_preset=False, bandwidth=250, spread_factor=11, coding_rate=5)
    assert seconds_on_air(60, by_hand) == seconds_on_air(60, LoRa(use_preset=True))


@given(bookings)
def test_packets_follow_each_other_on_air_and_silence_ends_the_excess(packets):
    air, now, through = Air(), 0.0, 0.0
    for pause, seconds in packets:
        now += pause
        start = air.book(now, seconds)
        assert start >= max(now, through) - 1e-6
        through = start + seconds
    share, silence = air.share(now), air.silence(now, 1.0)
    assert (silence > 0) is (share > 1.0)
    assert air.share(now + silence + 1e-6) <= 1.0 + 1e-9


def test_long_packets_take_longer_by_the_preset():
    phone = Phone(airtime=None)
    for text in ("x" * 200, "y"):
        phone.send(BROADCAST_NUM, text, PortNum.PRIVATE_APP)
    first, second = phone.firmware.transmitted
    assert second.at - first.at == pytest.approx(seconds_on_air(16 + 207, LoRa(use_preset=True)), abs=0.05)


def test_beyond_the_duty_cycle_packets_are_refused_and_explained():
    phone = Phone(airtime=100.0)
    for _ in range(4):
        phone.send(port=PortNum.PRIVATE_APP)
        phone.later(100)
    phone.drain()
    packet_id = phone.send(port=PortNum.PRIVATE_APP)
    status, notice, refusal = phone.drain()
    assert (status.queueStatus.res, error_of(refusal.packet)) == (9, "DUTY_CYCLE_LIMIT")
    assert notice.clientNotification.reply_id == packet_id
    assert notice.clientNotification.message.startswith("Duty cycle limit exceeded")
    phone.later(3300)
    phone.send(port=PortNum.PRIVATE_APP)
    assert [status.res for status in phone.statuses()] == [0]


def test_without_a_duty_cycle_or_told_to_ignore_it_it_sends_on():
    for options, settings in (({"region": "US"}, {}), ({}, {"override_duty_cycle": True})):
        phone = Phone(airtime=100.0, **options)
        lora = {"region": 1 if options else 3, "tx_enabled": True, "use_preset": True, "hop_limit": 3} | settings
        phone.admin(set_config={"lora": lora})
        for _ in range(6):
            phone.send(port=PortNum.PRIVATE_APP)
            phone.later(100)
        assert len(phone.firmware.transmitted) == 6


def test_unanswered_retransmissions_take_air():
    phone = Phone(airtime=1.0)
    phone.firmware.switch_on("unheard", {}, 1)
    phone.send(port=PortNum.PRIVATE_APP, want_ack=True)
    phone.later(7.7)
    phone.send(port=PortNum.PRIVATE_APP)
    first, second = phone.firmware.transmitted
    assert second.at - first.at == pytest.approx(23 / 3 + 1.0)


def test_a_packet_without_a_hop_limit_takes_the_node_s():
    phone = Phone()
    phone.admin(set_config={"lora": {"region": 3, "tx_enabled": True, "use_preset": True, "hop_limit": 5}})
    phone.send(phone.keyed.num, want_ack=True)
    assert phone.firmware.transmitted[0].packet.hop_limit == 5


def licensed():
    phone = Phone()
    phone.admin(set_owner={"long_name": "F4ABC", "is_licensed": True})
    phone.drain()
    return phone


def test_a_licensed_owner_encrypts_nothing():
    phone = licensed()
    phone.send(phone.keyed.num)
    assert not phone.firmware.transmitted[0].packet.pki_encrypted
    phone.to_radio(heartbeat={"nonce": 1})
    assert not mesh_pb2.User.FromString(phone.firmware.transmitted[-1].packet.decoded.payload).public_key


def test_a_licensed_owner_hears_nothing_of_unlicensed_ones():
    phone = licensed()
    phone.hear_from(phone.keyed, to=BROADCAST_NUM)
    assert phone.packets() == []


def test_a_nodeinfo_of_a_licensed_owner_reaches_no_other():
    phone = Phone()
    phone.firmware.hear(nodeinfo(phone.keyed, is_licensed=True), phone.now)
    assert phone.packets() == []


@pytest.mark.parametrize(("version", "order"), [("2.7.26", [1, 2]), ("2.8.0", [2, 1])])
def test_a_question_to_the_node_itself_has_two_statuses(version, order):
    phone = Phone(version=version)
    question = phone.admin(want_response=True, get_owner_request=True)
    messages = phone.drain()
    answer = messages[-1].packet.id
    statuses = [m.queueStatus for m in messages if m.HasField("queueStatus")]
    assert [(status.mesh_packet_id, status.res) for status in statuses] == [
        ({1: question, 2: answer}[place], 0) for place in order
    ]


def test_a_heartbeat_is_answered_in_the_middle_of_a_configuration():
    phone = Phone(configured=False)
    phone.to_radio(want_config_id=1)
    phone.api.next_frame(phone.now)
    phone.to_radio(heartbeat={})
    messages = phone.drain()
    assert messages[0].HasField("queueStatus")
    assert messages[-1].HasField("config_complete_id")
