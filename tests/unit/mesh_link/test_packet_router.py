"""The thread Mesh-Router: each packet parsed once and given to its takers."""

from math import inf
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from pubsub import pub

from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    ChannelLoad,
    Hop,
    NodeInfoPacket,
    NodeRecord,
    RoutingAnswer,
    TracerouteReply,
)
from meshbot.mesh_link.packet_router import (
    INBOX_LIMIT,
    KEPT_FOR,
    REMEMBERED,
    PacketRouter,
    PacketTakers,
    RawPacket,
    SeenTexts,
)
from tests.support.fake_clock import FakeClock

OWN, ALICE, BOB = 0x9999, 7, 8
PATIENCE = 30.0
OWNER = object()


class Router:
    """A router whose takers keep what they are given; packets are handled in the test's thread."""

    def __init__(self):
        self.clock = FakeClock()
        self.taken = {
            name: []
            for name in (
                "records",
                "channel_load",
                "node_infos",
                "routing_answers",
                "traceroutes",
                "texts",
                "channel_texts",
            )
        }
        takers = PacketTakers(**{name: (taken.append,) for name, taken in self.taken.items()})
        self.service = PacketRouter(self.clock, takers, OWNER)

    def handle(self, packet, own_num=OWN):
        self.service.handle(RawPacket(packet, own_num))

    def text(self, text="bonjour", **details):
        packet = {"from": ALICE, "to": BROADCAST_NUM, "id": 1}
        self.handle(packet | details | {"decoded": {"portnum": "TEXT_MESSAGE_APP", "text": text}})

    def repeats(self):
        return [text.is_repeat for text in self.taken["texts"]]

    def channel_texts(self):
        return [text.packet_id for text in self.taken["channel_texts"]]


@pytest.fixture
def router():
    return Router()


# -- one kind of packet, one taker


def test_every_packet_has_its_record_taken_whatever_it_is(router):
    router.text(id=1)
    router.handle({"from": ALICE, "to": BROADCAST_NUM, "id": 2, "encrypted": "AAAA"})
    # without a user
    router.handle({"from": ALICE, "id": 3, "decoded": {"portnum": "NODEINFO_APP"}})
    router.handle({"from": 0, "id": 4})
    assert [(record.packet_id, record.portnum) for record in router.taken["records"]] == [(1, 1), (2, None), (3, 4)]


def test_node_infos_and_routing_answers_go_to_their_takers(router):
    router.handle({"from": ALICE, "decoded": {"portnum": "NODEINFO_APP", "user": {"longName": "Sept"}}})
    router.handle(
        {"from": ALICE, "decoded": {"portnum": "ROUTING_APP", "requestId": 9, "routing": {"errorReason": "NONE"}}}
    )
    assert router.taken["node_infos"] == [NodeInfoPacket(NodeRecord(ALICE, "Sept"))]
    assert router.taken["routing_answers"] == [RoutingAnswer(9, ALICE, "NONE")]


def test_the_reply_to_a_traceroute_is_taken_and_a_request_is_not(router):
    route = {"portnum": "TRACEROUTE_APP", "traceroute": {"route": [8], "snrTowards": [25, -128], "snrBack": [-6]}}
    router.handle({"from": ALICE, "to": OWN, "decoded": route})
    router.handle({"from": ALICE, "to": OWN, "decoded": route | {"requestId": 9}})
    assert router.taken["traceroutes"] == [
        TracerouteReply(9, ALICE, (Hop(8, 6.25), Hop(ALICE, None)), (Hop(OWN, -1.5),))
    ]


@pytest.mark.parametrize(("sender", "loads"), [(OWN, [ChannelLoad(12.5)]), (ALICE, [])])
def test_the_channel_load_is_what_our_own_node_measures(router, sender, loads):
    for metrics in ({"channelUtilization": 12.5}, {"batteryLevel": 80}):
        router.handle(
            {"from": sender, "decoded": {"portnum": "TELEMETRY_APP", "telemetry": {"deviceMetrics": metrics}}}
        )
    assert router.taken["channel_load"] == loads


def test_a_record_is_taken_before_the_message_in_it():
    order = []
    takers = PacketTakers(records=(lambda _: order.append("record"),), texts=(lambda _: order.append("text"),))
    service = PacketRouter(FakeClock(), takers, OWNER)
    decoded = {"portnum": "TEXT_MESSAGE_APP", "text": "x"}
    service.handle(RawPacket({"from": ALICE, "to": OWN, "id": 1, "decoded": decoded}, OWN))
    assert order == ["record", "text"]


def test_malformed_packets_are_reported_once_a_minute_and_harm_nothing(router, caplog):
    bad = {"from": 0, "decoded": {"portnum": "TEXT_MESSAGE_APP", "text": "/echo"}}
    for _ in range(5):
        router.handle(bad)
    router.clock.advance(60)
    router.handle(bad)
    lines = [line for line in caplog.messages if "Paquet incorrect" in line]
    assert [line.split(":")[0] for line in lines] == ["⚠️ Paquet incorrect ignoré (1)", "⚠️ Paquet incorrect ignoré (5)"]
    router.text()
    assert len(router.taken["texts"]) == 1


# -- texts


def test_a_channel_text_of_another_node_is_taken_once(router):
    for packet_id in (1, 1, 2, 1):
        router.text(id=packet_id)
    assert router.channel_texts() == [1, 2]
    assert router.repeats() == [False, True, False, True]


def test_a_direct_message_is_no_channel_text(router):
    router.text(to=OWN)
    router.text(to=BOB, id=2)
    assert router.channel_texts() == []
    assert len(router.taken["texts"]) == 2


def test_a_text_of_our_own_is_no_channel_text(router):
    router.text(**{"from": OWN})
    assert router.channel_texts() == []
    assert router.repeats() == [False]


def test_a_channel_text_may_be_a_command(router):
    router.text("/ping")
    assert router.channel_texts() == [1]


def test_the_same_packet_id_of_another_sender_is_another_packet(router):
    router.text()
    router.text(**{"from": BOB})
    assert router.repeats() == [False, False]


def test_a_packet_without_id_is_never_a_repeat(router):
    router.text(id=0)
    router.text(id=0)
    assert router.repeats() == [False, False]


def test_a_direct_message_to_another_node_is_not_remembered(router):
    router.text(to=BOB)
    router.text(to=OWN)
    assert router.repeats() == [False, False]


def test_a_text_is_remembered_while_a_thousand_others_come(router):
    for packet_id in (*range(1, REMEMBERED + 1), 1):
        router.text(id=packet_id)
    assert router.repeats()[-1]


def test_a_repeated_text_is_remembered_from_its_repetition_on(router):
    for packet_id in (*range(1, REMEMBERED + 1), 1, REMEMBERED + 1, 1, 2):
        router.text(id=packet_id)
    assert router.repeats()[-4:] == [True, False, True, False]


# -- our own number


FORGED = [
    {"rxSnr": 4.5},
    {"transportMechanism": "TRANSPORT_MULTICAST_UDP"},
    {"transportMechanism": "TRANSPORT_LORA"},
    {"rxRssi": -80},
    {"viaMqtt": True},
    {"rxRssi": -80, "rxSnr": 4.5, "hopStart": 3, "hopLimit": 2},
]
CLAIMS = [
    {"portnum": "NODEINFO_APP", "user": {"longName": "Mallory", "id": "!00009999"}},
    {"portnum": "TELEMETRY_APP", "telemetry": {"deviceMetrics": {"channelUtilization": 99.0}}},
    {"portnum": "ROUTING_APP", "requestId": 5, "routing": {"errorReason": "DUTY_CYCLE_LIMIT"}},
    {"portnum": "POSITION_APP", "position": {"latitude": 1.0, "longitude": 1.0}},
    {"portnum": "TEXT_MESSAGE_APP", "text": "/ping"},
]


@pytest.mark.parametrize("received", FORGED)
@pytest.mark.parametrize("decoded", CLAIMS)
def test_what_comes_by_air_under_our_own_number_changes_nothing(router, caplog, received, decoded):
    for packet_id in (1, 2):
        router.handle({"from": OWN, "to": BROADCAST_NUM, "id": packet_id, "decoded": decoded} | received)
    assert not any(router.taken.values())
    line = "🎭 1 paquets reçus par radio sous notre propre numéro, ignorés: quelqu'un l'imite"
    assert caplog.messages == [line]


@pytest.mark.parametrize("decoded", CLAIMS)
def test_what_our_node_itself_sends_us_counts(router, decoded):
    router.handle({"from": OWN, "to": BROADCAST_NUM, "id": 1, "decoded": decoded})
    assert router.taken["records"]


def test_texts_of_an_earlier_process_are_repeated_ones(router):
    router.service.handle(SeenTexts([(ALICE, 1), (BOB, 2), (ALICE, 0)]))
    for packet_id in (1, 2, 0):
        router.text(id=packet_id)
    assert router.repeats() == [True, False, False]
    assert router.channel_texts() == [2, 0]


# -- the thread


def test_packets_of_its_own_interfaces_alone_reach_the_thread():
    records = SimpleQueue()
    router = PacketRouter(FakeClock(), PacketTakers(records=(records.put,)), OWNER)
    router.start(SimpleQueue())
    router._clock.wait_parked(float("inf"))
    for owner, packet_id in ((object(), 1), (OWNER, 2)):
        interface = SimpleNamespace(owner=owner, own_num=OWN, configured_at=0.0)
        pub.sendMessage("meshtastic.receive.text", packet={"from": ALICE, "id": packet_id}, interface=interface)
    assert records.get(timeout=PATIENCE).packet_id == 2
    router.stop()
    assert router.join(PATIENCE)
    assert records.empty()


@pytest.mark.parametrize(("ago", "is_fresh"), [(0, False), (KEPT_FOR, False), (KEPT_FOR + 1, True), (-inf, False)])
def test_long_behind_the_configuration_a_text_is_fresh(router, ago, is_fresh):
    interface = SimpleNamespace(owner=OWNER, own_num=OWN, configured_at=router.service._clock.monotonic() - ago)
    router.service._on_receive({"from": ALICE}, interface)
    assert router.service._inbox.get_nowait().is_fresh is is_fresh


def test_beyond_a_full_inbox_packets_are_dropped(router):
    interface = SimpleNamespace(owner=OWNER, own_num=OWN, configured_at=0.0)
    for _ in range(INBOX_LIMIT + 5):
        router.service._on_receive({"from": ALICE}, interface)
    assert router.service._inbox.qsize() == INBOX_LIMIT
