"""The quick dictionary equals the one that the library itself makes, whatever the node sends."""

from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.message_dict import as_dict
from meshbot.virtual_node.firmware import Firmware
from meshbot.virtual_node.framing import HEADER_BYTES

UINT32 = st.integers(0, 2**32 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(width=32)
USER = st.builds(
    mesh_pb2.User,
    id=st.text(max_size=12),
    long_name=st.text(max_size=40),
    macaddr=st.binary(max_size=6),
    hw_model=INT32,  # a newer firmware's models are numbers to us
    is_licensed=st.booleans(),
    role=INT32,
    public_key=st.binary(max_size=33),
    is_unmessagable=st.booleans() | st.none(),
)
POSITION = st.builds(
    mesh_pb2.Position,
    latitude_i=INT32 | st.none(),
    altitude=INT32 | st.none(),
    time=UINT32,
    location_source=st.integers(0, 9),
    precision_bits=UINT32,
)
METRICS = {"battery_level": UINT32, "voltage": FLOAT, "channel_utilization": FLOAT, "uptime_seconds": UINT32}
NODE_INFO = st.builds(
    mesh_pb2.NodeInfo,
    num=UINT32,
    user=st.none() | USER,
    position=st.none() | POSITION,
    device_metrics=st.none() | st.fixed_dictionaries({}, optional=METRICS),
    snr=FLOAT,
    last_heard=UINT32,
    hops_away=UINT32 | st.none(),
    via_mqtt=st.booleans(),
)


@given(NODE_INFO)
def test_a_node_info_becomes_what_the_original_makes_of_it(info):
    assert repr(as_dict(info)) == repr(MessageToDict(info))


@given(FLOAT)
def test_a_float_keeps_as_many_digits_as_it_needs(value):
    info = mesh_pb2.NodeInfo(snr=value)
    assert repr(as_dict(info)) == repr(MessageToDict(info))


def test_every_message_of_a_configuration_becomes_what_the_original_makes_of_it():
    firmware = Firmware(
        nodes=60, seed=3, version="2.7.26", keys=None, chatter=0.0, queue_size=32, airtime=0.1, capacity=None, now=0.0,
        epoch=1_767_620_158,
    )  # fmt: skip
    phone = firmware.connect(1, 0.0)
    phone.handle(mesh_pb2.ToRadio(want_config_id=7).SerializeToString(), 0.0)
    frames = list(iter(lambda: phone.next_frame(0.0), None))
    assert len(frames) > 60
    for frame in frames:
        message = mesh_pb2.FromRadio.FromString(frame[HEADER_BYTES:])
        assert repr(as_dict(message)) == repr(MessageToDict(message))
