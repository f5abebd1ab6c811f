"""What any packet tells by having been received, and what it says of its sender."""

import base64

import pytest

from meshbot.mesh_link.packets import (
    BROADCAST_NUM,
    BadPacketError,
    NodeRecord,
    PacketRecord,
    RadioMetadata,
    heard,
    record_of,
)
from meshbot.mesh_link.payloads import MAX_NEIGHBORS, DeviceMetrics, Neighbor, NeighborInfo, PositionPayload

SENDER, OWN = 0x1234, 0x9999
RADIO = {"rxSnr": 6.25, "rxRssi": -87, "hopStart": 3, "hopLimit": 1, "rxTime": 1767620158}


def decoded(portnum, **details):
    return {"from": SENDER, "to": OWN, "id": 42, "decoded": {"portnum": portnum, "payload": b"12345", **details}}


def test_a_decrypted_packet_tells_its_kind_and_how_it_came():
    assert heard({**decoded("ATAK_PLUGIN"), **RADIO, "channel": 2}) == PacketRecord(
        packet_id=42,
        sender=SENDER,
        to=OWN,
        channel=2,
        portnum=72,
        size=5,
        hop_start=3,
        reception=RadioMetadata(snr=6.25, rssi=-87, hops=2, rx_time=1767620158),
    )


def test_an_encrypted_packet_tells_neither_kind_nor_channel_but_how_long_it_is():
    cipher = base64.b64encode(bytes(31)).decode()
    found = heard({"from": SENDER, "to": BROADCAST_NUM, "id": 7, "channel": 113, "encrypted": cipher})
    assert (found.portnum, found.channel, found.size, found.said) == (None, None, 31, None)


@pytest.mark.parametrize(("portnum", "number"), [(300, 300), ("NO_SUCH_APP", 0), (None, 0), (-1, 0), (1 << 40, 0)])
def test_a_kind_that_the_library_has_no_name_for_keeps_its_number(portnum, number):
    assert heard(decoded(portnum)).portnum == number


def test_a_packet_from_nobody_is_refused():
    with pytest.raises(BadPacketError):
        heard({**decoded("TEXT_MESSAGE_APP"), "from": 0})


def test_a_signal_of_exactly_0_db_is_left_out_by_the_library_and_known_all_the_same():
    assert heard({**decoded("TEXT_MESSAGE_APP"), "rxRssi": -90}).reception.snr == 0.0
    assert heard(decoded("TEXT_MESSAGE_APP")).reception.snr is None


@pytest.mark.parametrize(
    ("said", "position"),
    [
        ({"latitude": 48.5, "longitude": 2.25, "altitude": 35}, PositionPayload(48.5, 2.25, 35)),
        ({"latitudeI": 485000000, "longitudeI": -22500000}, PositionPayload(48.5, -2.25)),
        ({"latitude": 48.5}, None),
        ({"latitude": 90.5, "longitude": 2.25}, None),
        ({"latitudeI": 1 << 60, "longitudeI": 1}, None),
        ({"latitude": "NaN", "longitude": 2.25}, None),
        ({"latitude": 48.5, "longitude": 2.25, "altitude": 1 << 40}, PositionPayload(48.5, 2.25)),
        ({}, None),
    ],
)
def test_a_position_is_read_in_degrees_when_it_is_one(said, position):
    assert heard(decoded("POSITION_APP", position=said)).said == position


def test_the_telemetry_of_a_device_is_read():
    metrics = {"batteryLevel": 101, "voltage": 4.2, "channelUtilization": 12.5, "airUtilTx": 1.5}
    assert heard(decoded("TELEMETRY_APP", telemetry={"deviceMetrics": metrics})).said == DeviceMetrics(
        101, 4.2, 12.5, 1.5
    )


def test_what_a_node_tells_its_own_client_of_the_channel_is_read_too():
    stats = {"channelUtilization": 12.5, "airUtilTx": 1.5, "numOnlineNodes": 3}
    found = heard(decoded("TELEMETRY_APP", telemetry={"localStats": stats})).said
    assert found == DeviceMetrics(utilization=12.5, air_tx=1.5)


@pytest.mark.parametrize(
    "telemetry",
    [{"environmentMetrics": {"temperature": 20}}, {"deviceMetrics": {"batteryLevel": 999, "airUtilTx": 1e30}}, "x"],
)
def test_other_telemetry_says_nothing_here(telemetry):
    assert heard(decoded("TELEMETRY_APP", telemetry=telemetry)).said is None


def test_neighbours_are_read_as_far_as_they_can_be_nodes():
    listed = [{"nodeId": 5, "snr": -3.5}, {"nodeId": 6}, {"nodeId": 0}, {"snr": 1}, "x", {"nodeId": BROADCAST_NUM}]
    found = heard(decoded("NEIGHBORINFO_APP", neighborinfo={"nodeId": 77, "neighbors": listed})).said
    assert found == NeighborInfo((Neighbor(5, -3.5), Neighbor(6, None)))


def test_no_more_neighbours_are_read_than_fit_into_a_packet():
    listed = [{"nodeId": num} for num in range(1, 100)]
    found = heard(decoded("NEIGHBORINFO_APP", neighborinfo={"neighbors": listed})).said
    assert len(found.neighbors) == MAX_NEIGHBORS


def test_the_nodes_own_database_tells_how_each_node_was_heard():
    entry = {
        "num": 7,
        "lastHeard": 1767620158,
        "snr": -4.5,
        "hopsAway": 0,
        "viaMqtt": True,
        "deviceMetrics": {"batteryLevel": 80},
    }
    assert record_of(entry) == NodeRecord(
        7, last_heard=1767620158, snr=-4.5, hops=0, via_mqtt=True, metrics=DeviceMetrics(80)
    )
