"""Time on air: the data sheet's formula, worked out here for each case, and figures published for LoRaWAN."""

import pytest
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.mesh_link.messages import BROADCAST_NUM, LoraSettings, TextPacket
from meshbot.sending.air_budget import AirBudget
from meshbot.sending.air_time import PRESETS, Modem, duty_cycle, modem_of, packet_bytes
from tests.support.newer_protobufs import newer

EU_868, EU_866, LORA_24, US, UNHEARD_OF = 3, 29, 13, 1, 999


@pytest.mark.parametrize(
    ("bandwidth", "factor", "rate", "size", "milliseconds"),
    [
        # 20.25 symbols of preamble, 8 + ceil((8·size + 44 - 4·SF) / (4·SF)) · rate symbols of payload
        (250.0, 11, 5, 50, (20.25 + 8 + 10 * 5) * 8.192),
        (250.0, 11, 5, 255, (20.25 + 8 + 47 * 5) * 8.192),
        (250.0, 7, 5, 50, (20.25 + 8 + 15 * 5) * 0.512),
        (500.0, 11, 8, 50, (20.25 + 8 + 10 * 8) * 4.096),
        # a symbol of 16 ms and more: blocks of 4·(SF - 2) bits
        (125.0, 11, 8, 50, (20.25 + 8 + 12 * 8) * 16.384),
        (125.0, 12, 8, 255, (20.25 + 8 + 51 * 8) * 32.768),
    ],
)
def test_time_on_air_is_semtech_s(bandwidth, factor, rate, size, milliseconds):
    assert Modem(bandwidth, factor, rate).milliseconds(size) == pytest.approx(milliseconds, abs=1)


@pytest.mark.parametrize(("factor", "milliseconds"), [(7, 61.7), (12, 1482.8)])
def test_a_lorawan_packet_of_23_bytes_takes_what_is_published(factor, milliseconds):
    assert Modem(125.0, factor, 5, preamble=8).milliseconds(23) == pytest.approx(milliseconds, abs=1)


def test_every_preset_of_the_firmware_has_its_parameters():
    for preset in PRESETS:
        modem = modem_of(LoraSettings(region=EU_868, preset=preset))
        assert (modem.bandwidth, modem.spreading_factor, modem.coding_rate) == PRESETS[preset]
    assert modem_of(LoraSettings(preset=UNHEARD_OF)) == modem_of(LoraSettings())


def test_a_higher_coding_rate_of_the_user_s_own_counts():
    assert modem_of(LoraSettings(coding_rate=8)).coding_rate == 8
    assert modem_of(LoraSettings(preset=1, coding_rate=5)).coding_rate == 8


def test_the_wide_region_is_wider():
    assert modem_of(LoraSettings(region=LORA_24)) == Modem(812.5, 11, 5, 12)


def test_settings_without_a_preset_are_taken_and_impossible_ones_replaced():
    custom = LoraSettings(use_preset=False, bandwidth=62, spreading_factor=9, coding_rate=7)
    assert modem_of(custom) == Modem(62.5, 9, 7)
    assert modem_of(LoraSettings(use_preset=False, spreading_factor=99)) == Modem(250.0, 11, 5)


def test_regions_have_their_duty_cycle():
    assert [duty_cycle(LoraSettings(region)) for region in (EU_868, US, 0, UNHEARD_OF)] == [10, 100, 100, 100]
    assert duty_cycle(LoraSettings(EU_866)) == 2.5
    assert duty_cycle(LoraSettings(EU_866, is_router=True)) == 10


@pytest.mark.parametrize("text", ["", "a", "é" * 100, "x" * 127, "x" * 128, "x" * 200])
@pytest.mark.parametrize("to", [1, BROADCAST_NUM])
@pytest.mark.parametrize("reply_id", [0, 7])
def test_a_packet_s_size_is_that_of_its_protobuf(text, to, reply_id):
    data = mesh_pb2.Data(
        portnum=portnums_pb2.PortNum.TEXT_MESSAGE_APP, payload=text.encode(), reply_id=reply_id, bitfield=1
    )
    size = 16 + len(data.SerializeToString()) + (0 if to == BROADCAST_NUM else 12)
    assert packet_bytes(TextPacket(1, text, to, 0, reply_id, want_ack=False)) - size in {0, 2 * (not text)}


@pytest.mark.parametrize("size", [1, 127, 128, 155, 161, 162, 166, 167, 200])
@pytest.mark.parametrize("reply_id", [0, 7])
def test_a_signature_counts_where_the_firmware_adds_one(size, reply_id):
    data = newer("Data")(portnum=1, payload=b"x" * size, reply_id=reply_id, bitfield=1, xeddsa_signature=b"s" * 64)
    signed = 16 + len(data.SerializeToString())
    packet = TextPacket(1, "x" * size, BROADCAST_NUM, 0, reply_id, want_ack=False)
    unsigned = packet_bytes(packet)
    assert packet_bytes(packet, signs=True) == (signed if signed <= 255 else unsigned)
    direct = TextPacket(1, "x" * size, 1, 0, reply_id, want_ack=False)
    assert packet_bytes(direct, signs=True) == packet_bytes(direct)


def test_a_node_that_signs_spends_more_air_time_on_channels():
    packet, budget = TextPacket(1, "x" * 100, BROADCAST_NUM, 0, 0, want_ack=False), AirBudget(10.0)
    budget.use(LoraSettings(signs=True))
    signed = budget.cost(packet)
    budget.use(LoraSettings())
    assert signed > budget.cost(packet)
