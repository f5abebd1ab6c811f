"""Which nodes are forgotten when there is no room."""

import pytest

from meshbot.nodes.eviction import NodeActivity, to_evict
from meshbot.storage.nodes import KeyRow, KeySource, KeyStatus, NodeRow
from meshbot.storage.packet_rows import DAY
from tests.support.nodes import key

NOW = 20_000 * DAY
NODEDB, NODEINFO, IMPORT, OPERATOR = KeySource.NODEDB, KeySource.NODEINFO, KeySource.IMPORT, KeySource.OPERATOR


def nodes(*nums):
    return {num: NodeRow(num, last_update=NOW) for num in nums}


def trusted(**sources):
    """Keys by `n5=NODEINFO`."""
    nums = {int(name[1:]): source for name, source in sources.items()}
    return {num: KeyRow(num, key(num), source, KeyStatus.TRUSTED, NOW, NOW) for num, source in nums.items()}


def order(keys, heard, count=9):
    return to_evict(nodes(1, 2, 3, 4), keys, NodeActivity(heard), count)


def test_one_packet_alone_goes_before_any_acquaintance():
    heard = {1: (NOW - 9 * DAY, NOW - 8 * DAY), 2: (NOW, NOW), 3: (NOW - 60, NOW), 4: (NOW - 3 * DAY, NOW)}
    assert order({}, heard) == [2, 3, 1, 4]


def test_among_equals_those_without_a_key_then_those_of_packets_go_first():
    assert order(trusted(n1=NODEDB, n2=NODEINFO), dict.fromkeys(range(1, 5), (NOW, NOW))) == [3, 4, 2, 1]


def test_newcomers_of_one_packet_have_all_the_same_time():
    assert order({}, {1: (NOW, NOW), 2: (NOW - 5, NOW - 5), 3: (NOW - 9, NOW - 9), 4: (NOW, NOW)}, 2) == [3, 2]


@pytest.mark.parametrize("source", [IMPORT, OPERATOR])
def test_a_key_that_somebody_vouched_for_stays(source):
    assert order(trusted(n1=source, n2=source, n3=source), {}) == [4]


def test_nodes_with_mail_or_a_role_stay():
    assert to_evict(nodes(1, 2, 3), {}, NodeActivity(kept={1, 3}), 9) == [2]
