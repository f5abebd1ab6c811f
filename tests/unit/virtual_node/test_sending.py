import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, sender_of
from tests.support.phone import Phone, PortNum, error_of

GHOST_KEY = bytes(range(32))


def outcomes(phone):
    """The routing packets now waiting: error, and whether the node itself made it."""
    return [(error_of(p), sender_of(p) == phone.num, p.decoded.request_id) for p in phone.packets()]


def add_ghost(phone):
    """Give the node a key for somebody who does not exist."""
    phone.admin(add_contact={"node_num": 0x1234567, "user": {"long_name": "Ghost", "public_key": GHOST_KEY}})
    phone.drain()
    return 0x1234567


def test_every_packet_is_answered_by_a_queue_status_with_its_id():
    phone = Phone()
    packet_id = phone.send()
    (status,) = phone.statuses()
    assert (status.mesh_packet_id, status.res, status.free, status.maxlen) == (packet_id, 0, 16, 16)


def test_what_goes_on_air_is_recorded_with_time_destination_and_thread():
    phone = Phone()
    phone.send(BROADCAST_NUM, "sur le canal", channel=1, data={"reply_id": 77}, hop_limit=3)
    (sent,) = phone.firmware.transmitted
    assert (sent.text, sent.to, sent.channel, sent.reply_id) == ("sur le canal", BROADCAST_NUM, 1, 77)
    assert (sent.at, sender_of(sent.packet), sent.packet.hop_start) == (phone.now, phone.num, 3)


def test_a_second_text_within_2_s_is_dropped_with_res_0():
    phone = Phone()
    phone.send(payload="one")
    phone.later(1.9)
    phone.drain()
    packet_id = phone.send(payload="two")
    (message,) = phone.drain()
    assert (message.queueStatus.mesh_packet_id, message.queueStatus.res) == (packet_id, 0)
    assert phone.on_air() == ["one"]
    assert phone.firmware.received.packets[-1].dropped == "less than 2 s after the previous TEXT_MESSAGE_APP"


def test_the_2_s_count_from_the_last_accepted_text():
    phone = Phone()
    for text in ("one", "too soon", "three"):
        phone.send(payload=text)
        phone.later(1.0)
    assert phone.on_air() == ["one", "three"]


@pytest.mark.parametrize(
    ("port", "seconds"),
    [(PortNum.POSITION_APP, 10), (PortNum.TELEMETRY_APP, 10), (PortNum.WAYPOINT_APP, 10), (PortNum.TRACEROUTE_APP, 30)],
)
def test_other_kinds_have_their_own_limits(port, seconds):
    phone = Phone()
    to = phone.keyed.num
    for pause in (seconds - 0.1, 0.2, 0.0):
        phone.send(to, b"", port)
        phone.later(pause)
    assert [sent.packet.decoded.portnum for sent in phone.firmware.transmitted] == [port, port]


def test_a_traceroute_too_soon_is_explained_to_the_client():
    phone = Phone()
    phone.send(phone.keyed.num, b"", PortNum.TRACEROUTE_APP)
    phone.drain()
    packet_id = phone.send(phone.keyed.num, b"", PortNum.TRACEROUTE_APP)
    notices = [m.clientNotification for m in phone.drain() if m.HasField("clientNotification")]
    assert [(notice.reply_id, "30 seconds" in notice.message) for notice in notices] == [(packet_id, True)]


def test_a_new_connection_forgets_the_limits_of_the_one_before():
    phone = Phone()
    phone.send(payload="one", id=5)
    phone.connect()
    phone.send(payload="two", id=5)
    assert phone.on_air() == ["one", "two"]


def test_a_repeated_packet_id_is_dropped_without_any_answer():
    phone = Phone()
    phone.send(id=5)
    phone.later(5)
    phone.drain()
    phone.send(id=5)
    assert phone.drain() == []
    assert len(phone.on_air()) == 1
    assert phone.firmware.received.packets[-1].dropped == "repeated packet id"


def test_only_the_last_20_packet_ids_are_remembered():
    phone = Phone()
    for packet_id in range(1, 22):
        phone.send(id=packet_id, port=PortNum.PRIVATE_APP)
        phone.later(1)
    phone.send(id=2, port=PortNum.PRIVATE_APP)
    phone.send(id=1, port=PortNum.PRIVATE_APP)
    assert [sent.packet.id for sent in phone.firmware.transmitted][-2:] == [21, 1]


@pytest.mark.parametrize(
    ("direct", "reply_id", "longest"), [(False, 0, 232), (True, 0, 220), (True, 9, 215), (False, 9, 227)]
)
def test_the_longest_text_is_what_fits_a_lora_packet(direct, reply_id, longest):
    phone = Phone()
    to = phone.keyed.num if direct else BROADCAST_NUM
    data = {"reply_id": reply_id} if reply_id else {}
    phone.send(to, "x" * longest, data=data)
    assert [status.res for status in phone.statuses()] == [0]
    phone.later(3)
    phone.drain()
    packet_id = phone.send(to, "x" * (longest + 1), data=data)
    status, nak = phone.drain()
    assert (status.queueStatus.res, status.queueStatus.mesh_packet_id) == (7, packet_id)
    assert (error_of(nak.packet), sender_of(nak.packet), nak.packet.to) == ("TOO_LARGE", phone.num, phone.num)
    assert len(phone.on_air()) == 1


def test_a_payload_beyond_233_bytes_is_malformed_to_the_firmware():
    phone = Phone()
    phone.send(payload="x" * 234)
    assert phone.drain() == []
    assert phone.on_air() == []


def test_without_a_key_for_the_destination_a_direct_message_is_refused():
    phone = Phone(nodes=12, keys=0)
    packet_id = phone.send(phone.firmware.users[0].num)
    status, nak = phone.drain()
    assert (status.queueStatus.res, status.queueStatus.mesh_packet_id) == (39, packet_id)
    assert (error_of(nak.packet), nak.packet.decoded.request_id) == ("PKI_SEND_FAIL_PUBLIC_KEY", packet_id)
    assert phone.on_air() == []


def test_before_2_7_19_a_dm_without_key_uses_the_channel():
    phone = Phone(keys=0, version="2.7.18")
    phone.send(phone.firmware.users[0].num)
    (sent,) = phone.firmware.transmitted
    assert not sent.packet.pki_encrypted


def test_a_key_that_is_not_the_node_s_is_refused():
    phone = Phone()
    phone.send(phone.keyed.num, pki_encrypted=True, public_key=GHOST_KEY)
    status, nak = phone.drain()
    assert (status.queueStatus.res, error_of(nak.packet)) == (34, "PKI_FAILED")


def test_a_direct_message_is_encrypted_for_its_reader_without_being_asked_to():
    phone = Phone()
    phone.send(phone.keyed.num)
    assert phone.firmware.transmitted[0].packet.pki_encrypted


@pytest.mark.parametrize(
    "port", [PortNum.TRACEROUTE_APP, PortNum.NODEINFO_APP, PortNum.ROUTING_APP, PortNum.POSITION_APP]
)
def test_some_ports_never_use_pki_and_need_no_key(port):
    phone = Phone(keys=0)
    phone.send(phone.firmware.users[0].num, b"", port)
    assert [status.res for status in phone.statuses()] == [0]
    assert not phone.firmware.transmitted[0].packet.pki_encrypted


def test_a_direct_message_is_acknowledged_implicitly_then_by_its_reader():
    phone = Phone()
    packet_id = phone.send(phone.keyed.num, want_ack=True)
    phone.later(2)
    packets = phone.packets()
    assert [error_of(packet) for packet in packets] == ["NONE", "NONE"]
    assert [sender_of(packet) for packet in packets] == [phone.num, phone.keyed.num]
    assert {packet.decoded.request_id for packet in packets} == {packet_id}
    assert packets[1].rx_snr == phone.keyed.snr


def test_without_want_ack_nothing_is_acknowledged():
    phone = Phone()
    phone.send(phone.keyed.num)
    phone.later(60)
    assert phone.packets() == []


def test_a_node_that_does_not_exist_gives_only_an_implicit_ack():
    phone = Phone()
    packet_id = phone.send(add_ghost(phone), want_ack=True)
    phone.later(28)
    assert outcomes(phone) == [("NONE", True, packet_id)]


def test_a_broadcast_is_acknowledged_implicitly():
    phone = Phone()
    packet_id = phone.send(want_ack=True)
    phone.later(2)
    assert outcomes(phone) == [("NONE", True, packet_id)]


@pytest.mark.parametrize("alone", [True, False])
def test_without_a_rebroadcast_max_retransmit_comes_after_23_s(alone):
    phone = Phone(nodes=1 if alone else 12)
    if not alone:
        phone.firmware.switch_on("unheard", {}, 1)
    packet_id = phone.send(want_ack=True)
    phone.later(22)
    assert outcomes(phone) == []
    phone.later(2)
    assert outcomes(phone) == [("MAX_RETRANSMIT", True, packet_id)]


def test_a_destination_that_cannot_decrypt_answers_no_channel():
    phone = Phone()
    phone.admin(add_contact={"node_num": phone.keyed.num, "user": {"long_name": "x", "public_key": GHOST_KEY}})
    phone.drain()
    packet_id = phone.send(phone.keyed.num, want_ack=True)
    phone.later(2)
    assert outcomes(phone) == [("NONE", True, packet_id), ("NO_CHANNEL", False, packet_id)]


def test_of_20_packets_17_go_out_and_two_statuses_are_kept():
    phone = Phone()
    ids = [phone.send(port=PortNum.PRIVATE_APP) for _ in range(20)]
    assert [(s.mesh_packet_id, s.res, s.free) for s in phone.statuses()] == [(ids[18], 32, 0), (ids[19], 32, 0)]
    assert len(phone.firmware.transmitted) == 17
    assert phone.packets() == []


def test_after_a_full_queue_free_slots_are_reported_once():
    phone = Phone()
    for _ in range(18):
        phone.send(port=PortNum.PRIVATE_APP)
    phone.drain()
    phone.later(1)
    (status,) = phone.statuses()
    assert status.free > 0
    assert (status.mesh_packet_id, status.res) == (0, 0)
    phone.later(1)
    assert phone.statuses() == []


def test_a_channel_that_does_not_exist_is_refused():
    phone = Phone()
    phone.send(channel=5)
    status, nak = phone.drain()
    assert (status.queueStatus.res, error_of(nak.packet)) == (6, "NO_CHANNEL")


def test_heartbeat_1_broadcasts_a_nodeinfo_once_a_minute():
    phone = Phone()
    for pause in (59, 2, 0):
        phone.to_radio(heartbeat={"nonce": 1})
        phone.later(pause)
    ports = [sent.packet.decoded.portnum for sent in phone.firmware.transmitted]
    assert ports == [PortNum.NODEINFO_APP] * 2
    assert phone.firmware.received.heartbeats == 3


def test_everybody_in_reach_answers_heartbeat_1_once_in_12_hours():
    phone = Phone()
    users = {user.num for user in phone.firmware.users if user.hops <= 3}
    for hours in (12.1, 12.1, 1.0):
        phone.to_radio(heartbeat={"nonce": 1})
        phone.later(60)
        answers = [packet for packet in phone.packets() if packet.decoded.portnum == PortNum.NODEINFO_APP]
        assert {sender_of(packet) for packet in answers} == users
        assert len(answers) == len(users)
        users = users if hours > 12 else set()
        phone.later(hours * 3600 - 60)
    phone.to_radio(heartbeat={"nonce": 1})
    phone.later(60)
    assert phone.packets() == []


def test_users_answer_a_traceroute_and_questions_with_want_response():
    phone = Phone()
    asked = [
        phone.send(phone.keyed.num, b"", PortNum.TRACEROUTE_APP, data={"want_response": True}, hop_limit=3),
        phone.send(phone.keyed.num, b"", PortNum.NODEINFO_APP, data={"want_response": True}, hop_limit=3),
        phone.send(phone.keyed.num, b"", PortNum.POSITION_APP, data={"want_response": True}, hop_limit=3),
    ]
    phone.later(5)
    answers = [p for p in phone.packets() if p.decoded.portnum != PortNum.ROUTING_APP]
    assert [(p.decoded.request_id, sender_of(p)) for p in answers] == [(i, phone.keyed.num) for i in asked]


@pytest.mark.parametrize("hop_limit", range(1, 4))
@pytest.mark.parametrize("hops", range(4))
def test_a_packet_goes_no_farther_than_its_hop_limit(hops, hop_limit):
    phone = Phone(nodes=42)
    user = next(user for user in phone.firmware.users if user.hops == hops and user.public_key)
    packet_id = phone.send(user.num, want_ack=True, hop_limit=hop_limit)
    phone.later(28)
    arrived = [("NONE", False, packet_id)] if hops <= hop_limit else []
    assert outcomes(phone) == [("NONE", True, packet_id), *arrived]


def test_a_packet_without_hops_reaches_those_in_reach_alone():
    phone = Phone(nodes=42)
    near, far = (next(user for user in phone.firmware.users if user.hops == hops) for hops in (0, 1))
    for user in (near, far):
        phone.send(user.num, b"", PortNum.NODEINFO_APP, data={"want_response": True})
    phone.later(28)
    assert [sender_of(packet) for packet in phone.packets()] == [near.num]


@pytest.mark.parametrize("hops", range(4))
def test_a_traceroute_brings_back_its_relays_and_one_snr_more(hops):
    phone = Phone(nodes=42)
    user = next(user for user in phone.firmware.users if user.hops == hops)
    phone.send(user.num, b"", PortNum.TRACEROUTE_APP, data={"want_response": True})
    phone.later(5)
    (answer,) = [p for p in phone.packets() if p.decoded.portnum == PortNum.TRACEROUTE_APP]
    route = mesh_pb2.RouteDiscovery.FromString(answer.decoded.payload)
    distances = {user.num: user.hops for user in phone.firmware.users}
    assert [distances[num] for num in route.route] == list(range(hops))
    assert list(route.route_back) == list(route.route)[::-1]
    assert len(route.snr_towards) == len(route.snr_back) == hops + 1
    assert route.snr_towards[-1] == round(user.snr * 4)


def test_relay_node_is_the_last_byte_of_the_direct_sender():
    phone = Phone(nodes=42)
    direct = {user.num & 0xFF for user in phone.firmware.users if user.hops == 0}
    for user in phone.firmware.users:
        phone.hear_from(user)
        packet = next(p for p in phone.packets() if sender_of(p) == user.num)
        expected = {user.num & 0xFF} if user.hops == 0 else direct
        assert packet.relay_node in expected


def test_a_traceroute_that_wants_no_response_gets_none():
    phone = Phone()
    phone.send(phone.keyed.num, b"", PortNum.TRACEROUTE_APP)
    phone.later(5)
    assert {p.decoded.portnum for p in phone.packets()} == {PortNum.ROUTING_APP}


def test_malformed_messages_are_counted_and_ignored():
    phone = Phone()
    phone.api.handle(b"\xff\xff\xff", phone.now)
    phone.api.handle(b"", phone.now)
    assert phone.drain() == []
    assert phone.firmware.received.malformed == 1
