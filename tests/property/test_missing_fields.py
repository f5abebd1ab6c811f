"""Packets of every kind with any of their fields missing, by the real library, down to what is known of nodes."""

from __future__ import annotations

from math import isfinite

import meshtastic.mesh_interface
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshtastic import protocols
from meshtastic.mesh_interface import MeshInterface
from meshtastic.protobuf import mesh_pb2, telemetry_pb2
from pubsub import pub

from meshbot.mesh_link.decoding import hand_over
from meshbot.mesh_link.messages import BROADCAST_NUM
from meshbot.mesh_link.packet_router import PacketRouter, PacketTakers, RawPacket
from meshbot.mesh_memory.recorder import Recorder
from tests.support.fake_clock import FakeClock
from tests.support.newer_protobufs import newer

OWN, SENDER, NOW = 0x9999, 0x1234, 1_760_000_000
MESH_BEACON, LORA_OTA = 37, 79
PORTS = [*sorted(protocols), MESH_BEACON, LORA_OTA, 0, 300]
TEXT_BYTES = b"bonjour"


class Link:
    """The library's handling of packets, and our router's; `records` has what came out."""

    def __init__(self):
        self.interface = MeshInterface(noProto=True)
        self.interface._startConfig()
        self.records, self.messages = [], []
        takers = PacketTakers(
            records=[self.records.append],
            node_infos=[self.messages.append],
            routing_answers=[self.messages.append],
            traceroutes=[self.messages.append],
            texts=[self.messages.append],
        )
        self.router = PacketRouter(FakeClock(), takers, owner=self)

    def published(self, packet, interface):
        self.router.handle(RawPacket(packet, OWN))


@pytest.fixture(scope="module")
def link():
    link = Link()
    pub.subscribe(link.published, "meshtastic.receive")
    thread = meshtastic.mesh_interface.publishingThread
    # the library's own thread would only make this slower
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thread, "queueWork", lambda run: run())
        yield link
    pub.unsubscribe(link.published, "meshtastic.receive")
    link.interface.close()


def content(port):
    """A payload that its kind's message reads."""
    match port:
        case 3:
            return mesh_pb2.Position(latitude_i=450000000, longitude_i=50000000, time=NOW).SerializeToString()
        case 4:
            return mesh_pb2.User(id="!00001234", long_name="A", public_key=b"k" * 32).SerializeToString()
        case 5:
            return mesh_pb2.Routing(error_reason="NO_CHANNEL").SerializeToString()
        case 67:
            metrics = telemetry_pb2.DeviceMetrics(battery_level=80)
            return telemetry_pb2.Telemetry(time=NOW, device_metrics=metrics).SerializeToString()
        case 70:
            return mesh_pb2.RouteDiscovery(route=[5]).SerializeToString()
        case _ if port in protocols and protocols[port].protobufFactory is not None:
            return b""
        case _:
            return TEXT_BYTES


def whole(port, payload):
    packet = newer("MeshPacket")(
        to=OWN,
        channel=1,
        id=77,
        rx_time=NOW,
        rx_snr=-3.5,
        hop_limit=2,
        want_ack=True,
        priority=70,
        rx_rssi=-101,
        via_mqtt=True,
        hop_start=3,
        public_key=b"k" * 32,
        pki_encrypted=True,
        next_hop=3,
        relay_node=4,
        transport_mechanism=1,
        xeddsa_signed=True,
    )
    setattr(packet, "from", SENDER)
    data = packet.decoded
    data.portnum, data.payload = port, payload
    data.want_response, data.dest, data.source, data.request_id = True, OWN, SENDER, 9
    data.reply_id, data.emoji, data.bitfield, data.xeddsa_signature = 8, 1, 3, b"s" * 64
    return packet


PACKET_FIELDS = [field.name for field in whole(1, b"").DESCRIPTOR.fields if field.name != "encrypted"]
DATA_FIELDS = [field.name for field in whole(1, b"").decoded.DESCRIPTOR.fields]


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from(PORTS),
    st.booleans(),
    st.sets(st.sampled_from(PACKET_FIELDS)),
    st.sets(st.sampled_from(DATA_FIELDS)),
    st.booleans(),
)
def test_any_field_of_a_packet_may_be_missing(link, port, broadcast, missing, missing_data, is_library_newer):
    packet = whole(port, content(port))
    packet.to = BROADCAST_NUM if broadcast else OWN
    for name in missing_data:
        packet.decoded.ClearField(name)
    for name in missing:
        packet.ClearField(name)
    link.records.clear()
    link.messages.clear()
    read = newer("MeshPacket") if is_library_newer else mesh_pb2.MeshPacket
    heard = read.FromString(packet.SerializeToString())
    if getattr(heard, "from"):
        hand_over(heard, link.interface._handlePacketFromRadio)
    assert len(link.records) == ("from" not in missing)
    for record in link.records:
        is_open = "decoded" not in missing
        assert record.portnum == (None if not is_open else 0 if "portnum" in missing_data else port)
        assert record.reception.signed == ("via_mqtt" in missing and "xeddsa_signed" not in missing)
        recorder = Recorder({}.get)
        recorder.record(record, NOW, OWN, maybe_replayed=True)
        recorder.record(record, NOW, OWN, maybe_replayed=False)
        for state in recorder.states.values():
            assert 0 <= state.last_heard <= NOW
            assert state.snr is None or isfinite(state.snr)
            assert state.hops in {None, 0, 1, 2, 3}
