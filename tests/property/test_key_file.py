"""Whatever file is imported: its keys, or a clear refusal, and never a key in place of a trusted one."""

import json

from hypothesis import given
from hypothesis import strategies as st

from meshbot.cli.errors import CommandError
from meshbot.cli.key_file import from_json, to_json
from meshbot.commands.language import translator
from meshbot.nodes.key_import import KeyEntry, import_keys
from meshbot.nodes.key_states import KeyState
from meshbot.nodes.operator_trust import OperatorTrust
from meshbot.storage.nodes import KeyRow, KeySource, NodeRow, Snapshot
from tests.support.nodes import key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NUMS = st.integers(1, 4)
SEEDS = st.integers(1, 5)
ENTRIES = st.lists(
    st.builds(
        KeyEntry,
        st.builds(NodeRow, NUMS),
        SEEDS.map(key),
        st.sampled_from([KeyState.SEEN, KeyState.VERIFIED, KeyState.CHANGED, KeyState.REVOKED]),
    ),
    max_size=12,
)
LEARNT = st.lists(st.tuples(NUMS, SEEDS, st.sampled_from(KeySource)), max_size=8)


def read(content):
    """The keys, or a reason in both languages."""
    try:
        return from_json(content)
    except CommandError as exc:
        refusal = exc
    assert refusal.translated(translator("fr"))
    assert refusal.translated(translator("en")) == str(refusal)
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_keys_or_refused(content):
    read(content)


@given(JSON, st.sampled_from(["nodes", "version", "format"]))
def test_any_json_is_keys_or_refused(value, name):
    read(json.dumps({"format": "meshbot-keys", "version": 1, "nodes": [], name: value}).encode())


@given(st.data())
def test_an_export_with_one_value_replaced_is_keys_or_refused(data):
    row = KeyRow(7, key(1), KeySource.NODEDB, "trusted", 1, 2)
    document = json.loads(to_json([(NodeRow(7, "Alice"), [row])]))
    node = document["nodes"][0]
    owner = data.draw(st.sampled_from([document, node, node["keys"][0]]))
    owner[data.draw(st.sampled_from(sorted(owner)))] = data.draw(JSON)
    read(json.dumps(document).encode())


@given(LEARNT, ENTRIES)
def test_an_import_never_replaces_a_trusted_key_nor_trusts_a_revoked_one(learnt, entries):
    trust = OperatorTrust(Snapshot())
    for num, seed, source in learnt:
        trust.learn(NodeRow(num), key(seed), source, 1)
    before = {num: (row.public_key, row.source) for num, row in trust.trusted.items()}
    pending = {num: {row.public_key for row in rows} for num, rows in trust.pending.items()}
    results = import_keys(trust, entries, 2)
    assert sum(map(len, results.values())) == len(entries)
    after = {num: (row.public_key, row.source) for num, row in trust.trusted.items()}
    assert before.items() <= after.items()
    revoked = {(row.num, row.public_key) for row in trust.revoked}
    for num, keys in pending.items():
        assert keys <= {row.public_key for row in trust.pending.get(num, ())} | {
            each for one, each in revoked if one == num
        }
    assert not revoked & {(num, public_key) for num, (public_key, _source) in after.items()}


@given(LEARNT)
def test_an_export_imports_into_an_empty_bot_as_it_was(learnt):
    trust, other = OperatorTrust(Snapshot()), OperatorTrust(Snapshot())
    for num, seed, source in learnt:
        trust.learn(NodeRow(num), key(seed), source, 1)
    rows = {num: trust.keys_of(num) for num in trust.nodes}
    exported = to_json((trust.nodes[num], [known.trusted, *known.pending]) for num, known in rows.items())
    import_keys(other, from_json(exported.encode()), 2)
    assert {num: row.public_key for num, row in other.trusted.items()} == {
        num: row.public_key for num, row in trust.trusted.items()
    }
    assert {num: {row.public_key for row in waiting} for num, waiting in other.pending.items()} == {
        num: {row.public_key for row in waiting} for num, waiting in trust.pending.items()
    }
