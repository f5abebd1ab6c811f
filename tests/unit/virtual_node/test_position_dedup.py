"""Firmware 2.8 drops positions that their senders have told: its client hears of a node that stays where it is once."""

from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import channel_pb2, config_pb2, mesh_pb2

from meshbot.virtual_node.packets import BROADCAST_NUM, data_packet
from meshbot.virtual_node.position_dedup import INTERVAL, NODES_KEPT, PositionDedup, interval_for, is_well_known
from tests.support.phone import EPOCH, Phone, PortNum

Role = config_pb2.Config.DeviceConfig.Role
HERE = {"latitude_i": 457640000, "longitude_i": 48357000}
ELSEWHERE = {"latitude_i": 458700000, "longitude_i": 48357000}


def tell(phone, where, to=BROADCAST_NUM, channel=0, num=0):
    """Let the node hear a position; return whether its client gets it."""
    payload = mesh_pb2.Position(**where).SerializeToString()
    reception = {"hop_start": 3, "hop_limit": 3, "channel": channel}
    packet = data_packet(
        num or phone.keyed.num, to, PortNum.POSITION_APP, payload, int(phone.now * 10) % 10_000_000 + 1, **reception
    )
    phone.firmware.hear(packet, phone.now)
    phone.later(1.0)
    return bool(phone.packets())


def test_an_unmoved_node_is_heard_of_once_however_long_it_repeats_itself():
    phone = Phone(version="2.8.0")
    phone.admin(set_time_only=EPOCH)
    assert tell(phone, HERE)
    before = phone.firmware.node_info(phone.keyed.num).last_heard
    for _ in range(3):
        phone.later(8 * 3600)
        phone.connect()
        phone.configure()
        assert not tell(phone, HERE)
    # Nor does the database take note of it
    assert phone.firmware.node_info(phone.keyed.num).last_heard == before
    assert tell(phone, ELSEWHERE)


def test_after_11_hours_of_silence_the_same_position_passes():
    phone = Phone(version="2.8.0")
    assert tell(phone, HERE)
    phone.later(INTERVAL + 360)
    phone.connect()
    phone.configure()
    assert tell(phone, HERE)


def test_positions_to_us_on_private_channels_and_on_2_7_pass():
    phone, old = Phone(version="2.8.0"), Phone()
    for _ in range(2):
        assert tell(phone, HERE, to=phone.num)
        assert tell(phone, HERE, channel=1)
        assert tell(old, HERE)


def test_an_upgrade_switches_it_on_and_the_client_can_switch_it_off():
    phone = Phone()
    phone.firmware.upgrade("2.8.0", 1.0, phone.now)
    phone.later(2.0)
    phone.connect()
    phone.configure()
    tell(phone, HERE)
    assert not tell(phone, HERE)
    phone.admin(set_module_config={"traffic_management": {}})
    phone.drain()
    assert tell(phone, HERE)


def test_trackers_may_repeat_themselves_hourly():
    assert interval_for(Role.TRACKER, INTERVAL) == 3600
    assert interval_for(Role.LOST_AND_FOUND, INTERVAL) == 900
    assert interval_for(Role.LOST_AND_FOUND, 0) == 0
    assert interval_for(Role.CLIENT, INTERVAL) == INTERVAL


def test_a_channel_of_its_own_name_or_key_is_not_well_known():
    primary = channel_pb2.Channel.Role.PRIMARY
    assert is_well_known(channel_pb2.Channel(role=primary, settings={"psk": b"\1"}))
    assert not is_well_known(channel_pb2.Channel(role=primary, settings={"psk": b"\1", "name": "Entraide"}))
    assert not is_well_known(channel_pb2.Channel(role=primary, settings={"psk": bytes(16)}))
    assert not is_well_known(channel_pb2.Channel(settings={"psk": b"\1"}))


@given(st.lists(st.tuples(st.integers(1, 600), st.integers(-(2**31), 2**31 - 1), st.floats(0, 1e5)), max_size=60))
def test_a_position_that_differs_by_a_cell_is_never_dropped(moves):
    dedup, last, now = PositionDedup(), {}, 0.0
    for num, latitude, pause in moves:
        now += pause
        cell = (latitude >> 19) % 16
        dropped = dedup.drops(num, mesh_pb2.Position(latitude_i=latitude, longitude_i=1), 13, INTERVAL, now)
        assert not dropped or last[num] == cell
        last[num] = cell
        assert len(dedup._last) <= NODES_KEPT
