"""Fields that the library's protobufs lack, read the same once they have them."""

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import config_pb2, localonly_pb2, mesh_pb2

from meshbot.mesh_link.decoding import decode
from meshbot.mesh_link.firmware import (
    HAS_XEDDSA_SIGNED,
    NEWER_FIELDS,
    PACKET_SIGNATURE_POLICY,
    XEDDSA_SIGNED,
    NewerField,
    SignaturePolicy,
    read,
    signature_policy,
    signs_broadcasts,
    version_of,
)
from meshbot.mesh_link.message_dict import as_dict
from meshbot.mesh_link.messages import BROADCAST_NUM
from meshbot.mesh_link.packets import node_record, packet_record
from tests.support.newer_protobufs import newer
from tests.support.packet_records import message_in

OLDER = {
    "MeshPacket": mesh_pb2.MeshPacket,
    "NodeInfo": mesh_pb2.NodeInfo,
    "DeviceMetadata": mesh_pb2.DeviceMetadata,
    "SecurityConfig": config_pb2.Config.SecurityConfig,
}
# By whether the library knows the newer fields
either_library = pytest.mark.parametrize("knows", [False, True])


def as_read(message, *, knows):
    """The message as the library hands it over that does or does not know the newer fields."""
    name = message.DESCRIPTOR.name
    return (newer(name) if knows else OLDER[name]).FromString(message.SerializeToString())


def signed_packet(*, knows, **fields):
    packet = newer("MeshPacket")(to=BROADCAST_NUM, id=7, rx_snr=3.0, rx_rssi=-90, xeddsa_signed=True, **fields)
    setattr(packet, "from", 0x10)
    packet.decoded.portnum = 1
    packet.decoded.payload = b"hello"
    read_packet = as_read(packet, knows=knows)
    return MessageToDict(read_packet) | {"raw": read_packet}


@pytest.mark.parametrize("field", NEWER_FIELDS, ids=lambda field: field.name)
def test_the_library_s_own_field_if_any_is_the_same(field):
    known = OLDER[field.message].DESCRIPTOR.fields_by_number.get(field.number)
    assert known is None or known.name == field.name


@either_library
@pytest.mark.parametrize("field", NEWER_FIELDS, ids=lambda field: field.name)
@given(value=st.integers(0, 2**31))
def test_a_newer_field_is_read(field, knows, value):
    value = value if field is PACKET_SIGNATURE_POLICY else value % 2 > 0
    message = newer(field.message)(**{field.name: value})
    assert read(as_read(message, knows=knows), field) == value


@given(st.binary(max_size=40))
def test_any_unknown_fields_are_read_or_absent(data):
    try:
        message = mesh_pb2.MeshPacket.FromString(data)
    except Exception:  # noqa: BLE001 - protobuf's DecodeError has moved between its versions
        return
    assert read(message, XEDDSA_SIGNED) >= 0


def test_a_field_of_another_kind_is_absent():
    assert read(mesh_pb2.MeshPacket.FromString(b"\xb2\x01\x01\x01"), XEDDSA_SIGNED) == 0
    assert read(mesh_pb2.MeshPacket(public_key=b"k"), NewerField("MeshPacket", "public_key", 16)) == 0


def test_the_last_of_a_field_counts():
    assert read(mesh_pb2.MeshPacket.FromString(b"\xb0\x01\x01\xb0\x01\x00"), XEDDSA_SIGNED) == 0


@either_library
def test_a_signed_packet_is_known_as_such(knows):
    assert packet_record(signed_packet(knows=knows)).reception.signed
    unsigned = mesh_pb2.MeshPacket(to=BROADCAST_NUM, id=7)
    setattr(unsigned, "from", 0x10)
    assert not packet_record(MessageToDict(unsigned) | {"raw": unsigned}).reception.signed
    assert not packet_record(MessageToDict(unsigned)).reception.signed


@pytest.mark.parametrize("signed", [False, True])
def test_a_signed_nodeinfo_is_known_as_such(signed):
    packet = newer("MeshPacket")(to=BROADCAST_NUM, id=7, xeddsa_signed=signed)
    setattr(packet, "from", 0x10)
    dictionary = {"from": 0x10, "to": BROADCAST_NUM, "decoded": {"portnum": "NODEINFO_APP", "user": {"longName": "A"}}}
    assert message_in(dictionary | {"raw": packet}).record.has_signed is signed


@either_library
def test_a_signature_that_came_by_mqtt_does_not_count(knows):
    assert not packet_record(signed_packet(knows=knows, via_mqtt=True)).reception.signed


@either_library
def test_a_node_that_has_signed_is_known_as_such(knows):
    for signed in (True, False):
        info = as_read(newer("NodeInfo")(num=0x10, has_xeddsa_signed=signed), knows=knows)
        assert node_record(as_dict(info), has_signed=bool(read(info, HAS_XEDDSA_SIGNED))).has_signed is signed


@either_library
@pytest.mark.parametrize(
    ("value", "policy"),
    [
        (0, SignaturePolicy.COMPATIBLE),
        (1, SignaturePolicy.BALANCED),
        (2, SignaturePolicy.STRICT),
        (9, SignaturePolicy.STRICT),
    ],
)
def test_the_signature_policy_survives_the_library_s_copy(knows, value, policy):
    security = as_read(newer("SecurityConfig")(is_managed=True, packet_signature_policy=value), knows=knows)
    if not knows:
        local = localonly_pb2.LocalConfig()
        local.security.CopyFrom(security)
        security = local.security
    assert signature_policy(security) is policy
    assert (security.is_managed, read(security, PACKET_SIGNATURE_POLICY)) == (True, value)


@either_library
def test_a_node_signs_if_it_says_so_or_is_new_enough(knows):
    silent = as_read(newer("DeviceMetadata")(firmware_version="2.7.99", has_xeddsa=True), knows=knows)
    assert signs_broadcasts(silent)
    assert signs_broadcasts(mesh_pb2.DeviceMetadata(firmware_version="2.8.0.abc"))
    assert not signs_broadcasts(mesh_pb2.DeviceMetadata(firmware_version="2.7.26"))
    assert not signs_broadcasts(mesh_pb2.DeviceMetadata())
    assert not signs_broadcasts(None)


@given(st.text(max_size=12))
def test_any_version_is_read_or_older_than_all(text):
    assert len(version_of(text)) in {0, 3}


def test_a_message_of_a_newer_kind_is_a_frame():
    presets = newer("FromRadio")(id=3, region_presets=b"\x94\xc3\x00\x02\x08\x01").SerializeToString()
    assert decode(presets) is not None
    assert decode(newer("FromRadio")(region_presets=b"").SerializeToString()) is not None


@pytest.mark.parametrize("data", [b"\x98\x01\x05", b"\x9a\x01\x00\x9a\x01\x00", b"\xfa\x07\x00", b"\xa2\x02\x00"])
def test_what_is_no_single_newer_message_is_no_frame(data):
    assert decode(data) is None
