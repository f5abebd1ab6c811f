from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, sender_of
from meshbot.virtual_node.population import user_message
from tests.support.phone import EPOCH, START, Phone, PortNum

OTHER_KEY = bytes(range(32))


def nodeinfo(user, **changes):
    message = user_message(user)
    for field, value in changes.items():
        setattr(message, field, value)
    return nodeinfo_packet(user.num, message.SerializeToString())


def nodeinfo_packet(num, payload):
    decoded = mesh_pb2.Data(portnum=PortNum.NODEINFO_APP, payload=payload)
    return mesh_pb2.MeshPacket(**{"from": num}, to=BROADCAST_NUM, id=num & 0xFFFF, decoded=decoded)


def test_a_pki_direct_message_arrives_decrypted_with_its_sender_s_key():
    phone = Phone()
    packet_id = phone.hear_from(phone.keyed, "/help", reply_id=3)
    (packet,) = phone.packets()
    assert (packet.id, sender_of(packet), packet.to) == (packet_id, phone.keyed.num, phone.num)
    assert (packet.decoded.payload, packet.decoded.reply_id) == (b"/help", 3)
    assert (packet.pki_encrypted, packet.public_key) == (True, phone.keyed.public_key)
    assert packet.hop_start - packet.hop_limit == phone.keyed.hops


def test_since_2_7_14_a_direct_text_over_the_channel_stays_unread():
    for version, expected in (("2.7.13", ["decoded"]), ("2.7.26", ["encrypted"]), ("2.8.0", [])):
        phone = Phone(version=version)
        phone.hear_from(phone.keyless)
        packets = phone.packets()
        assert [packet.WhichOneof("payload_variant") for packet in packets] == expected
        assert not any(packet.pki_encrypted for packet in packets)


def test_a_test_may_let_such_a_text_pass():
    phone = Phone()
    phone.hear_from(phone.keyless, pki_encrypted=False)
    (packet,) = phone.packets()
    assert (packet.pki_encrypted, packet.public_key, packet.decoded.payload) == (False, b"", b"bonjour")


def test_a_text_to_everybody_comes_on_its_channel_in_the_clear():
    phone = Phone()
    phone.hear_from(phone.keyed, to=BROADCAST_NUM, channel=1)
    (packet,) = phone.packets()
    assert (packet.to, packet.channel, packet.pki_encrypted) == (BROADCAST_NUM, 1, False)


def test_the_fields_of_the_reception_can_be_chosen():
    phone = Phone()
    chosen = {"rx_snr": -3.5, "rx_rssi": -101, "hop_start": 7, "hop_limit": 2, "rx_time": 99, "via_mqtt": True}
    phone.hear_from(phone.keyed, pki_encrypted=False, packet_id=4711, **chosen)
    (packet,) = phone.packets()
    assert {name: getattr(packet, name) for name in chosen} == chosen
    assert (packet.id, packet.pki_encrypted) == (4711, False)


def test_packets_for_others_are_not_delivered_to_the_client():
    phone = Phone()
    phone.hear_from(phone.keyed, to=phone.keyless.num)
    assert phone.packets() == []


def test_rx_time_is_0_until_a_client_sets_the_time():
    phone = Phone()
    phone.hear_from(phone.keyed)
    phone.admin(want_ack=False, set_time_only=EPOCH)
    phone.later(5)
    phone.hear_from(phone.keyed)
    assert [packet.rx_time for packet in phone.packets()] == [0, EPOCH + 5]
    assert phone.firmware.node_info(phone.keyed.num).last_heard == EPOCH + 5


def test_a_packet_heard_again_is_dropped_by_the_node():
    phone = Phone()
    phone.hear_from(phone.keyed, packet_id=9)
    phone.hear_from(phone.keyed, packet_id=9)
    assert len(phone.packets()) == 1


def test_the_first_nodeinfo_teaches_user_and_key():
    phone = Phone()
    phone.firmware.hear(nodeinfo(phone.keyless, public_key=OTHER_KEY, long_name="Neuf"), phone.now)
    user = phone.firmware.node_info(phone.keyless.num).user
    assert (user.long_name, user.public_key) == ("Neuf", OTHER_KEY)


def test_a_nodeinfo_with_a_different_key_changes_nothing_but_is_delivered():
    phone = Phone()
    before = phone.firmware.node_info(phone.keyed.num).user
    phone.firmware.hear(nodeinfo(phone.keyed, public_key=OTHER_KEY, long_name="Eve"), phone.now)
    assert phone.firmware.node_info(phone.keyed.num).user == before
    assert [packet.decoded.portnum for packet in phone.packets()] == [PortNum.NODEINFO_APP]
    packet = nodeinfo(phone.keyed, public_key=b"", long_name="Eve")
    packet.id = 5
    phone.firmware.hear(packet, phone.now)
    assert phone.firmware.node_info(phone.keyed.num).user == before


def test_the_id_inside_a_nodeinfo_does_not_matter_to_the_node():
    phone = Phone()
    phone.firmware.hear(nodeinfo(phone.keyless, id="!11111111", long_name="Neuf"), phone.now)
    assert phone.firmware.node_info(phone.keyless.num).user.id == phone.keyless.node_id
    assert phone.firmware.node_info(0x11111111) is None


def test_a_payload_that_cannot_be_read_reaches_the_client_and_teaches_nothing():
    phone = Phone()
    phone.firmware.hear(nodeinfo_packet(phone.keyed.num, b"\xff\xff"), phone.now)
    assert [packet.decoded.payload for packet in phone.packets()] == [b"\xff\xff"]
    assert phone.firmware.node_info(phone.keyed.num).user.long_name == phone.keyed.long_name


def test_a_nodeinfo_with_the_node_s_own_key_is_ignored():
    phone = Phone()
    phone.firmware.hear(nodeinfo(phone.keyless, public_key=phone.firmware.own.public_key), phone.now)
    assert phone.firmware.node_info(phone.keyless.num).user.public_key == b""


def test_after_a_nodedb_loss_messages_stay_encrypted_until_a_nodeinfo():
    phone = Phone()
    phone.firmware.forget_nodes()
    phone.hear_from(phone.keyed, "/help")
    (unread,) = phone.packets()
    assert (unread.WhichOneof("payload_variant"), unread.channel) == ("encrypted", 0)
    phone.later(2)
    (introduction,) = phone.packets()
    assert introduction.decoded.portnum == PortNum.NODEINFO_APP
    phone.hear_from(phone.keyed, "/help")
    assert phone.packets()[0].decoded.payload == b"/help"


def test_an_unknown_sender_is_asked_for_its_nodeinfo_once_in_10_minutes():
    phone = Phone()
    phone.firmware.forget_nodes()
    for user in phone.firmware.users[:3]:
        phone.hear_from(user, to=BROADCAST_NUM)
    phone.later(3)
    assert [packet.decoded.portnum for packet in phone.packets()] == [1, 1, 1, PortNum.NODEINFO_APP]
    first, second, _ = phone.firmware.users[:3]
    assert phone.firmware.node_info(first.num).user.long_name == first.long_name
    phone.later(600)
    phone.hear_from(second, to=BROADCAST_NUM)
    phone.later(3)
    assert phone.firmware.node_info(second.num).user.long_name == second.long_name


def test_a_user_s_node_introduces_itself_to_everybody():
    phone = Phone()
    phone.firmware.forget_nodes()
    phone.firmware.hear_nodeinfo(phone.keyed.num, phone.now)
    (packet,) = phone.packets()
    assert (packet.to, packet.decoded.portnum) == (BROADCAST_NUM, PortNum.NODEINFO_APP)
    assert phone.firmware.node_info(phone.keyed.num).user.public_key == phone.keyed.public_key


def test_positions_batteries_and_reception_are_noted():
    phone = Phone(nodes=12, chatter=0.0)
    position = mesh_pb2.Position(latitude_i=123, longitude_i=456)
    decoded = mesh_pb2.Data(portnum=PortNum.POSITION_APP, payload=position.SerializeToString())
    packet = mesh_pb2.MeshPacket(
        **{"from": 0x77777777}, to=BROADCAST_NUM, id=1, decoded=decoded, rx_snr=4.5, hop_start=3, hop_limit=1
    )
    phone.firmware.hear(packet, phone.now)
    info = phone.firmware.node_info(0x77777777)
    assert (info.position.latitude_i, info.snr, info.hops_away) == (123, 4.5, 2)


def test_packets_heard_without_a_client_come_after_the_next_configuration():
    phone = Phone()
    phone.firmware.disconnect()
    phone.hear_from(phone.keyed, "one")
    phone.connect()
    phone.hear_from(phone.keyed, "two")
    messages = phone.configure()
    assert messages[-3].HasField("config_complete_id")
    assert [message.packet.decoded.payload for message in messages[-2:]] == [b"one", b"two"]


def test_a_full_phone_queue_evicts_for_a_text_and_drops_others():
    phone = Phone(configured=False, queue_size=3)
    for text in ("one", "two", "three", "four"):
        phone.hear_from(phone.keyed, text)
    phone.firmware.hear(nodeinfo(phone.keyless), phone.now)
    phone.to_radio(want_config_id=1)
    assert [packet.decoded.payload for packet in phone.packets()] == [b"two", b"three", b"four"]


def test_chatter_comes_at_its_rate_in_many_kinds():
    phone = Phone(chatter=2.0, queue_size=1000)
    phone.later(100)
    packets = phone.packets()
    assert 140 < len(packets) < 260
    assert {packet.decoded.portnum for packet in packets} == {1, 3, 4, 67, 71}
    assert all(mesh_pb2.Data.FromString(packet.decoded.SerializeToString()) for packet in packets)


def test_the_mesh_is_silent_by_itself():
    phone = Phone()
    phone.later(3600)
    assert phone.drain() == []
    assert phone.now == START + 3600
