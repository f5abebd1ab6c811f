"""The real bot over the virtual node: what a group writes while the link is down goes on air in order, once."""

import random
from itertools import pairwise

import pytest

from commands.language import translator
from mesh_link.outgoing import NO_LINK, Fate
from telegram_bot.bridge import Bridge, BridgeRule
from telegram_bot.posts import Chat
from tests.support.bot import UNHURRIED, RunningBot
from virtual_node.packets import BROADCAST_NUM

PATIENCE = 120.0
GROUP = Chat(-1001234567890, 5)
MESSAGES = 100


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


class Group:
    """A Telegram group, as far as its bridge is concerned: what is written there, and each message's fates."""

    def __init__(self, running):
        self.bridge = Bridge([BridgeRule(1, GROUP)], 400, translator("en"))
        self.told = {}
        self.written = []
        self._bot = running.bot
        self._bot._fates.route("telegram", self._fate)

    def write(self, count):
        for n in range(1, count + 1):
            words = "mot " * (60 if n % 10 == 0 else 3)  # every tenth takes two packets
            message = self.bridge.to_mesh(GROUP, n, "Léa", f"{n:03} {words}", 0.0)
            self.written.append(message)
            self._bot.send_text(message)

    def ended(self):
        return sum(fates[-1] in {Fate.RELAYED, Fate.UNANSWERED} for fates in self.told.values())

    def _fate(self, outcome):
        self.told.setdefault(outcome.message.origin, []).append(
            outcome.reason if outcome.fate is Fate.QUEUED else outcome.fate
        )


def on_air(node):
    """What went on air, once per packet id, in the order of its first time, and how often each went."""
    times = {}
    for sent in node.transmitted:
        if sent.to == BROADCAST_NUM and sent.text:
            times.setdefault((sent.packet.id, sent.text), []).append(sent.at)
    return times


def joined(node):
    return "".join(text.partition(") ")[2] if text.startswith("(") else text for _, text in on_air(node))


@pytest.mark.parametrize("restart", [False, True])
def test_a_hundred_messages_written_without_a_link_go_in_order_and_none_twice(node, clock, tmp_path, restart):
    node.fault("refuse")
    with RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
        group = Group(running)
        group.write(MESSAGES)
        node.wait_until(lambda: len(group.told) == MESSAGES, PATIENCE)
        assert set(map(tuple, group.told.values())) == {(NO_LINK,)}
        if not restart:
            node.heal()
            node.wait_until(lambda: group.ended() == MESSAGES, PATIENCE)
    if restart:
        node.heal()
        with RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
            again = Group(running)
            node.wait_until(lambda: again.ended() == MESSAGES, PATIENCE)
    assert joined(node) == "".join(message.text for message in group.written)
    times = [at for each in on_air(node).values() for at in each]
    assert len(times) == len(on_air(node)), "on air twice"
    assert min(later - earlier for earlier, later in pairwise(times)) >= 2.0
    if not restart:
        assert set(map(tuple, group.told.values())) == {(NO_LINK, Fate.ACCEPTED, Fate.RELAYED)}


def test_through_cuts_of_the_link_a_conversation_keeps_its_order_and_says_nothing_twice(node, clock, tmp_path):
    rng = random.Random(5)
    with RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
        running.wait_ready()
        group = Group(running)
        group.write(25)
        for after in (3, 8, 13, 18):
            node.wait_until(lambda after=after: len(on_air(node)) >= after, PATIENCE)
            node.fault("cut_at_text", packets=1, taken=rng.randrange(2))
        node.wait_until(lambda: group.ended() == 25, PATIENCE)
    assert joined(node) == "".join(message.text for message in group.written)
    assert [len(times) for times in on_air(node).values()] == [1] * len(on_air(node))
