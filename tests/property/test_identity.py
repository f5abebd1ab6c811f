"""Whatever the mesh sends, and in whatever order: numbers are joined by a proof alone, and nothing is lost by it."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.commands.access import Access
from meshbot.commands.rate_limit import RateLimiter
from meshbot.commands.roles import Role
from meshbot.mesh_link.messages import BROADCAST_NUM, PacketRecord, RadioMetadata, ReceivedText, TextMessage
from meshbot.nodes.identity import SILENCE, number_of
from meshbot.runtime.incidents import KeyShared
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.configured import make_memory, make_node_manager, make_roles, replay_guards
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, key, record

OWN = 0x9999
KEYS = [key(1), key(2)]
# Of each key the number that firmware 2.8 makes of it, beside those that earlier firmware gave
NUMS = [ALICE, BOB, CAROL, *map(number_of, KEYS)]
NUM, KEY = st.sampled_from(NUMS), st.sampled_from(KEYS)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("nodeinfo"), NUM, KEY),
        st.tuples(st.just("nodedb"), NUM, KEY),
        st.tuples(st.just("operator"), NUM, KEY),
        st.tuples(st.just("packet"), NUM, st.booleans()),
        st.tuples(st.just("replay"), NUM, st.booleans()),
        # who has the private key sends under the number that was made of it, or under any
        st.tuples(st.just("pki"), NUM, KEY),
        st.tuples(st.just("wait"), st.sampled_from([1, SILENCE, 4000]), st.none()),
        # in order, or killed before the last changes were written
        st.tuples(st.just("restart"), st.booleans(), st.none()),
    ),
    max_size=30,
)


class Mesh:
    """A bot's memory of nodes, and beside it what was proven and heard."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.clock, self._stack = FakeClock(), stack
        self.database = open_database(folder, self.clock)
        stack.callback(self.database.close)
        self.incidents: list[object] = []
        self._ids = iter(range(1, 10**6))
        self.proven: dict[tuple[int, bytes], int] = {}
        self.heard: dict[int, int] = {}
        self.restart()
        for num in (ALICE, BOB, CAROL):
            self.memory.mailbox.send(OWN, num, f"for {num:x}")

    def restart(self, is_orderly: object = None, _: object = None) -> None:
        if is_orderly:
            self.manager.flush(last=True)
        self.manager = make_node_manager(NodeStore(self.database), self.clock, self.incidents.append)
        self.memory = make_memory(self.database, self.manager, self.clock, lambda: OWN)
        roles = make_roles(admins=frozenset({ALICE}))
        self.access = Access(roles, self.manager, RateLimiter(0, 1.0), *replay_guards())

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp())

    def nodeinfo(self, num: int, public_key: bytes) -> None:
        self.manager.learn_from_nodeinfo(record(num, public_key, long_name=f"{num:x}"))

    def nodedb(self, num: int, public_key: bytes) -> None:
        self.manager.learn_from_node_database([record(num, public_key)])

    def operator(self, num: int, public_key: bytes) -> None:
        self.manager.confirm_key(num, public_key)

    def packet(self, num: int, via_mqtt: object = None) -> None:
        reception = RadioMetadata(rx_time=self.now, via_mqtt=bool(via_mqtt))
        self.manager.hear(PacketRecord(next(self._ids), num, BROADCAST_NUM, 0, 3, 9, None, reception))
        if not via_mqtt:
            self.heard[num] = self.now

    def replay(self, num: int, is_ours: object) -> None:
        """The radio's own, or a node that answers for another one."""
        packet = PacketRecord(next(self._ids), num, BROADCAST_NUM, 0, 3, 9, None, RadioMetadata(), is_replay=True)
        answer = PacketRecord(next(self._ids), num, OWN, 0, 4, 9, None, RadioMetadata())
        self.manager.hear(packet if is_ours else answer)

    def pki(self, num: int, public_key: bytes) -> None:
        self.manager.hear_text(ReceivedText(self.message(num, public_key), OWN))
        self.proven[num, public_key] = self.heard[num] = self.now

    def wait(self, seconds: int, _: object) -> None:
        self.clock.advance(seconds)

    def message(self, num: int, public_key: bytes = b"") -> TextMessage:
        return TextMessage(next(self._ids), num, OWN, 0, "/x", pki_encrypted=bool(public_key), public_key=public_key)

    def check(self) -> None:
        moved = dict(self.manager.moved)
        for old, new in moved.items():
            trusted = self.manager.public_key(old)
            assert trusted == self.manager.public_key(new)
            assert new == number_of(trusted or b"")
            assert (new, trusted) in self.proven, "joined without a proof"
        assert not moved.keys() & moved.values()
        assert len(set(moved.values())) == len(moved), "two old numbers are one"
        admins = {
            num
            for num in NUMS
            for each in (*KEYS, b"")
            if self.access.user_of(self.message(num, each)).role is Role.ADMIN
        }
        assert admins <= {ALICE, moved.get(ALICE, ALICE)}
        for num in (ALICE, BOB, CAROL):
            mails = self.memory.mailbox.mails_of(num)
            assert f"for {num:x}" in [mail.text for mail in mails], "a letter was lost"
            may_read = {each.recipient for each in mails}
            assert may_read <= {*self.manager.numbers(num)}, "a letter leaked"
            assert (num not in moved) <= (len(self.manager.numbers(num)) == 1 or num in moved.values())
        views = [view.num for num in NUMS if (view := self.memory.node(num))]
        assert not set(views) & moved.keys()


@settings(max_examples=30)
@given(EVENTS)
def test_no_order_of_events_joins_loses_or_leaks(events):
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        mesh = Mesh(Path(folder), stack)
        for kind, what, detail in events:
            getattr(mesh, kind)(what, detail)
            mesh.check()


@settings(max_examples=20)
@given(EVENTS, st.permutations(["nodeinfo", "nodedb", "pki"]))
def test_whatever_was_before_a_silent_upgrade_is_followed(events, order):
    """The old number has its key by the operator's word; the new one is met in any order."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        mesh, new = Mesh(Path(folder), stack), number_of(KEYS[0])
        for kind, what, detail in events:
            getattr(mesh, kind)(what, detail)
        # all others have keys of their own
        for num, seed in ((BOB, 7), (CAROL, 8)):
            mesh.operator(num, key(seed))
        mesh.operator(number_of(KEYS[1]), KEYS[1])
        mesh.operator(ALICE, KEYS[0])
        mesh.operator(new, KEYS[0])
        mesh.wait(4000, None)
        for kind in order:
            getattr(mesh, kind)(new, KEYS[0])
        mesh.pki(new, KEYS[0])
        assert mesh.manager.moved == {ALICE: new}
        assert mesh.access.user_of(mesh.message(new, KEYS[0])).role is Role.ADMIN
        assert [mail.text for mail in mesh.memory.mailbox.mails_of(new)] == [f"for {ALICE:x}"]
        mesh.restart("orderly")
        mesh.check()
        assert mesh.manager.moved == {ALICE: new}
        # the old number speaks again: all is as it was
        mesh.wait(4000, None)
        mesh.packet(ALICE)
        mesh.check()
        assert mesh.manager.moved == {}
        assert mesh.access.user_of(mesh.message(new, KEYS[0])).role is not Role.ADMIN
        assert mesh.memory.mailbox.mails_of(new) == []
        assert [mail.text for mail in mesh.memory.mailbox.mails_of(ALICE)] == [f"for {ALICE:x}"]


def test_of_1000_impostors_none_is_adopted_and_each_upgrade_is(tmp_path):
    """Half of the victims are away, the others are alive; then all of them upgrade, without an alarm."""
    with ExitStack() as stack:
        mesh = Mesh(tmp_path, stack)
        keys = [key(seed) for seed in range(100, 1100)]
        olds = {public_key: 0x30000000 + count for count, public_key in enumerate(keys)}
        mesh.manager.learn_from_node_database([record(num, each, long_name=f"N{num:x}") for each, num in olds.items()])
        mesh.wait(4000, None)
        impostors = [record(number_of(each), each, long_name=f"N{num:x}") for each, num in olds.items()]
        mesh.manager.learn_from_nodeinfos(impostors)
        mesh.wait(4000, None)
        assert (mesh.manager.moved, mesh.incidents) == ({}, [])
        alive, away = keys[::2], keys[1::2]
        for each in alive:
            mesh.packet(olds[each])
        assert len([each for each in mesh.incidents if isinstance(each, KeyShared)]) == len(alive)
        for each in keys:
            user = mesh.access.user_of(mesh.message(number_of(each)))
            assert user.auth_failure is not None
        assert mesh.manager.moved == {}

        mesh.wait(4000, None)
        mesh.incidents.clear()
        for each in (*alive, *away):
            mesh.pki(number_of(each), each)
        assert len(mesh.manager.moved) == len(keys)
        assert mesh.incidents == []
        assert {view.former_numbers for each in keys if (view := mesh.memory.node(olds[each]))} == {
            (num,) for num in olds.values()
        }
