from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2

from meshbot.virtual_node.faults import FAULTS
from meshbot.virtual_node.happenings import HAPPENINGS, happen
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.phone import Phone

U32 = st.integers(0, 0xFFFFFFFF)
PORTS = st.sampled_from([0, 1, 3, 4, 5, 6, 8, 67, 70, 71, 256])
PAYLOADS = st.binary(max_size=240)
PLACES = st.sampled_from(["own", "all", "keyed", "keyless", "ghost"])
ADMIN = st.one_of(
    st.builds(lambda n: {"set_time_only": n}, U32),
    st.builds(lambda n: {"reboot_seconds": n}, st.integers(-5, 30)),
    st.builds(lambda n, k: {"add_contact": {"node_num": n, "user": {"public_key": k}}}, U32, st.binary(max_size=40)),
    st.builds(lambda n: {"remove_by_nodenum": n}, U32),
    st.builds(lambda n: {"get_channel_request": n}, st.integers(0, 12)),
    st.builds(lambda n: {"get_config_request": n}, st.integers(0, 12)),
    st.builds(lambda n: {"get_module_config_request": n}, st.integers(0, 20)),
    st.builds(lambda name: {"set_owner": {"long_name": name}}, st.text("ab ", max_size=5)),
    st.builds(lambda n: {"set_favorite_node": n}, st.integers(1, 20)),
    st.builds(lambda n: {"set_ignored_node": n}, U32),
    st.builds(
        lambda private, managed: {"set_config": {"security": {"private_key": private, "is_managed": managed}}},
        st.sampled_from([b"", bytes(32), bytes(range(32))]),
        st.booleans(),
    ),
    st.builds(lambda region: {"set_config": {"lora": {"region": region, "tx_enabled": True}}}, st.integers(0, 3)),
    st.sampled_from([{"begin_edit_settings": True}, {"commit_edit_settings": True}]),
    st.sampled_from([{"nodedb_reset": True}, {"factory_reset_config": 1}, {"factory_reset_device": 1}]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("bytes"), st.binary(max_size=60)),
        st.tuples(st.just("config"), U32),
        st.tuples(st.just("heartbeat"), st.integers(0, 2)),
        st.tuples(st.just("send"), st.tuples(PLACES, PORTS, PAYLOADS, st.booleans(), st.integers(0, 9))),
        st.tuples(st.just("hear"), st.tuples(PLACES, PORTS, PAYLOADS, U32, U32)),
        st.tuples(st.just("admin"), ADMIN),
        st.tuples(st.just("time"), st.floats(0, 2000)),
        st.tuples(st.just("fault"), st.sampled_from(sorted(FAULTS))),
        st.tuples(st.just("connect"), st.none()),
    ),
    max_size=25,
)


def number(phone, place):
    numbers = {"own": phone.num, "all": BROADCAST_NUM, "ghost": 0x1234567}
    users = {"keyed": phone.keyed.num, "keyless": phone.keyless.num}
    return (numbers | users)[place]


def cause(phone, fault):
    values = phone.firmware.switch_on(fault, {}, phone.connections)
    # Cut names are meant to be unreadable
    if fault in HAPPENINGS and fault != "cut_names":
        happen(phone.firmware, fault, values, phone.now)


def step(phone, kind, value):
    match kind:
        case "bytes":
            phone.api.handle(value, phone.now)
        case "config":
            phone.to_radio(want_config_id=value)
        case "heartbeat":
            phone.to_radio(heartbeat={"nonce": value})
        case "send":
            place, port, payload, want, channel = value
            data = {"want_response": want}
            phone.send(number(phone, place), payload, port, want_ack=want, channel=channel, data=data)
        case "hear":
            place, port, payload, to, packet_id = value
            decoded = mesh_pb2.Data(portnum=port, payload=payload)
            sender = {"from": number(phone, place)}
            phone.firmware.hear(mesh_pb2.MeshPacket(**sender, to=to, id=packet_id, decoded=decoded), phone.now)
        case "admin":
            phone.admin(want_response=True, **value)
        case "time":
            phone.later(value)
        case "fault":
            cause(phone, value)
        case "connect":
            phone.connect()


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(12, 14), st.sampled_from(["2.7.26", "2.8.0"]))
def test_whatever_happens_the_firmware_goes_on_sending_whole_messages(steps, capacity, version):
    phone = Phone(capacity=capacity, chatter=0.05, version=version)
    for kind, value in steps:
        step(phone, kind, value)
        phone.drain()
    phone.firmware.heal(None)
    phone.later(3600)
    phone.connect()
    assert phone.configure(9)[-1].WhichOneof("payload_variant") in {"config_complete_id", "packet", "queueStatus"}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=30))
def test_texts_on_air_are_2_s_apart_and_each_gets_a_status(texts):
    phone = Phone(airtime=0.0)
    for pause, direct in texts:
        phone.later(pause)
        packet_id = phone.send(phone.keyed.num if direct else BROADCAST_NUM)
        assert [(status.mesh_packet_id, status.res) for status in phone.statuses()] == [(packet_id, 0)]
    times = [sent.at for sent in phone.firmware.transmitted]
    assert all(later - earlier >= 2.0 for earlier, later in pairwise(times))
