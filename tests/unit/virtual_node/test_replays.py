"""Firmware 2.8 hands over what its database holds behind the configuration; acks of neighbours carry a bitfield."""

from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2, portnums_pb2, telemetry_pb2

from meshbot.mesh_link.messages import PositionPayload
from meshbot.mesh_link.packets import packet_record, replay_id
from meshbot.virtual_node.node_entry import NodeEntry
from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from meshbot.virtual_node.population import MAX_HOPS
from meshbot.virtual_node.replays import LONG_NAME_BYTES, clipped, packet_id, replays, thin
from tests.support.phone import EPOCH, Phone

PortNum = portnums_pb2.PortNum
words = st.integers(0, 2**32 - 1)


@given(words, words, st.sampled_from([2, 3, 36]))
def test_the_node_numbers_its_replays_as_the_bot_recognises_them(num, time, kind):
    assert packet_id(num, time, kind) == replay_id(num, time, kind)


@given(st.text(max_size=20))
def test_a_clipped_name_is_a_beginning_of_the_whole_one(name):
    short = clipped(name)
    assert len(short.encode()) == min(len(name.encode()), LONG_NAME_BYTES)
    assert name.startswith((short, short.rstrip("?")))


def info(**details):
    details = {"num": 7, "snr": 5.5, "last_heard": 1767620158, "hops_away": 1} | details
    return mesh_pb2.NodeInfo(user=mesh_pb2.User(long_name="Zoé" * 9), **details)


def as_dict(packet, decoded):
    """The library's dictionary of a packet, in what matters here."""
    reception = {"rxSnr": packet.rx_snr, "hopStart": packet.hop_start, "hopLimit": packet.hop_limit}
    return {"from": getattr(packet, "from"), "to": packet.to, "id": packet.id, "rxTime": packet.rx_time} | reception | {
        "decoded": decoded
    }  # fmt: skip


POSITION = mesh_pb2.Position(latitude_i=457640000, longitude_i=48357000, time=1767620000)
DECODED = {"portnum": "POSITION_APP", "position": {"latitude": 45.764, "longitude": 4.8357}}


def test_a_replay_is_recognised_and_a_packet_off_the_air_is_not():
    entry = NodeEntry(info(position=POSITION))
    (packet,) = replays(lambda kind: [entry] if entry.has(kind) else [], 3)
    record = packet_record(as_dict(packet, DECODED))
    assert record.is_replay
    assert record.payload == PositionPayload(45.764, 4.8357)
    assert not packet_record(as_dict(packet, DECODED) | {"rxRssi": -90}).is_replay
    assert not packet_record(as_dict(packet, DECODED) | {"viaMqtt": True}).is_replay
    assert not packet_record(as_dict(packet, DECODED) | {"id": packet.id + 1}).is_replay
    assert not packet_record(as_dict(packet, DECODED) | {"to": 7}).is_replay


def test_an_entry_of_the_configuration_is_thin():
    copy = thin(info(position=POSITION))
    assert not copy.HasField("position")
    assert copy.user.long_name == "Zoé" * 6
    assert thin(mesh_pb2.NodeInfo(num=7)) == mesh_pb2.NodeInfo(num=7)


ENVIRONMENT = telemetry_pb2.Telemetry(time=5, environment_metrics={"temperature": 21.5})
STATUS = mesh_pb2.StatusMessage(status="Au refuge")


def tell(phone, user, port, message):
    """Let the node hear a broadcast of the user's."""
    packet = data_packet(
        user.num, BROADCAST_NUM, port, message.SerializeToString(), 0, hop_start=MAX_HOPS, hop_limit=MAX_HOPS
    )
    phone.firmware.hear(packet, phone.now)


def replayed(phone):
    """Port, sender and Telemetry's kind of what follows a new configuration."""
    phone.packets()
    phone.connect()
    packets = [message.packet for message in phone.configure() if message.HasField("packet")]
    kinds = [
        telemetry_pb2.Telemetry.FromString(packet.decoded.payload).WhichOneof("variant")
        if packet.decoded.portnum == PortNum.TELEMETRY_APP
        else ""
        for packet in packets
    ]
    return [
        (packet.decoded.portnum, getattr(packet, "from"), kind) for packet, kind in zip(packets, kinds, strict=True)
    ]


def test_environment_and_status_follow_the_configuration_from_2_8_on():
    phone = Phone(version="2.8.0", nodes=3)
    phone.admin(set_time_only=EPOCH)
    user = phone.keyed
    tell(phone, user, PortNum.NODE_STATUS_APP, STATUS)
    tell(phone, user, PortNum.TELEMETRY_APP, ENVIRONMENT)
    tell(phone, phone.firmware.users[1], PortNum.NODE_STATUS_APP, mesh_pb2.StatusMessage())
    kinds = replayed(phone)
    last = [(PortNum.TELEMETRY_APP, user.num, "environment_metrics"), (PortNum.NODE_STATUS_APP, user.num, "")]
    assert kinds[-2:] == last
    assert [kind[0] for kind in kinds[:-2]] == [PortNum.POSITION_APP] * 2 + [PortNum.TELEMETRY_APP] * 2


def test_2_7_keeps_neither_environment_nor_status():
    phone = Phone(nodes=3)
    tell(phone, phone.keyed, PortNum.NODE_STATUS_APP, STATUS)
    tell(phone, phone.keyed, PortNum.TELEMETRY_APP, ENVIRONMENT)
    assert replayed(phone) == []
    phone.firmware.upgrade("2.8.0", 1.0, phone.now)
    phone.later(2.0)
    assert {port for port, _, kind in replayed(phone) if kind != "device_metrics"} == {PortNum.POSITION_APP}


def test_40_nodes_have_a_position_without_psram_and_250_with():
    for psram, most in ((False, 40), (True, 250)):
        phone = Phone(version="2.8.0", nodes=260, capacity=260, psram=psram)
        heard_last = sorted(phone.firmware.users, key=lambda user: -phone.firmware.node_info(user.num).last_heard)
        numbers = [num for port, num, _ in replayed(phone) if port == PortNum.POSITION_APP]
        assert numbers == sorted(user.num for user in heard_last[:most])


def test_a_new_position_takes_the_place_of_the_stalest():
    phone = Phone(version="2.8.0", nodes=60)
    phone.admin(set_time_only=EPOCH)
    users = sorted(phone.firmware.users, key=lambda user: phone.firmware.node_info(user.num).last_heard)
    tell(phone, users[0], PortNum.POSITION_APP, POSITION)
    numbers = {num for port, num, _ in replayed(phone) if port == PortNum.POSITION_APP}
    assert numbers == {users[0].num, *(user.num for user in users[-39:])}
