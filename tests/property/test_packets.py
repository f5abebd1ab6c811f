"""Whatever dictionary the library hands over: a message, none, or a clear refusal."""

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.firmware import answers_heartbeats
from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    KEY_BYTES,
    NeighborInfo,
    NodeInfoPacket,
    NodeRecord,
    PositionPayload,
    RoutingAnswer,
    TextMessage,
)
from meshbot.mesh_link.packets import BadPacketError, node_record, packet_record, public_key_of
from meshbot.mesh_link.payloads import MAX_NEIGHBORS
from tests.support.packet_records import message_in

KEYS = [
    "from",
    "to",
    "id",
    "channel",
    "decoded",
    "portnum",
    "text",
    "payload",
    "replyId",
    "requestId",
    "routing",
    "errorReason",
    "user",
    "longName",
    "shortName",
    "hwModel",
    "role",
    "publicKey",
    "rxTime",
    "rxSnr",
    "rxRssi",
    "hopStart",
    "hopLimit",
    "viaMqtt",
    "pkiEncrypted",
    "num",
    "position",
    "latitude",
    "longitude",
    "altitude",
    "lastHeard",
    "encrypted",
    "latitudeI",
    "longitudeI",
    "telemetry",
    "deviceMetrics",
    "localStats",
    "batteryLevel",
    "voltage",
    "channelUtilization",
    "airUtilTx",
    "neighborinfo",
    "neighbors",
    "nodeId",
    "snr",
    "hopsAway",
]  # all that is read
PORTS = [
    "TEXT_MESSAGE_APP",
    "NODEINFO_APP",
    "ROUTING_APP",
    "POSITION_APP",
    "TELEMETRY_APP",
    "NEIGHBORINFO_APP",
    "X",
    257,
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, BROADCAST_NUM),
    st.sampled_from([0, 1, -1, BROADCAST_NUM, 10**400]),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=40),
    st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).map(lambda key: base64.b64encode(key).decode()),
    st.sampled_from(PORTS),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)),
    max_leaves=20,
)
dictionaries = st.dictionaries(st.sampled_from(KEYS), values, max_size=10)
packets = st.one_of(
    dictionaries,
    st.builds(
        lambda packet, decoded, port: {"from": 7, **packet, "decoded": {**decoded, "portnum": port}},
        dictionaries,
        dictionaries,
        st.sampled_from(PORTS),
    ),
)


@settings(deadline=None, max_examples=200)
@given(packets)
def test_any_dictionary_gives_a_message_or_none_or_is_refused(packet):
    try:
        message = message_in(packet)
    except BadPacketError:
        return
    match message:
        case TextMessage():
            assert 0 < message.sender < BROADCAST_NUM
            assert isinstance(message.text, str)
        case NodeInfoPacket(record):
            check_record(record)
            assert 0 < record.num < BROADCAST_NUM
        case RoutingAnswer():
            assert message.request_id
            assert message.error
        case _:
            assert message is None


@settings(deadline=None, max_examples=100)
@given(dictionaries)
def test_any_entry_of_the_nodes_is_a_record(entry):
    check_record(node_record(entry))


def check_record(record):
    assert isinstance(record, NodeRecord)
    assert isinstance(record.long_name, str)
    assert len(record.public_key) in {0, KEY_BYTES}


@settings(deadline=None, max_examples=200)
@given(st.one_of(scalars, st.text(), st.text("ABC=+/\n", max_size=50)))
def test_any_value_is_a_key_of_32_bytes_or_none(value):
    assert len(public_key_of(value)) in {0, KEY_BYTES}


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.text(), st.text("0123456789.", max_size=30)))
def test_any_version_is_read_or_answers_no_heartbeat(version):
    assert answers_heartbeats(version) in {True, False}


@settings(deadline=None, max_examples=200)
@given(packets)
def test_any_dictionary_gives_a_record_within_bounds_or_is_refused(packet):
    try:
        found = packet_record(packet)
    except BadPacketError:
        return
    assert 0 < found.sender < BROADCAST_NUM
    assert 0 <= found.to <= BROADCAST_NUM
    assert 0 <= found.packet_id <= BROADCAST_NUM
    assert found.channel is None or 0 <= found.channel <= 255
    assert found.portnum is None or 0 <= found.portnum <= 0xFFFF
    assert found.size >= 0
    match found.payload:
        case PositionPayload(latitude, longitude):
            assert abs(latitude) <= 90
            assert abs(longitude) <= 180
        case NeighborInfo(neighbors):
            assert len(neighbors) <= MAX_NEIGHBORS
            assert all(0 < neighbor.num < BROADCAST_NUM for neighbor in neighbors)
