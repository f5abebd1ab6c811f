"""Who can read whose direct messages, and what follows if somebody cannot."""

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node import x25519
from meshbot.virtual_node.packets import BROADCAST_NUM, routing_packet, sender_of
from tests.support.phone import Phone, PortNum, error_of

OTHER_KEY = bytes(range(32))
Error = mesh_pb2.Routing.Error


def forgetful(version="2.7.26", **options):
    """A phone whose node has lost its database."""
    phone = Phone(version=version, **options)
    phone.firmware.forget_nodes()
    return phone


def nak(phone, user, error=Error.PKI_UNKNOWN_PUBKEY):
    """Send a routing packet with an error to a user."""
    payload = routing_packet(0, user.num, error, 0, 0).decoded.payload
    phone.send(user.num, payload, PortNum.ROUTING_APP, data={"request_id": 77}, hop_limit=3)


def refusals(phone):
    routing = [packet for packet in phone.packets() if packet.decoded.portnum == PortNum.ROUTING_APP]
    return [(error_of(packet), sender_of(packet)) for packet in routing]


@pytest.mark.parametrize(
    ("private", "public"),
    [
        (
            "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
            "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c",
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        ),
    ],
)
def test_a_public_key_is_derived_as_by_openssl_and_rfc_7748(private, public):
    assert x25519.public_key(bytes.fromhex(private)).hex() == public


def test_the_node_s_own_keys_are_a_pair():
    security = Phone().ask(get_config_request=7).get_config_response.security
    assert x25519.public_key(security.private_key) == security.public_key


def test_2_7_refuses_an_unreadable_dm_and_its_sender_introduces_itself():
    phone = forgetful()
    phone.hear_from(phone.keyed, "/help")
    assert [packet.WhichOneof("payload_variant") for packet in phone.packets()] == ["encrypted"]
    phone.later(2)
    assert [packet.decoded.portnum for packet in phone.packets()] == [PortNum.NODEINFO_APP]
    phone.hear_from(phone.keyed, "/help")
    assert [packet.decoded.payload for packet in phone.packets()] == [b"/help"]


def test_2_8_drops_a_dm_it_cannot_read_without_a_word():
    phone = forgetful("2.8.0")
    phone.hear_from(phone.keyed, "/help")
    phone.later(60)
    assert phone.drain() == []


@pytest.mark.parametrize(("version", "read"), [("2.7.26", False), ("2.8.0", True)])
def test_a_repetition_of_the_unreadable_is_read_by_2_8(version, read):
    phone = forgetful(version)
    phone.hear_from(phone.keyed, "/help", packet_id=9, want_ack=False)
    phone.firmware.hear_nodeinfo(phone.keyed.num, phone.now)
    phone.packets()
    phone.hear_from(phone.keyed, "/help", packet_id=9)
    assert [packet.decoded.payload for packet in phone.packets()] == [b"/help"] * read


@pytest.mark.parametrize("version", ["2.7.26", "2.8.0"])
def test_a_routing_answer_pki_unknown_pubkey_brings_a_user_s_key_back(version):
    phone = forgetful(version)
    phone.hear_from(phone.keyed, want_ack=False)
    phone.drain()
    nak(phone, phone.keyed)
    phone.later(3)
    assert [packet.decoded.portnum for packet in phone.packets()] == [PortNum.NODEINFO_APP]
    phone.hear_from(phone.keyed, "/help")
    assert phone.packets()[-1].decoded.payload == b"/help"


def test_a_user_introduces_itself_at_most_once_a_minute():
    phone = forgetful()
    for pause in (30, 31, 1):
        nak(phone, phone.keyed)
        phone.later(pause)
    phone.later(5)
    ports = [packet.decoded.portnum for packet in phone.packets() if packet.decoded.portnum != PortNum.ROUTING_APP]
    assert ports == [PortNum.NODEINFO_APP] * 2


def test_no_other_error_makes_a_user_introduce_itself():
    phone = forgetful()
    nak(phone, phone.keyed, Error.NO_CHANNEL)
    phone.later(5)
    assert phone.packets() == []


def test_a_nodeinfo_is_asked_for_with_an_answer_once_in_12_hours():
    phone = Phone()
    payload = mesh_pb2.User().SerializeToString()
    answers = []
    # A question without an answer counts as well
    for hours in (1.0, 11.5, 12.5, 0.1):
        phone.send(phone.keyed.num, payload, PortNum.NODEINFO_APP, data={"want_response": True}, hop_limit=3)
        phone.later(5)
        answers.append(sum(packet.decoded.portnum == PortNum.NODEINFO_APP for packet in phone.packets()))
        phone.later(hours * 3600)
    assert answers == [1, 0, 0, 1]


def test_a_changed_key_is_dropped_until_the_node_is_removed():
    phone = Phone()
    old = phone.keyed.public_key
    user = phone.firmware.change_key(phone.keyed.num, phone.now)
    phone.later(31)
    assert phone.firmware.node_info(user.num).user.public_key == old
    phone.hear_from(user, "/help")
    assert phone.packets()[-1].HasField("encrypted")
    phone.admin(remove_by_nodenum=user.num)
    nak(phone, user)
    phone.later(60)
    nak(phone, user)
    phone.later(3)
    assert phone.firmware.node_info(user.num).user.public_key == user.public_key


def test_a_wrong_key_for_us_makes_a_user_s_messages_unreadable():
    phone = Phone()
    phone.firmware.mistake_our_key(phone.keyed.num, OTHER_KEY)
    phone.hear_from(phone.keyed)
    assert [packet.WhichOneof("payload_variant") for packet in phone.packets()] == ["encrypted"]
    phone.send(phone.keyed.num, want_ack=True, hop_limit=3)
    phone.later(3)
    assert refusals(phone) == [("NONE", phone.num), ("NO_CHANNEL", phone.keyed.num)]


def test_a_user_without_our_key_is_mute_until_it_refuses_us():
    phone = Phone()
    phone.firmware.mistake_our_key(phone.keyed.num, b"")
    phone.hear_from(phone.keyed)
    assert phone.packets() == []
    phone.send(phone.keyed.num, want_ack=True, hop_limit=3)
    phone.later(3)
    assert refusals(phone) == [("NONE", phone.num), ("PKI_UNKNOWN_PUBKEY", phone.keyed.num)]
    phone.hear_from(phone.keyed)
    assert phone.packets()[-1].decoded.payload == b"bonjour"


def test_a_2_8_user_without_our_key_answers_nothing_at_all():
    phone = Phone(version="2.8.0")
    phone.firmware.mistake_our_key(phone.keyed.num, b"")
    phone.send(phone.keyed.num, want_ack=True, hop_limit=3)
    phone.later(30)
    assert refusals(phone) == [("NONE", phone.num)]


def test_our_nodeinfo_broadcast_tells_our_key_to_those_that_lack_it():
    phone = Phone()
    phone.firmware.mistake_our_key(phone.keyed.num, b"")
    phone.to_radio(heartbeat={"nonce": 1})
    phone.hear_from(phone.keyed)
    assert phone.packets()[-1].decoded.payload == b"bonjour"


@pytest.mark.parametrize("version", ["2.7.26", "2.8.0"])
def test_a_dm_to_a_node_without_key_is_refused_by_both(version):
    phone = forgetful(version)
    packet_id = phone.send(phone.keyed.num)
    status, refused = phone.drain()
    assert (status.queueStatus.res, status.queueStatus.mesh_packet_id) == (39, packet_id)
    assert (error_of(refused.packet), refused.packet.decoded.request_id) == ("PKI_SEND_FAIL_PUBLIC_KEY", packet_id)


def test_a_node_that_advertises_our_key_is_told_to_the_client_once():
    phone = Phone()
    payload = mesh_pb2.User(long_name="Eve", public_key=phone.firmware.own.public_key).SerializeToString()
    for packet_id in (1, 2):
        decoded = mesh_pb2.Data(portnum=PortNum.NODEINFO_APP, payload=payload)
        packet = mesh_pb2.MeshPacket(**{"from": phone.keyless.num}, to=BROADCAST_NUM, id=packet_id, decoded=decoded)
        phone.firmware.hear(packet, phone.now)
    notices = [m.clientNotification.message for m in phone.drain() if m.HasField("clientNotification")]
    assert notices == ["Remote device Eve has advertised your public key"]


def test_an_ignored_node_is_not_heard():
    phone = Phone()
    phone.admin(set_ignored_node=phone.keyed.num)
    phone.drain()
    phone.hear_from(phone.keyed)
    assert phone.packets() == []
