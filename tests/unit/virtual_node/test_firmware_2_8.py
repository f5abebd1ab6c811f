"""What firmware 2.8 sends besides, and what it drops: signatures, thin entries, region presets, lockdown."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import admin_pb2, config_pb2, mesh_pb2

from meshbot.virtual_node import fields_2_8 as fields
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from meshbot.virtual_node.population import user_message
from meshbot.virtual_node.regions import region_presets
from meshbot.virtual_node.signatures import Policy, sign
from tests.support.phone import Phone, PortNum

KEY = bytes(range(32))
numbers = st.integers(0, 2**64 - 1)
NEIGHBOURS = mesh_pb2.NeighborInfo().SerializeToString()


def newest(**options):
    return Phone(version="2.8.0", **options)


def follow(phone, policy):
    """Have the node keep to a signature policy; it reboots."""
    security = config_pb2.Config.SecurityConfig()
    security.CopyFrom(phone.ask(get_config_request=7).get_config_response.security)
    security.MergeFromString(fields.number_field(fields.PACKET_SIGNATURE_POLICY, policy))
    phone.admin(set_config=config_pb2.Config(security=security))
    phone.later(8)
    phone.later(20)
    phone.connect()
    phone.configure()


def broadcast(user, text="bonjour", *, packet_id=7, to=BROADCAST_NUM):
    return data_packet(user.num, to, PortNum.TEXT_MESSAGE_APP, text.encode(), packet_id)


def nodeinfo(user, num, packet_id=7):
    payload = user_message(user).SerializeToString()
    return data_packet(num, BROADCAST_NUM, PortNum.NODEINFO_APP, payload, packet_id)


def is_marked(packet):
    return bool(fields.number_in(packet, fields.XEDDSA_SIGNED))


@given(numbers, st.binary(max_size=200), st.integers(40, 300), st.integers(301, 500))
def test_fields_written_are_the_fields_read_and_nothing_else_changes(number, content, tag, other):
    message = mesh_pb2.MeshPacket(to=5, rx_time=9)
    message = fields.with_field(message, fields.number_field(tag, number))
    message = fields.with_field(message, fields.bytes_field(other, content))
    assert fields.number_in(message, tag) == number
    assert fields.bytes_in(message, other) == content
    assert (message.to, message.rx_time) == (5, 9)


def test_a_field_known_to_the_library_is_written_as_the_library_does():
    assert mesh_pb2.Data(reply_id=0, payload=b"x" * 300).SerializeToString() == fields.bytes_field(2, b"x" * 300)
    assert mesh_pb2.User(is_licensed=True).SerializeToString() == fields.number_field(6, 1)


def test_a_2_8_node_s_broadcast_comes_signed_and_is_noted():
    phone = newest()
    phone.hear_from(phone.keyed, to=BROADCAST_NUM)
    (packet,) = phone.packets()
    assert is_marked(packet)
    assert len(fields.bytes_in(packet.decoded, fields.XEDDSA_SIGNATURE)) == 64
    infos = {m.node_info.num: m.node_info for m in phone.configure() if m.HasField("node_info")}
    noted = {num for num, info in infos.items() if fields.number_in(info, fields.HAS_XEDDSA_SIGNED)}
    assert noted == {phone.keyed.num}


def test_a_direct_message_and_a_keyless_node_s_broadcast_are_not_signed():
    phone = newest()
    phone.hear_from(phone.keyed)
    phone.hear_from(phone.keyless, to=BROADCAST_NUM)
    assert [is_marked(packet) for packet in phone.packets()] == [False, False]


def test_to_a_2_7_node_signatures_are_unknown():
    phone = Phone()
    user = phone.firmware.upgrade_user(phone.keyed.num, phone.now)
    phone.later(31)
    phone.drain()
    phone.hear_from(user, to=BROADCAST_NUM)
    (packet,) = phone.packets()
    assert not is_marked(packet)
    assert not fields.bytes_in(packet.decoded, fields.XEDDSA_SIGNATURE)


@pytest.mark.parametrize(("reply_id", "longest"), [(0, 166), (9, 161)])
def test_the_longest_signed_text_is_what_fits_with_the_signature(reply_id, longest):
    phone = newest()
    data = {"reply_id": reply_id} if reply_id else {}
    for length in (longest, longest + 1):
        phone.send(BROADCAST_NUM, "x" * length, data=data)
        phone.later(3)
    phone.send(phone.keyed.num, "x")
    assert [sent.is_signed for sent in phone.firmware.transmitted] == [True, False, False]


def test_2_7_signs_nothing():
    phone = Phone()
    phone.send(BROADCAST_NUM)
    assert not phone.firmware.transmitted[0].is_signed


def test_a_forged_signature_is_dropped_under_every_policy():
    for policy in Policy:
        phone = newest()
        follow(phone, policy)
        forged = broadcast(phone.keyed)
        sign(forged, KEY)
        phone.firmware.hear(forged, phone.now)
        assert phone.packets() == []


def test_half_a_signature_is_dropped():
    phone = newest()
    packet = broadcast(phone.keyed)
    packet.decoded.MergeFromString(fields.bytes_field(fields.XEDDSA_SIGNATURE, b"x" * 63))
    phone.firmware.hear(packet, phone.now)
    assert phone.packets() == []


def test_a_mark_that_came_by_air_is_not_believed():
    phone = newest()
    packet = fields.with_flag(broadcast(phone.keyed), fields.XEDDSA_SIGNED)
    phone.firmware.hear(packet, phone.now)
    assert [is_marked(packet) for packet in phone.packets()] == [False]


@pytest.mark.parametrize(
    ("policy", "text", "direct", "heard"),
    [
        (Policy.COMPATIBLE, "short", False, True),
        (Policy.BALANCED, "short", False, False),
        (Policy.BALANCED, "x" * 200, False, True),
        (Policy.BALANCED, "short", True, True),
        (Policy.STRICT, "x" * 200, False, False),
        (Policy.STRICT, "short", True, False),
    ],
)
def test_unsigned_packets_of_a_signer_pass_by_policy_size_and_destination(policy, text, direct, heard):
    phone = newest()
    follow(phone, policy)
    phone.hear_from(phone.keyed, to=BROADCAST_NUM)
    phone.drain()
    to = phone.num if direct else BROADCAST_NUM
    phone.firmware.hear(broadcast(phone.keyed, text, to=to), phone.now)
    assert bool(phone.packets()) is heard


@pytest.mark.parametrize("policy", list(Policy))
def test_a_pki_encrypted_message_needs_no_signature(policy):
    phone = newest()
    follow(phone, policy)
    phone.hear_from(phone.keyed)
    assert [packet.pki_encrypted for packet in phone.packets()] == [True]


def test_a_signed_first_nodeinfo_needs_the_number_of_its_key():
    phone = newest()
    phone.admin(remove_by_nodenum=phone.keyed.num)
    phone.drain()
    for num, heard in ((phone.keyed.num ^ 1, False), (phone.keyed.num, True)):
        packet = nodeinfo(phone.keyed, num)
        sign(packet, phone.keyed.public_key)
        phone.firmware.hear(packet, phone.now)
        assert bool(phone.packets()) is heard
        assert (phone.firmware.node_info(num) is not None) is heard
    assert phone.keyed.num == crc32(phone.keyed.public_key)


def test_an_unsigned_nodeinfo_broadcast_of_a_signer_reaches_nobody():
    phone = newest()
    phone.hear_from(phone.keyed, to=BROADCAST_NUM)
    phone.drain()
    phone.firmware.hear(nodeinfo(phone.keyed, phone.keyed.num), phone.now)
    assert phone.packets() == []


def test_beacons_are_dropped_and_other_new_ports_come_through():
    phone = newest()
    for port in (37, 79):
        phone.firmware.hear(data_packet(phone.keyed.num, BROADCAST_NUM, port, b"x", port), phone.now)
    assert [packet.decoded.portnum for packet in phone.packets()] == [79]


def test_neighbours_come_only_if_the_module_is_on():
    phone = Phone()
    port = PortNum.NEIGHBORINFO_APP
    phone.firmware.hear(data_packet(phone.keyed.num, BROADCAST_NUM, port, NEIGHBOURS, 1), phone.now)
    phone.admin(set_module_config={"neighbor_info": {"enabled": False}})
    phone.firmware.hear(data_packet(phone.keyed.num, BROADCAST_NUM, port, NEIGHBOURS, 2), phone.now)
    assert [packet.id for packet in phone.packets() if packet.decoded.portnum == port] == [1]


def test_a_2_8_configuration_has_region_presets_and_17_module_sections():
    messages = newest(configured=False).configure()
    (presets,) = [m for m in messages if fields.bytes_in(m, fields.REGION_PRESETS)]
    assert messages.index(presets) == [m.WhichOneof("payload_variant") for m in messages].index("metadata") + 1
    assert presets.SerializeToString() == region_presets()
    assert sum(m.HasField("moduleConfig") for m in messages) == 17
    assert fields.number_in(messages[3].metadata, fields.HAS_XEDDSA) == 1


def test_a_2_8_configuration_s_entries_are_thin_and_their_contents_follow():
    phone = newest(configured=False)
    messages = phone.configure()
    infos = [m.node_info for m in messages if m.HasField("node_info")][1:]
    assert not any(info.HasField("position") or info.HasField("device_metrics") for info in infos)
    assert all(len(info.user.long_name.encode()) <= 24 for info in infos)
    complete = next(place for place, m in enumerate(messages) if m.HasField("config_complete_id"))
    assert len(messages[complete + 1 :]) == 2 * len(infos)


def test_2_8_nodes_send_position_and_telemetry_only_if_asked_to():
    phone = newest(chatter=2.0, queue_size=1000)
    phone.later(100)
    assert {packet.decoded.portnum for packet in phone.packets()} == {1, 4, 71}


def locked():
    phone = newest(configured=False)
    phone.firmware.switch_on("lockdown", {"passphrase": "ouvre"}, 1)
    return phone


def unlock(phone, passphrase=b"ouvre", **fields_of_it):
    """Give a passphrase; return the states that come back."""
    auth = admin_pb2.LockdownAuth(passphrase=passphrase, **fields_of_it)
    phone.admin(want_ack=False, lockdown_auth=auth)
    return [m.lockdown_status for m in phone.drain() if m.HasField("lockdown_status")]


State = mesh_pb2.LockdownStatus.State


def test_a_locked_node_gives_away_its_number_and_little_more():
    phone = locked()
    messages = phone.configure()
    assert messages[0].my_info == mesh_pb2.MyNodeInfo(my_node_num=phone.num, reboot_count=1, nodedb_count=12)
    assert sum(m.HasField("node_info") for m in messages) == 1
    assert not any(m.HasField("fileInfo") for m in messages)
    assert {m.channel.SerializeToString() for m in messages if m.HasField("channel")} == {b""}
    configs = {m.config.WhichOneof("payload_variant"): m.config for m in messages if m.HasField("config")}
    assert not configs["security"].security.SerializeToString()
    assert configs["lora"].lora.region == 3
    assert not configs["lora"].lora.tx_enabled
    assert [m.lockdown_status.state for m in messages if m.HasField("lockdown_status")] == [State.LOCKED]


def test_a_locked_node_sends_and_hands_over_nothing():
    phone = locked()
    phone.configure()
    phone.send(BROADCAST_NUM)
    phone.admin(set_owner={"long_name": "Nouveau"})
    phone.hear_from(phone.keyed)
    assert phone.drain() == []
    assert phone.firmware.transmitted == ()
    assert [received.dropped for received in phone.firmware.received.packets] == ["lockdown"] * 2
    phone.to_radio(heartbeat={})
    assert phone.drain()[0].HasField("queueStatus")


def test_the_passphrase_unlocks_this_connection_alone():
    phone = locked()
    phone.configure()
    (status,) = unlock(phone)
    assert (status.state, status.boots_remaining) == (State.UNLOCKED, 50)
    assert sum(m.HasField("node_info") for m in phone.configure()) == 12
    phone.send(BROADCAST_NUM)
    assert phone.on_air() == ["bonjour"]
    phone.connect()
    assert sum(m.HasField("node_info") for m in phone.configure()) == 1


def test_wrong_passphrases_make_the_node_wait_longer_and_longer():
    phone = locked()
    phone.configure()
    assert [(s.state, s.backoff_seconds) for s in unlock(phone, b"non")] == [(State.UNLOCK_FAILED, 5)]
    phone.later(6)
    assert [(s.state, s.backoff_seconds) for s in unlock(phone, b"non")] == [(State.UNLOCK_FAILED, 10)]
    assert [s.state for s in unlock(phone)] == [State.UNLOCK_FAILED]
    phone.later(11)
    assert [s.state for s in unlock(phone)] == [State.UNLOCKED]


def test_2_7_knows_no_lockdown():
    phone = Phone(configured=False)
    phone.firmware.switch_on("lockdown", {}, 1)
    assert sum(m.HasField("node_info") for m in phone.configure()) == 12
