"""What any packet has in common, and the payload about its sender."""

import base64

import pytest

from meshbot.mesh_link.messages import (
    BROADCAST_NUM,
    DeviceMetrics,
    Neighbor,
    NeighborInfo,
    NodeRecord,
    PacketRecord,
    PositionPayload,
    RadioMetadata,
)
from meshbot.mesh_link.packets import BadPacketError, node_record, packet_record
from meshbot.mesh_link.payloads import MAX_NEIGHBORS

SENDER, OWN = 0x1234, 0x9999
RADIO = {"rxSnr": 6.25, "rxRssi": -87, "hopStart": 3, "hopLimit": 1, "rxTime": 1767620158}


def decoded(portnum, **details):
    return {"from": SENDER, "to": OWN, "id": 42, "decoded": {"portnum": portnum, "payload": b"12345", **details}}


def test_a_decrypted_packet_has_its_port_and_its_reception():
    assert packet_record({**decoded("ATAK_PLUGIN"), **RADIO, "channel": 2}) == PacketRecord(
        packet_id=42,
        sender=SENDER,
        to=OWN,
        channel=2,
        portnum=72,
        size=5,
        hop_start=3,
        reception=RadioMetadata(snr=6.25, rssi=-87, hops=2, rx_time=1767620158),
    )


def test_an_encrypted_packet_has_a_size_but_no_port_and_no_channel():
    cipher = base64.b64encode(bytes(31)).decode()
    found = packet_record({"from": SENDER, "to": BROADCAST_NUM, "id": 7, "channel": 113, "encrypted": cipher})
    assert (found.portnum, found.channel, found.size, found.payload) == (None, None, 31, None)


@pytest.mark.parametrize(("portnum", "number"), [(300, 300), ("NO_SUCH_APP", 0), (None, 0), (-1, 0), (1 << 40, 0)])
def test_a_port_without_a_name_keeps_its_number(portnum, number):
    assert packet_record(decoded(portnum)).portnum == number


def test_a_packet_without_a_sender_is_refused():
    with pytest.raises(BadPacketError):
        packet_record({**decoded("TEXT_MESSAGE_APP"), "from": 0})


def test_an_snr_of_exactly_0_db_is_known_although_left_out():
    assert packet_record({**decoded("TEXT_MESSAGE_APP"), "rxRssi": -90}).reception.snr == 0.0
    assert packet_record(decoded("TEXT_MESSAGE_APP")).reception.snr is None


@pytest.mark.parametrize(
    ("source", "position"),
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
def test_a_valid_position_is_parsed_in_degrees(source, position):
    assert packet_record(decoded("POSITION_APP", position=source)).payload == position


def test_device_metrics_are_parsed():
    metrics = {"batteryLevel": 101, "voltage": 4.2, "channelUtilization": 12.5, "airUtilTx": 1.5}
    assert packet_record(decoded("TELEMETRY_APP", telemetry={"deviceMetrics": metrics})).payload == DeviceMetrics(
        101, 4.2, 12.5, 1.5
    )


def test_local_stats_are_parsed_as_device_metrics():
    stats = {"channelUtilization": 12.5, "airUtilTx": 1.5, "numOnlineNodes": 3}
    found = packet_record(decoded("TELEMETRY_APP", telemetry={"localStats": stats})).payload
    assert found == DeviceMetrics(utilization=12.5, air_tx=1.5)


@pytest.mark.parametrize(
    "telemetry",
    [{"environmentMetrics": {"temperature": 20}}, {"deviceMetrics": {"batteryLevel": 999, "airUtilTx": 1e30}}, "x"],
)
def test_other_telemetry_gives_no_payload(telemetry):
    assert packet_record(decoded("TELEMETRY_APP", telemetry=telemetry)).payload is None


def test_neighbours_with_impossible_numbers_are_left_out():
    listed = [{"nodeId": 5, "snr": -3.5}, {"nodeId": 6}, {"nodeId": 0}, {"snr": 1}, "x", {"nodeId": BROADCAST_NUM}]
    found = packet_record(decoded("NEIGHBORINFO_APP", neighborinfo={"nodeId": 77, "neighbors": listed})).payload
    assert found == NeighborInfo((Neighbor(5, -3.5), Neighbor(6, None)))


def test_no_more_neighbours_are_parsed_than_fit_into_a_packet():
    listed = [{"nodeId": num} for num in range(1, 100)]
    found = packet_record(decoded("NEIGHBORINFO_APP", neighborinfo={"neighbors": listed})).payload
    assert len(found.neighbors) == MAX_NEIGHBORS


def test_an_entry_of_the_node_database_has_its_reception():
    entry = {
        "num": 7,
        "lastHeard": 1767620158,
        "snr": -4.5,
        "hopsAway": 0,
        "viaMqtt": True,
        "deviceMetrics": {"batteryLevel": 80},
    }
    assert node_record(entry) == NodeRecord(
        7, last_heard=1767620158, snr=-4.5, hops=0, via_mqtt=True, metrics=DeviceMetrics(80)
    )
