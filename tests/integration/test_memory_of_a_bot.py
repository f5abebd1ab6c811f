"""The real bot beside a virtual node whose users chatter: what the node hears is what the bot remembers."""

import pytest

from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from meshbot.storage.traffic import By
from tests.support.bot import RunningBot
from tests.support.configured import make_memory, make_node_manager
from tests.support.listening import Listening, is_fully_known

KINDS = {1, 3, 4, 67, 71}  # text, position, nodeinfo, telemetry, neighborinfo


@pytest.fixture
def node(new_node):
    with new_node(nodes=12, chatter=40.0) as virtual_node:
        yield virtual_node


def kinds(memory):
    return {share.key for share in memory.traffic(1, By.PORT).shares}


def test_all_that_is_heard_is_remembered_and_survives_the_bot(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock) as running:
        memory = running.bot.memory
        # the database is opened beside the link
        running.wait_ready()
        listening = Listening(memory)
        listening.wait_until(lambda: kinds(memory) >= KINDS and memory.neighbours_of(None, 1))
        listening.wait_until(lambda: any(is_fully_known(memory, near.num) for near in memory.direct_nodes(3600)))
        user = node.users[0]
        (found,) = memory.find_nodes(f"!{user.num:08x}")
        assert found.long_name == user.long_name
        assert found.has_key == bool(user.public_key)
    heard = memory.totals(1)
    database = open_database(tmp_path, clock)
    again = make_memory(database, make_node_manager(NodeStore(database), clock), clock, lambda: node.num)
    assert again.totals(1) == heard
    assert again.node(user.num).last_heard == memory.node(user.num).last_heard
    assert {link.heard for link in again.neighbours_of(None, 1)} == {
        link.heard for link in memory.neighbours_of(None, 1)
    }
    for each in (database, running.bot._database):  # the bot's memory opened its own again when asked
        each.close()
