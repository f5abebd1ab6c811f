"""Whatever is reported of keys and decided about them, in whatever order: nobody is swapped unseen."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meshbot.nodes.key_states import KeyDecision, KeyState
from meshbot.nodes.operator_trust import OperatorTrust
from meshbot.nodes.trust import MAX_PENDING
from meshbot.runtime.incidents import KeyChangeSource
from meshbot.storage.nodes import Changes, KeySource, KeyStatus, NodeRow, Snapshot
from tests.support.nodes import key

NUMS, SEEDS = st.integers(1, 3), st.integers(1, 5)
SAID = st.sampled_from([KeySource.NODEDB, KeySource.NODEINFO, KeySource.IMPORT])


class Keys(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.trust = OperatorTrust(Snapshot())
        self.written = Changes()
        self.rejected = set()  # pairs of number and key
        self.now = 0

    def kept(self):
        """What has changed since the last look, written down."""
        self.written.update(self.trust.take_unsaved())
        return self.trust.take_incidents()

    @rule(num=NUMS, seed=SEEDS, source=SAID)
    def reported(self, num, seed, source):
        self.now += 1
        before = self.trust.trusted.get(num)
        self.trust.learn(NodeRow(num), key(seed), source, self.now)
        after = self.trust.trusted.get(num)
        incidents = self.kept()
        is_other = before is not None and after.public_key != before.public_key
        if is_other:
            assert (source, before.source) == (KeySource.NODEDB, KeySource.IMPORT)
        assert is_other == any(each.source is KeyChangeSource.RADIO for each in incidents)
        if (num, key(seed)) in self.rejected:
            assert (incidents, after) == ([], before)

    @rule(num=NUMS, seed=SEEDS, decision=st.sampled_from(KeyDecision))
    def decided(self, num, seed, decision):
        self.now += 1
        is_done = self.trust.decide(num, key(seed), decision, "telegram:1", self.now) is not None
        known = self.trust.keys_of(num)
        self.kept()
        if not is_done:
            return
        if decision is KeyDecision.REJECT:
            self.rejected.add((num, key(seed)))
        else:
            self.rejected.discard((num, key(seed)))
            assert (known.trusted.public_key, known.trusted.source) == (key(seed), KeySource.OPERATOR)

    @rule()
    def restarted(self):
        snapshot = Snapshot(nodes=dict(self.written.nodes))
        for row in self.written.keys.values():
            match row.status:
                case KeyStatus.TRUSTED:
                    snapshot.trusted[row.num] = row
                case KeyStatus.PENDING:
                    snapshot.pending.setdefault(row.num, []).append(row)
                case KeyStatus.REVOKED:
                    snapshot.revoked.setdefault(row.num, []).append(row)
        before = [self.trust.keys_of(num) for num in (1, 2, 3)]
        self.trust = OperatorTrust(snapshot)
        for num, known in enumerate(before, 1):
            again = self.trust.keys_of(num)
            assert (again.trusted, again.state, set(again.pending), set(again.revoked)) == (
                known.trusted,
                known.state,
                set(known.pending),
                set(known.revoked),
            )

    @invariant()
    def a_rejected_key_is_neither_trusted_nor_waiting(self):
        for num, public_key in self.rejected:
            known = self.trust.keys_of(num)
            assert known.trusted is None or known.trusted.public_key != public_key
            assert public_key not in {row.public_key for row in known.pending}
            assert public_key in {row.public_key for row in known.revoked}
        assert not self.rejected & {(row.num, public_key) for row, public_key in self.trust.keyed()}

    @invariant()
    def each_key_of_a_node_has_one_state(self):
        for num in (1, 2, 3):
            known = self.trust.keys_of(num)
            keys = [row.public_key for row in (*filter(None, (known.trusted,)), *known.pending, *known.revoked)]
            assert len(keys) == len(set(keys))
            assert len(known.pending) <= MAX_PENDING

    @invariant()
    def the_states_add_up(self):
        states = self.trust.states()
        trusted = sum(count for state, count in states.items() if state not in {KeyState.CHANGED, KeyState.REVOKED})
        assert trusted == len(self.trust.trusted)


TestKeys = Keys.TestCase
TestKeys.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
