"""Parsing the library's dictionaries; nothing in them is trusted."""

import base64

import pytest

from meshbot.mesh_link.firmware import answers_heartbeats
from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    NodeInfoPacket,
    NodeRecord,
    RadioMetadata,
    RoutingAnswer,
    TextMessage,
)
from meshbot.mesh_link.packets import BadPacketError, message_of, node_record, packet_record, public_key_of
from tests.support.packet_records import message_in

SENDER, OWN = 0x1234, 0x9999
KEY = bytes(range(32))
KEY_TEXT = base64.b64encode(KEY).decode()


def packet(portnum, **decoded):
    return {"from": SENDER, "to": OWN, "id": 42, "decoded": {"portnum": portnum, **decoded}}


def text(**details):
    return {**packet("TEXT_MESSAGE_APP", text="/ping"), **details}


def test_a_text_is_parsed_with_all_its_fields():
    proof = {"pkiEncrypted": True, "publicKey": KEY_TEXT}
    packet_dict = text(channel=2, **proof, rxSnr=6.25, rxRssi=-87, hopStart=3, hopLimit=1, rxTime=1767620158)
    packet_dict["decoded"]["replyId"] = 41
    assert message_in(packet_dict) == TextMessage(
        packet_id=42,
        sender=SENDER,
        to=OWN,
        channel=2,
        text="/ping",
        reply_id=41,
        pki_encrypted=True,
        public_key=KEY,
        reception=RadioMetadata(snr=6.25, rssi=-87, hops=2, rx_time=1767620158),
    )


def test_what_a_packet_leaves_out_has_its_default():
    assert message_in(text()) == TextMessage(42, SENDER, OWN, 0, "/ping")


def test_a_text_to_everybody_is_a_broadcast():
    assert message_in(text(to=BROADCAST_NUM)).is_broadcast
    assert not message_in(text()).is_broadcast


def test_a_text_that_is_not_utf8_is_decoded_with_replacements():
    assert message_in(packet("TEXT_MESSAGE_APP", payload=b"caf\xe9")).text == "caf�"


def test_a_text_without_any_payload_is_empty():
    assert message_in(packet("TEXT_MESSAGE_APP")).text == ""


@pytest.mark.parametrize("sender", [None, 0, -1, BROADCAST_NUM, "!00001234", True, 1.5])
def test_a_text_from_an_impossible_sender_is_refused(sender):
    with pytest.raises(BadPacketError, match="impossible sender"):
        message_in(text(**{"from": sender}))


@pytest.mark.parametrize("snr", ["NaN", float("nan"), float("inf"), 10**400, True, None])
def test_an_snr_that_is_no_number_is_unknown(snr):
    assert message_in(text(rxSnr=snr)).reception.snr is None


@pytest.mark.parametrize(
    ("start", "limit", "hops"), [(3, 3, 0), (3, 0, 3), (3, None, 3), (None, 2, None), (0, 0, None), (2, 3, None)]
)
def test_hops_are_counted_only_when_both_ends_agree(start, limit, hops):
    assert message_in(text(hopStart=start, hopLimit=limit, rxRssi=-90)).reception.hops == hops


@pytest.mark.parametrize(
    ("details", "bitfield", "hops"),
    [
        ({"rxRssi": -90}, 0, 0),
        ({"rxSnr": 5.0}, 1, 0),
        ({}, 0, None),
        ({"rxRssi": -90, "hopLimit": 2}, 0, None),
        ({"rxRssi": -90}, None, None),
        ({"hopStart": 3, "hopLimit": 3}, 0, None),
        ({"hopStart": 3, "hopLimit": 3}, None, None),
        ({"hopStart": 3, "hopLimit": 1}, None, 2),
        ({"hopStart": 9, "hopLimit": 9, "rxRssi": -90}, None, None),
    ],
)
def test_direct_is_only_what_hops_and_signal_show_to_be(details, bitfield, hops):
    packet_dict = text(**details)
    if bitfield is not None:
        packet_dict["decoded"]["bitfield"] = bitfield
    assert message_in(packet_dict).reception.hops == hops


@pytest.mark.parametrize(
    ("port", "decoded", "shown", "is_notice"),
    [
        ("TEXT_MESSAGE_APP", {"text": "/ping"}, "/ping", False),
        ("ALERT_APP", {"payload": b"Au feu"}, "Au feu", True),
        ("DETECTION_SENSOR_APP", {"text": "Porte ouverte"}, "Porte ouverte", True),
        ("TEXT_MESSAGE_APP", {"emoji": 0x1F44D, "replyId": 7}, "👍", True),
        ("TEXT_MESSAGE_APP", {"emoji": 1, "text": "👍", "replyId": 7}, "👍", True),
        ("TEXT_MESSAGE_APP", {"emoji": 0x202E}, "", True),
        ("TEXT_MESSAGE_APP", {"emoji": 0xD800}, "", True),
        ("TEXT_MESSAGE_APP", {"emoji": 0xFFFFFFFF}, "", True),
    ],
)
def test_alerts_detections_and_tapbacks_are_texts_but_no_commands(port, decoded, shown, is_notice):
    message = message_in(packet(port, **decoded))
    assert (message.text, message.is_notice) == (shown, is_notice)


@pytest.mark.parametrize(
    "packet_dict",
    [
        {"from": SENDER},
        {"from": SENDER, "encrypted": "AAAA"},
        {"from": SENDER, "decoded": None},
        {"from": SENDER, "decoded": {}},
        packet("POSITION_APP"),
        packet(["TEXT_MESSAGE_APP"]),
    ],
)
def test_a_packet_without_a_message_for_us_gives_none(packet_dict):
    assert message_in(packet_dict) is None


def test_a_node_info_counts_for_its_sender_whatever_id_it_claims():
    user = {"id": "!20001eef", "longName": "Nœud", "shortName": "N", "publicKey": KEY_TEXT, "hwModel": "HELTEC_V3"}
    assert message_in({**packet("NODEINFO_APP", user=user), "rxTime": 1767620158}) == NodeInfoPacket(
        NodeRecord(SENDER, "Nœud", "N", "HELTEC_V3", public_key=KEY, last_heard=1767620158)
    )


@pytest.mark.parametrize("user", [None, "x", []])
def test_a_node_info_without_a_user_is_refused(user):
    with pytest.raises(BadPacketError, match="without a user"):
        message_in(packet("NODEINFO_APP", user=user))


def test_an_acknowledgement_has_no_error():
    packet_dict = packet("ROUTING_APP", requestId=7, routing={"errorReason": "NONE"})
    assert message_in(packet_dict) == RoutingAnswer(7, SENDER, "NONE")


def test_a_routing_error_keeps_its_name():
    packet_dict = packet("ROUTING_APP", requestId=7, routing={"errorReason": "NO_CHANNEL"})
    assert message_in(packet_dict) == RoutingAnswer(7, SENDER, "NO_CHANNEL")


@pytest.mark.parametrize("number", [10, 99, 31, -1, 2**31 - 1])
def test_a_routing_error_without_a_name_is_its_number(number):
    packet_dict = packet("ROUTING_APP", requestId=7, routing={"errorReason": number})
    assert message_in(packet_dict) == RoutingAnswer(7, SENDER, str(number))


@pytest.mark.parametrize("routing", [{}, {"routeReply": {}}, {"routeRequest": {}}, {"errorReason": ""}, "x", None])
def test_another_variant_of_routing_is_no_acknowledgement(routing):
    assert message_in(packet("ROUTING_APP", requestId=7, routing=routing)) is None


@pytest.mark.parametrize(
    ("fields", "is_own"),
    [
        ({}, True),
        ({"rxRssi": 0}, True),
        ({"transportMechanism": "TRANSPORT_MQTT"}, True),
        ({"rxRssi": -80}, False),
        ({"rxSnr": 5.0}, False),
        ({"transportMechanism": "TRANSPORT_LORA"}, False),
        ({"transportMechanism": "TRANSPORT_MULTICAST_UDP"}, False),
    ],
)
def test_a_routing_answer_received_under_our_number_is_not_our_node_s(fields, is_own):
    packet_dict = packet("ROUTING_APP", requestId=7, routing={"errorReason": "NONE"}) | fields
    assert message_of(packet_dict, packet_record(packet_dict), SENDER).is_own is is_own
    assert not message_of(packet_dict, packet_record(packet_dict), SENDER + 1).is_own


@pytest.mark.parametrize("decoded", [{"routing": {}}, {"requestId": 0, "routing": {}}, {"requestId": 7}])
def test_routing_that_answers_nothing_gives_none(decoded):
    assert message_in(packet("ROUTING_APP", **decoded)) is None


@pytest.mark.parametrize(
    "key", [None, 5, "", "AAAA", "é" * 44, "!" * 44, base64.b64encode(bytes(31)).decode(), KEY_TEXT + "\n"]
)
def test_an_invalid_key_is_an_empty_key(key):
    assert public_key_of(key) == b""


def test_a_key_is_32_bytes_in_base64():
    assert public_key_of(KEY_TEXT) == KEY


def test_a_node_of_the_database_keeps_position_and_name():
    entry = {
        "num": 7,
        "lastHeard": 1767620158,
        "user": {"longName": "Sept", "role": "ROUTER"},
        "position": {"latitude": 48.5, "longitude": 2, "altitude": 120},
    }
    assert node_record(entry) == NodeRecord(
        7, "Sept", role="ROUTER", latitude=48.5, longitude=2.0, altitude=120, last_heard=1767620158
    )


def test_an_entry_without_content_is_an_empty_record():
    assert node_record({"user": None, "position": "?"}) == NodeRecord(0)


@pytest.mark.parametrize(
    ("version", "answers"),
    [("2.7.6", True), ("2.7.26.54e0d8d", True), ("2.10.0", True), ("3.0.0", True), ("2.7.5", False), ("2.6.11", False)],
)
def test_firmware_answers_heartbeats_since_2_7_6(version, answers):
    assert answers_heartbeats(version) is answers


@pytest.mark.parametrize("version", ["", "2.7", "unknown", "v2.7.6"])
def test_an_unreadable_version_answers_no_heartbeat(version):
    assert not answers_heartbeats(version)


@pytest.mark.parametrize(("relay", "expected"), [(0xEF, 0xEF), (0, None), (256, None), (-1, None), ("x", None)])
def test_the_last_relay_is_one_byte_or_unknown(relay, expected):
    assert message_in(text(relayNode=relay)).reception.relay == expected
