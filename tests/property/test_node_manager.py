"""Any sequence of what a mesh can do: the rules of trust hold, the sync never raises."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.packets import KEY_BYTES, NodeRecord
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from node_manager import NodeManager
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import BareInterface, key, name_of, text_of

NUMS = st.sampled_from([0x20001EEF, 0x20001EF0, 0x66666666, 7])
KEYS = st.one_of(st.just(b""), st.sampled_from([key(seed) for seed in range(1, 6)]), st.binary(max_size=40))
NAMES = st.text(st.characters(), max_size=12)  # lone surrogates included
RECORDS = st.builds(NodeRecord, st.one_of(NUMS, st.integers(-2, 1 << 33)), NAMES, NAMES, public_key=KEYS)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("nodedb"), st.lists(RECORDS, max_size=4)),
        st.tuples(st.just("nodeinfo"), RECORDS),
        st.tuples(st.just("imported"), RECORDS),
        st.tuples(st.just("operator"), RECORDS),
        st.tuples(st.just("packet"), st.tuples(NUMS, NUMS, KEYS)),
        st.tuples(st.just("sync"), st.booleans()),
        st.tuples(st.just("reconnect"), st.none()),
    ),
    max_size=25,
)


class Mesh:
    """Plays events on a manager and keeps the rules beside it."""

    def __init__(self, folder: Path, store: NodeStore | None) -> None:
        self.folder = folder
        self.manager = make_node_manager(store, FakeClock())
        self.interface = BareInterface()
        self.nums: set[int] = set()

    def play(self, kind, what):
        before = {num: self.manager.public_key(num) for num in self.nums}
        getattr(self, kind)(what)
        for num, known in before.items():
            after = self.manager.public_key(num)
            assert known is None or after is not None, "a key was lost"
            confirmed = {
                "nodedb": lambda num=num: {each.public_key for each in what if each.num == num},
                "operator": lambda: {what.public_key},
            }.get(kind, set)()
            assert known is None or after == known or after in confirmed, f"{kind} replaced a key"
        for num in self.nums:
            known = self.manager.public_key(num)
            assert known is None or (len(known) == KEY_BYTES and any(known))

    def nodedb(self, records):
        self.nums.update(each.num for each in records)
        self.manager.learn_from_node_database(records)

    def nodeinfo(self, record):
        self.nums.add(record.num)
        self.manager.learn_from_nodeinfo(record)

    def operator(self, record):
        self.nums.add(record.num)
        self.manager.confirm_key(record.num, record.public_key)

    def imported(self, record):
        self.nums.add(record.num)
        entry = {"name": record.long_name, "publicKey": record.public_key.hex()}
        path = self.folder / "node_names.json"
        path.write_text(json.dumps({str(record.num): entry, "x": None}), encoding="utf-8")
        self.manager.import_node_names(path)

    def packet(self, what):
        """The library takes a NODEINFO in, whose id may be another node's."""
        sender, claimed, public_key = what
        user = {"publicKey": text_of(public_key)} if public_key else {}
        self.interface.hear(sender, id=f"!{claimed:08x}", **user)
        self.nodeinfo(NodeRecord(sender, public_key=public_key))

    def reconnect(self, _what):
        self.interface = BareInterface()

    def sync(self, force):
        injected = self.manager.sync_pubkeys_to_interface(self.interface, force)
        keyed = {num: known for num in self.nums if (known := self.manager.public_key(num))}
        assert 0 <= injected <= len(keyed)
        for num, known in keyed.items():
            node = self.interface.nodes[f"!{num:08x}"]
            assert node is self.interface.nodesByNum[num], "two objects for one node"
            assert node["num"] == num
            assert node["user"]["publicKey"] == text_of(known)
            assert node["user"]["id"] == f"!{num:08x}"


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_whatever_the_mesh_sends_keys_are_kept_trusted_and_synced(events):
    with tempfile.TemporaryDirectory() as folder:
        mesh = Mesh(Path(folder), None)
        for kind, what in events:
            mesh.play(kind, what)


@settings(max_examples=25, deadline=None)
@given(EVENTS)
def test_whatever_the_mesh_sends_a_restart_knows_the_same(events):
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder), FakeClock())
        mesh = Mesh(Path(folder), NodeStore(database))
        for kind, what in events:
            mesh.play(kind, what)
        again = make_node_manager(NodeStore(database), FakeClock())
        assert mesh.manager.flush()
        assert again.counts() == mesh.manager.counts()
        assert again.pending_keys() == mesh.manager.pending_keys()
        assert {num: (name_of(again, num), again.public_key(num)) for num in mesh.nums} == {
            num: (name_of(mesh.manager, num), mesh.manager.public_key(num)) for num in mesh.nums
        }
        database.close()


class Hostile:
    """Nodes that are anything, or raise."""

    def __init__(self, nodes, by_num):
        self._nodes = nodes
        self.nodesByNum = by_num

    @property
    def nodes(self):
        if isinstance(self._nodes, Exception):
            raise self._nodes
        return self._nodes


JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["user", "num", "id", "publicKey", "!00000007", 7]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(JUNK | st.just(ConnectionError("Connection lost")), JUNK, st.booleans())
def test_sync_never_raises_whatever_the_interface_holds(nodes, by_num, force):
    manager = NodeManager(None, FakeClock())
    manager.learn_from_node_database([NodeRecord(7, public_key=key(1))])
    assert manager.sync_pubkeys_to_interface(Hostile(nodes, by_num), force) in {0, 1}
