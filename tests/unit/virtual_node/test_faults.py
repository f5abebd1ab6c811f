from zlib import crc32

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.attacker import STRANGER
from meshbot.virtual_node.faults import FAULTS, ActiveFaults, complete
from meshbot.virtual_node.happenings import HAPPENINGS, happen
from meshbot.virtual_node.packets import sender_of
from tests.support.phone import Phone, error_of


def test_each_fault_is_described_with_units_and_defaults():
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.summary
        for parameter in fault.parameters:
            assert parameter.unit
            assert parameter.meaning
        assert complete(name, {}) == {parameter.name: parameter.default for parameter in fault.parameters}


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("drp", {}, "did you mean 'drop'"),
        ("stall", {"aftr": 3}, "it takes after, connections"),
        ("drop", {"x": 1}, "takes no parameters"),
        ("stall", {"after": "many"}, "is not a number (node infos)"),
        ("slow", {"rate": -1}, "is negative (bytes/s)"),
    ],
)
def test_a_wrong_fault_is_explained(name, params, words):
    with pytest.raises(ValueError) as raised:
        complete(name, params)
    assert words in str(raised.value)


def test_numbers_may_be_given_as_text():
    assert complete("stall", {"after": "3"}) == {"after": 3.0, "connections": 0}


def test_a_fault_affects_as_many_connections_as_given():
    faults = ActiveFaults()
    faults.switch_on("mute", {"connections": 2}, 5)
    assert [faults.affects_connection("mute", number) for number in (4, 5, 6, 7)] == [False, True, True, False]
    faults.switch_on("mute", {}, 5)
    assert faults.affects_connection("mute", 1000)


def test_healing_names_one_fault_or_none_for_all():
    faults = ActiveFaults()
    faults.switch_on("mute", {}, 1)
    faults.switch_on("echo", {}, 1)
    faults.heal("mute")
    assert faults.names() == ("echo",)
    faults.heal(None)
    assert faults.names() == ()
    with pytest.raises(ValueError, match="did you mean 'mute'"):
        faults.heal("mut")


def test_a_fault_that_happens_once_is_not_kept():
    faults = ActiveFaults()
    faults.switch_on("drop", {}, 1)
    assert faults.names() == ()


def fail(phone, name, **params):
    phone.firmware.switch_on(name, params, phone.connections)


def test_a_full_tx_queue_gives_32_without_nak_until_healed():
    phone = Phone()
    fail(phone, "tx_queue_full")
    phone.to_radio(heartbeat={})
    packet_id = phone.send(want_ack=True)
    assert [(s.res, s.free, s.mesh_packet_id) for s in phone.statuses()] == [(0, 0, 0), (32, 0, packet_id)]
    assert phone.on_air() == []
    phone.firmware.heal("tx_queue_full")
    phone.later(30)
    (message,) = phone.drain()
    assert (message.queueStatus.free, message.queueStatus.mesh_packet_id) == (16, 0)


def test_a_nak_answers_the_next_packets_with_its_reason():
    phone = Phone()
    fail(phone, "nak", reason="DUTY_CYCLE_LIMIT", packets=1)
    phone.send(payload="refused")
    status, nak = phone.drain()
    assert (status.queueStatus.res, error_of(nak.packet), sender_of(nak.packet)) == (9, "DUTY_CYCLE_LIMIT", phone.num)
    phone.later(3)
    phone.send(payload="sent")
    assert phone.on_air() == ["sent"]


def test_a_remote_nak_comes_from_the_destination_after_the_packet_went_out():
    phone = Phone()
    fail(phone, "nak", reason="PKI_UNKNOWN_PUBKEY", remote=1)
    phone.send(phone.keyed.num, want_ack=True)
    phone.later(2)
    errors = [(error_of(packet), sender_of(packet)) for packet in phone.packets()]
    assert errors == [("NONE", phone.num), ("PKI_UNKNOWN_PUBKEY", phone.keyed.num)]
    assert len(phone.on_air()) == 1


def test_an_unknown_reason_is_explained():
    with pytest.raises(ValueError, match="reason is one of NONE"):
        fail(Phone(), "nak", reason="NOPE")


def test_a_stalled_configuration_stops_after_n_nodes_and_goes_on_when_healed():
    phone = Phone(configured=False)
    fail(phone, "stall", after=4)
    messages = phone.configure()
    assert sum(message.HasField("node_info") for message in messages) == 1 + 4
    phone.to_radio(heartbeat={})
    assert phone.drain() == []
    phone.firmware.heal("stall")
    messages = phone.drain()
    assert [message for message in messages if message.HasField("config_complete_id")]
    assert [message.queueStatus.maxlen for message in messages if message.HasField("queueStatus")] == [16]


def test_an_echo_delivers_each_packet_twice():
    phone = Phone()
    fail(phone, "echo")
    packet_id = phone.hear_from(phone.keyed)
    assert [packet.id for packet in phone.packets()] == [packet_id, packet_id]


def test_old_firmware_reports_its_version_and_answers_no_heartbeat():
    phone = Phone()
    fail(phone, "old_firmware")
    phone.to_radio(heartbeat={})
    assert phone.drain() == []
    assert phone.configure()[3].metadata.firmware_version.startswith("2.7.5.")
    phone.firmware.heal(None)
    phone.to_radio(heartbeat={})
    assert len(phone.drain()) == 1
    with pytest.raises(ValueError, match="no firmware version"):
        fail(phone, "old_firmware", version="old")


@pytest.mark.parametrize(("version", "expires"), [("2.7.26", True), ("2.7.20", False)])
def test_since_2_7_21_a_client_expires_after_15_min(version, expires):
    phone = Phone(version=version)
    phone.later(600)
    phone.to_radio(heartbeat={})
    phone.later(899)
    assert phone.now < phone.api.expires
    phone.later(1)
    assert (phone.now >= phone.api.expires) is expires


def test_losing_its_nodes_leaves_the_node_itself():
    phone = Phone()
    phone.firmware.forget_nodes()
    infos = [m.node_info for m in phone.configure() if m.HasField("node_info")]
    assert [info.num for info in infos] == [phone.num]


def test_a_lost_status_leaves_a_text_on_air_unconfirmed_and_others_confirmed():
    phone = Phone()
    phone.firmware.switch_on("lose_status", {"packets": 1}, 1)
    phone.send(payload="one")
    assert phone.statuses() == []
    phone.later(2.0)
    second = phone.send(payload="two")
    assert [status.mesh_packet_id for status in phone.statuses()] == [second]
    assert phone.on_air() == ["one", "two"]


@pytest.mark.parametrize(
    ("params", "on_air", "statuses"),
    [({}, ["one"], 0), ({"taken": 0}, [], 0), ({"status_kept": 1}, ["one"], 1)],
)
def test_a_connection_cut_at_a_text_loses_it_or_its_status(params, on_air, statuses):
    phone = Phone()
    phone.firmware.switch_on("cut_at_text", params, 1)
    phone.send(payload="one")
    assert phone.api.cut
    assert phone.on_air() == on_air
    phone.connect()
    phone.to_radio(want_config_id=1)
    assert sum(message.HasField("queueStatus") for message in phone.drain()) == statuses
    phone.send(payload="two")
    assert not phone.api.cut
    assert phone.on_air() == [*on_air, "two"]


def test_a_fifth_of_the_heartbeats_answers_is_lost():
    phone = Phone()
    fail(phone, "lose_heartbeats", loss=20)
    answers = 0
    for _ in range(500):
        phone.to_radio(heartbeat={})
        answers += len(phone.drain())
    assert 350 <= answers <= 450


def test_pauses_stop_the_main_loop_at_the_end_of_each_period():
    faults = ActiveFaults()
    faults.switch_on("pauses", {"seconds": 10, "every": 60}, 1)
    paused = []
    for second in range(120):
        faults.set_time(second)
        paused.append(faults.paused)
    assert paused == ([False] * 50 + [True] * 10) * 2
    faults.heal("pauses")
    faults.set_time(59)
    assert not faults.paused


# -- attacks


@pytest.mark.parametrize(("reason", "error"), [("DUTY_CYCLE_LIMIT", 9), ("99", 99), ("NONE", 0), ("ROUTE_REPLY", None)])
@pytest.mark.parametrize("sender", ["stranger", "own", "recipient"])
def test_a_forged_routing_answer_comes_from_whom_the_fault_says(reason, error, sender):
    phone = Phone()
    phone.firmware.switch_on("unheard", {}, 1)
    phone.firmware.switch_on("forged_routing", {"reason": reason, "sender": sender, "packets": 1}, 1)
    user = phone.keyed
    packet_id = phone.send(user.num)
    phone.later(1.0)
    (packet,) = phone.packets()
    assert packet.rx_rssi
    assert sender_of(packet) == {"stranger": STRANGER, "own": phone.num, "recipient": user.num}[sender]
    routing = mesh_pb2.Routing.FromString(packet.decoded.payload)
    assert packet.decoded.request_id == packet_id
    assert (routing.error_reason if routing.HasField("error_reason") else None) == error


def test_a_flood_comes_at_its_rate_each_text_under_a_new_number():
    phone = Phone(queue_size=1000)
    phone.firmware.switch_on("flood", {"rate": 30, "text": "/help"}, 1)
    for _ in range(100):
        phone.later(0.1)
    flood = [packet for packet in phone.packets() if packet.decoded.payload == b"/help"]
    assert 295 <= len(flood) <= 301
    assert len({sender_of(packet) for packet in flood}) == len(flood)
    phone.firmware.faults.heal("flood")
    phone.later(10.0)
    assert not phone.packets()


def test_each_fault_that_happens_once_is_one_of_the_connection_or_happens():
    once = {fault.name for fault in FAULTS.values() if fault.once}
    assert once == set(HAPPENINGS) | {"drop", "reset"}


def test_what_happens_to_a_user_names_it_by_its_short_name():
    phone = Phone()
    second = phone.firmware.users[1]
    happen(phone.firmware, "upgrade_user", {"user": second.short_name}, phone.now)
    assert phone.firmware.users[1].num == crc32(second.public_key)
    happen(phone.firmware, "mistake_our_key", {"user": "", "held": "none"}, phone.now)
    phone.hear_from(phone.firmware.users[0])
    assert phone.packets() == []
    with pytest.raises(ValueError, match="nobody is called 'Nul'"):
        happen(phone.firmware, "change_key", {"user": "Nul"}, phone.now)
