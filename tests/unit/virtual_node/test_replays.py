"""Firmware 2.8 hands over what its database holds behind the configuration; acks of neighbours carry a bitfield."""

from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.messages import PositionPayload
from meshbot.mesh_link.packets import packet_record, replay_id
from meshbot.virtual_node.replays import LONG_NAME_BYTES, clipped, packet_id, replays, thin

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
    (packet,) = replays([info(position=POSITION)], 3)
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
