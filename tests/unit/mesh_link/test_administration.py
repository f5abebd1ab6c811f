"""What our own node is told: contacts are whole, and each message with an id asks for its answer."""

import pytest
from meshtastic.protobuf import config_pb2, mesh_pb2

from meshbot.mesh_link.administration import Administration, shared_contact
from meshbot.mesh_link.messages import Contact, NodeRecord
from meshbot.mesh_link.radio_database import RadioDatabase
from meshbot.mesh_link.versions import needs_keys, takes_contacts

ALICE, BRUNO = 0x20001EEF, 0x20001EF0
KEY, OTHER = b"\1" * 32, b"\2" * 32
CONTACT = Contact(ALICE, KEY, "Alice", "ALI", "HELTEC_V3", "CLIENT_MUTE")


def test_a_contact_carries_key_names_model_and_role():
    contact = shared_contact(CONTACT)
    assert (contact.node_num, contact.user.id, contact.user.public_key) == (ALICE, "!20001eef", KEY)
    assert (contact.user.long_name, contact.user.short_name) == ("Alice", "ALI")
    assert contact.user.hw_model == mesh_pb2.HardwareModel.HELTEC_V3
    assert contact.user.role == config_pb2.Config.DeviceConfig.Role.CLIENT_MUTE
    assert not contact.manually_verified
    assert not contact.should_ignore


@pytest.mark.parametrize(("model", "role"), [("", ""), ("OF_TOMORROW", "OF_TOMORROW")])
def test_a_model_and_a_role_that_the_library_lacks_are_left_out(model, role):
    contact = shared_contact(Contact(ALICE, KEY, "Alice", "ALI", model, role))
    assert (contact.user.hw_model, contact.user.role) == (0, 0)


def test_each_order_is_one_message_with_its_id():
    sent = []
    administration = Administration(lambda message, packet_id: sent.append((message, packet_id)))
    administration.add_contact(1, CONTACT)
    administration.remove_node(2, ALICE)
    administration.remove_favourite(3, BRUNO)
    administration.set_time(1_800_000_000)
    administration.reboot(5)
    assert [(message.WhichOneof("payload_variant"), packet_id) for message, packet_id in sent] == [
        ("add_contact", 1), ("remove_by_nodenum", 2), ("remove_favorite_node", 3), ("set_time_only", 0),
        ("reboot_seconds", 0),
    ]  # fmt: skip
    assert (sent[1][0].remove_by_nodenum, sent[2][0].remove_favorite_node) == (ALICE, BRUNO)


@pytest.mark.parametrize(
    ("version", "contacts", "keys"),
    [
        ("", False, False),
        ("2.6.7", False, False),
        ("2.6.8.abc", True, False),
        ("2.7.18", True, False),
        ("2.7.19", True, True),
        ("2.8.0", True, True),
    ],
)  # fmt: skip
def test_what_the_firmware_can_follows_from_its_version(version, contacts, keys):
    assert (takes_contacts(version), needs_keys(version)) == (contacts, keys)


def test_the_radios_database_is_what_it_told_and_what_changed_since():
    database = RadioDatabase(is_whole=True)
    database.take(NodeRecord(ALICE, public_key=KEY), is_favourite=True)
    database.take(NodeRecord(BRUNO), is_favourite=False)
    assert (len(database), database.keys, database.favourites) == (2, {ALICE: KEY}, {ALICE})
    database.learn(ALICE, OTHER)
    database.learn(BRUNO, OTHER)
    assert database.keys == {ALICE: KEY, BRUNO: OTHER}
    database.set_key(ALICE, b"")
    assert database.lacks_key(ALICE)
    assert not database.lacks_key(BRUNO)
    database.clear()
    assert (len(database), database.keys, database.favourites) == (0, {}, frozenset())


def test_a_database_without_its_nodes_lacks_nothing_for_sure():
    database = RadioDatabase(is_whole=False)
    assert not database.lacks_key(ALICE)
    database.is_whole = True
    assert database.lacks_key(ALICE)
