import json
from base64 import b64encode

import pytest

from meshbot.cli.errors import CommandError
from meshbot.cli.key_file import LONGEST, from_json, to_json
from meshbot.nodes.key_states import KeyState
from meshbot.storage.nodes import KeyRow, KeySource, KeyStatus, NodeRow
from tests.support.nodes import ALICE, BOB, key

TRUSTED, PENDING, REVOKED = KeyStatus.TRUSTED, KeyStatus.PENDING, KeyStatus.REVOKED
KEYS = [
    (NodeRow(BOB, "Bruno", "BRU"), [KeyRow(BOB, key(2), KeySource.NODEINFO, TRUSTED, 10, 20)]),
    (
        NodeRow(ALICE, "Alice 🦊", "AL", "TBEAM", "ROUTER"),
        [
            KeyRow(ALICE, key(1), KeySource.OPERATOR, TRUSTED, 10, 20, "mesh:!00000007", 30),
            KeyRow(ALICE, key(3), KeySource.NODEINFO, PENDING, 10, 20),
            KeyRow(ALICE, key(4), KeySource.NODEINFO, REVOKED, 10, 20, "telegram:12"),
        ],
    ),
]


def entry_of(**changes):
    """A file's only key, changed."""
    return {"public_key": b64encode(key(1)).decode(), "state": "seen", **changes}


def file_of(*nodes, **changes):
    document = {"format": "meshbot-keys", "version": 1, "nodes": list(nodes), **changes}
    return json.dumps(document).encode()


def node_of(*keys, num="!20001eef", **changes):
    return {"num": num, "keys": list(keys), **changes}


def test_what_is_exported_is_read_with_its_states():
    entries = from_json(to_json(KEYS).encode())
    assert [(entry.node.num, entry.public_key, entry.state) for entry in entries] == [
        (ALICE, key(1), KeyState.VERIFIED),
        (ALICE, key(3), KeyState.CHANGED),
        (ALICE, key(4), KeyState.REVOKED),
        (BOB, key(2), KeyState.SEEN),
    ]
    assert entries[0].node == NodeRow(ALICE, "Alice 🦊", "AL", "TBEAM", "ROUTER")
    assert (entries[0].decided_by, entries[2].decided_by) == ("mesh:!00000007", "telegram:12")


def test_the_same_keys_make_the_same_file():
    assert to_json(KEYS) == to_json(reversed(KEYS))


def test_a_file_says_when_in_utc():
    (bob,) = json.loads(to_json(KEYS[:1]))["nodes"]
    assert bob["keys"][0]["since"] == "1970-01-01T00:00:20Z"
    assert bob["keys"][0]["acknowledged"] is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not a text in UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no export of keys"),
        (b'{"version": 1}', "no export of keys"),
        (b'{"format": "meshbot-keys", "version": 1, "version": 1, "nodes": []}', "a name twice"),
        (file_of(version=2), "version 2, and this program reads version 1"),
        (file_of(version="1"), "has version '1'"),
        (file_of(version=True), "has version True"),
        (file_of(nodes={}), "no list of nodes"),
        (file_of(nodes=[1] * 20_001), "20001 nodes"),
        (file_of(7), "Node 1: it is no object"),
        (file_of(node_of(entry_of(), num=7)), "« num » is no node"),
        (file_of(node_of(entry_of(), num="!00000000")), "« num » is no node"),
        (file_of(node_of(entry_of(), num="!ffffffff")), "« num » is no node"),
        (file_of(node_of()), "« keys » is no list"),
        (file_of(node_of(*[entry_of()] * 21)), "« keys » is no list"),
        (file_of(node_of("key")), "a key is no object"),
        (file_of(node_of(entry_of(public_key="AAAA"))), "« public_key » is no key"),
        (file_of(node_of(entry_of(public_key=7))), "« public_key » is no key"),
        (file_of(node_of(entry_of(public_key=b64encode(bytes(32)).decode()))), "« public_key » is no key"),
        (file_of(node_of(entry_of(public_key=b64encode(bytes(33)).decode()))), "« public_key » is no key"),
        (file_of(node_of(entry_of(state="good"))), "« state » is none of"),
        (file_of(node_of(entry_of(state=["seen"]))), "« state » is none of"),
        (file_of(node_of(entry_of(state="duplicate"))), "« state » is none of"),
        (file_of(node_of(entry_of(fingerprint="1234"))), "« fingerprint » is not that of its key"),
        (file_of(node_of(entry_of(decided_by=7))), "« decided_by » is no text"),
        (file_of(node_of(entry_of(), long_name="x" * 201)), "« long_name » is no text"),
        (file_of(node_of(entry_of(), entry_of())), "it has a key twice"),
        (
            file_of(node_of(entry_of(), entry_of(public_key=b64encode(key(2)).decode()))),
            "it has two keys in use",
        ),
        (file_of(node_of(entry_of()), node_of(entry_of())), "Node 2: !20001eef is there twice"),
        (b" " * (LONGEST + 1), "32 MB"),
    ],
)
def test_an_odd_file_is_refused_with_its_reason(content, reason):
    with pytest.raises(CommandError) as refused:
        from_json(content)
    assert reason in str(refused.value)


def test_a_byte_order_mark_and_unknown_fields_are_taken():
    content = b"\xef\xbb\xbf" + file_of(node_of(entry_of(later="x"), place="home"), note="mine")
    assert [entry.public_key for entry in from_json(content)] == [key(1)]
