"""What the key sync relies on in the library: a new version that changes it fails here."""

from __future__ import annotations

import base64
import threading

import pytest
from meshtastic.mesh_interface import MeshInterface
from meshtastic.protobuf import mesh_pb2, portnums_pb2

from meshbot.mesh_link.packets import NodeRecord
from meshbot.nodes.interface_nodes import is_placeholder, put_key
from meshbot.storage.nodes import NodeRow
from node_manager import NodeManager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, key, record, text_of

ALICE_ID = f"!{ALICE:08x}"


@pytest.fixture
def interface():
    """The library's own state, without a link."""
    interface = MeshInterface(noProto=True)
    interface._startConfig()
    yield interface
    interface.close()


def user_of(num, public_key=b"", **fields):
    return mesh_pb2.User(id=f"!{num:08x}", long_name=f"User {num:x}", public_key=public_key, **fields)


def download(interface, num, public_key=b""):
    """One entry of the node's own database."""
    info = mesh_pb2.NodeInfo(num=num, user=user_of(num, public_key))
    interface._handleFromRadio(mesh_pb2.FromRadio(node_info=info).SerializeToString())


def hear(interface, sender, user):
    """A NODEINFO packet."""
    packet = mesh_pb2.MeshPacket(to=0xFFFFFFFF, id=1)
    setattr(packet, "from", sender)
    packet.decoded.portnum = portnums_pb2.PortNum.NODEINFO_APP
    packet.decoded.payload = user.SerializeToString()
    interface._handleFromRadio(mesh_pb2.FromRadio(packet=packet).SerializeToString())


@pytest.fixture
def manager():
    manager = NodeManager(None, FakeClock())
    manager.learn_from_node_database([record(ALICE, key(1)), record(BOB, key(2))])
    return manager


def test_nodes_are_none_before_a_configuration_and_new_dictionaries_after_each():
    interface = MeshInterface(noProto=True)
    assert interface.nodes is None
    assert interface.nodesByNum is None
    interface._startConfig()
    nodes, by_num = interface.nodes, interface.nodesByNum
    assert (nodes, by_num) == ({}, {})
    interface._startConfig()
    assert interface.nodes is not nodes
    assert interface.nodesByNum is not by_num
    interface.close()


def test_both_maps_hold_the_same_dictionary(interface):
    download(interface, ALICE)
    assert interface.nodes[ALICE_ID] is interface.nodesByNum[ALICE]


def test_a_key_is_standard_base64_text_with_padding(interface):
    public_key = b"\xfb\xff" * 16
    download(interface, ALICE, public_key)
    text = interface.nodes[ALICE_ID]["user"]["publicKey"]
    assert text == base64.b64encode(public_key).decode() == text_of(public_key)
    assert len(text) == 44


def test_a_nodeinfo_packet_replaces_the_user_dictionary_and_so_forgets_the_key(interface):
    download(interface, ALICE, key(1))
    before = interface.nodesByNum[ALICE]["user"]
    hear(interface, ALICE, user_of(ALICE))
    after = interface.nodesByNum[ALICE]["user"]
    assert after is not before
    assert "publicKey" in before
    assert "publicKey" not in after


def test_a_nodeinfo_packet_with_another_key_replaces_the_key(interface):
    download(interface, ALICE, key(1))
    hear(interface, ALICE, user_of(ALICE, key(9)))
    assert interface.nodes[ALICE_ID]["user"]["publicKey"] == text_of(key(9))


def test_a_nodeinfo_packet_is_filed_under_the_id_that_its_sender_claims(interface):
    download(interface, ALICE, key(1))
    hear(interface, CAROL, user_of(ALICE, key(9)))
    assert interface.nodes[ALICE_ID]["num"] == CAROL
    assert interface.nodesByNum[ALICE]["user"]["publicKey"] == text_of(key(1))


def test_an_unknown_node_is_made_by_the_library_as_we_make_it(interface):
    made_by_us: dict = {}
    put_key({}, made_by_us, NodeRow(ALICE), key(1))
    del made_by_us[ALICE]["user"]["publicKey"]
    made_by_library = interface._getOrCreateByNum(ALICE)
    assert made_by_us[ALICE] == made_by_library
    user = made_by_library["user"]
    assert is_placeholder(NodeRecord(ALICE, user["longName"], user["shortName"], user["hwModel"]))


def test_the_library_goes_on_with_an_entry_that_we_made(interface, manager):
    manager.sync_pubkeys_to_interface(interface)
    ours = interface.nodesByNum[ALICE]
    hear(interface, ALICE, user_of(ALICE, key(1)))
    assert interface.nodesByNum[ALICE] is interface.nodes[ALICE_ID] is ours


def test_sync_undoes_what_a_nodeinfo_packet_did_to_keys(interface, manager):
    download(interface, ALICE, key(1))
    download(interface, BOB, key(2))
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 0
    hear(interface, ALICE, user_of(ALICE))
    hear(interface, BOB, user_of(BOB, key(9)))
    hear(interface, CAROL, user_of(ALICE, key(9)))
    assert manager.sync_pubkeys_to_interface(interface, force=True) == 2
    for num, public_key in ((ALICE, key(1)), (BOB, key(2))):
        node = interface.nodes[f"!{num:08x}"]
        assert node is interface.nodesByNum[num]
        assert node["num"] == num
        assert node["user"]["publicKey"] == text_of(public_key)
        assert node["user"]["longName"] == f"User {num:x}"


def test_iterating_while_the_reader_adds_a_node_raises(interface):
    download(interface, ALICE)
    iterator = iter(interface.nodes.items())
    next(iterator)
    download(interface, BOB)
    with pytest.raises(RuntimeError, match="changed size"):
        next(iterator)
    assert interface.nodes.get(ALICE_ID) is interface.nodesByNum[ALICE]


def test_sync_works_while_the_reader_keeps_changing_the_nodes(interface, manager, caplog):
    manager.learn_from_node_database([record(num, key(num % 60_000)) for num in range(1000, 2000)])
    started, stop = threading.Event(), threading.Event()

    def read():
        for num in range(1000, 100_000):
            hear(interface, num, user_of(num))
            started.set()
            if stop.is_set():
                return

    reader = threading.Thread(target=read, name="reader")
    reader.start()
    try:
        assert started.wait(30)
        for _ in range(20):
            manager.sync_pubkeys_to_interface(interface, force=True)
    finally:
        stop.set()
        reader.join(30)
    manager.sync_pubkeys_to_interface(interface, force=True)
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
    for num in range(1000, 2000):
        node = interface.nodes[f"!{num:08x}"]
        assert node is interface.nodesByNum[num]
        assert node["user"]["publicKey"] == text_of(key(num % 60_000))
