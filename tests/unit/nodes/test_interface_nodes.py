from meshbot.mesh_link.packets import NodeRecord
from meshbot.nodes.interface_nodes import is_placeholder, put_key
from meshbot.storage.nodes import NodeRow
from tests.support.nodes import ALICE, BOB, BareInterface, key, text_of

ALICE_ID = f"!{ALICE:08x}"


KEY = key(1)


def put(interface, public_key=KEY, **known):
    return put_key(interface.nodes, interface.nodesByNum, NodeRow(ALICE, **known), public_key)


def test_a_known_node_gets_its_key_and_keeps_the_rest():
    interface = BareInterface(ALICE)
    interface.nodesByNum[ALICE]["snr"] = 6.5
    assert put(interface)
    assert interface.nodes[ALICE_ID] == {
        "num": ALICE,
        "snr": 6.5,
        "user": {"id": ALICE_ID, "longName": f"User {ALICE:x}", "publicKey": text_of(key(1))},
    }


def test_the_user_dictionary_is_replaced_and_never_edited():
    interface = BareInterface(ALICE)
    before = interface.nodes[ALICE_ID]["user"]
    put(interface)
    assert "publicKey" not in before


def test_the_right_key_in_place_changes_nothing():
    interface = BareInterface(ALICE)
    put(interface)
    user = interface.nodes[ALICE_ID]["user"]
    assert not put(interface)
    assert interface.nodes[ALICE_ID]["user"] is user


def test_another_key_is_replaced():
    interface = BareInterface()
    interface.hear(ALICE, publicKey=text_of(key(9)))
    assert put(interface)
    assert interface.key_of(ALICE) == text_of(key(1))


def test_an_unknown_node_is_made_as_the_library_makes_it():
    interface = BareInterface()
    assert put(interface)
    user = {"id": ALICE_ID, "longName": "Meshtastic 1eef", "shortName": "1eef", "hwModel": "UNSET"}
    assert interface.nodesByNum == {ALICE: {"num": ALICE, "user": {**user, "publicKey": text_of(key(1))}}}
    assert interface.nodes[ALICE_ID] is interface.nodesByNum[ALICE]


def test_an_unknown_node_is_made_under_the_names_we_know():
    interface = BareInterface()
    put(interface, long_name="Alice", short_name="AL", hw_model="TBEAM")
    user = interface.nodes[ALICE_ID]["user"]
    assert (user["longName"], user["shortName"], user["hwModel"]) == ("Alice", "AL", "TBEAM")


def test_a_node_that_claims_the_id_stays_under_its_number():
    interface = BareInterface(ALICE, BOB)
    true_entry, liar = interface.nodesByNum[ALICE], interface.nodesByNum[BOB]
    interface.nodes[ALICE_ID] = liar
    assert put(interface)
    assert interface.nodes[ALICE_ID] is interface.nodesByNum[ALICE] is true_entry
    assert interface.nodesByNum[BOB] is liar
    assert "publicKey" not in liar["user"]


def test_another_node_that_claims_the_id_of_an_unheard_node_loses_it():
    interface = BareInterface(BOB)
    interface.nodes[ALICE_ID] = interface.nodesByNum[BOB]
    assert put(interface)
    assert interface.nodes[ALICE_ID] is interface.nodesByNum[ALICE]
    assert interface.nodes[ALICE_ID]["num"] == ALICE


def test_a_node_that_claims_another_id_gets_its_own_back():
    interface = BareInterface()
    interface.hear(ALICE)
    interface.hear(ALICE, id=f"!{BOB:08x}", publicKey=text_of(key(1)))
    assert interface.nodes[ALICE_ID] is interface.nodesByNum[ALICE]
    assert put(interface)
    assert interface.nodes[ALICE_ID]["user"]["id"] == ALICE_ID


def test_an_entry_found_by_id_alone_is_filed_by_number_too():
    interface = BareInterface(ALICE)
    interface.nodesByNum.clear()
    put(interface)
    assert interface.nodesByNum[ALICE] is interface.nodes[ALICE_ID]


def test_an_entry_without_a_user_gets_one():
    interface = BareInterface()
    interface.nodesByNum[ALICE] = {"num": ALICE, "user": None}
    assert put(interface)
    assert interface.key_of(ALICE) == text_of(key(1))


def test_placeholder_names_are_told_from_real_ones():
    assert is_placeholder(NodeRecord(ALICE, "Meshtastic 1eef", "1eef", "UNSET"))
    assert not is_placeholder(NodeRecord(ALICE, "Meshtastic 1eef", "1eef", "TBEAM"))
    assert not is_placeholder(NodeRecord(ALICE, "Meshtastic 1ef0", "1ef0", "UNSET"))
