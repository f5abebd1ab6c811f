"""A group's messages while the link is down: they go on air in order, once; the real bot over the virtual node."""

import random
from itertools import pairwise

import pytest

from meshbot.commands.language import translator
from meshbot.sending.outgoing import TelegramOrigin
from meshbot.sending.receipts import NO_LINK, DeliveryStatus
from meshbot.telegram_bot.bridge import Bridge, BridgeRule
from meshbot.telegram_bot.models import Chat
from meshbot.virtual_node.packets import BROADCAST_NUM
from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 120.0
GROUP = Chat(-1001234567890, 5)
MESSAGES = 100


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


class Group:
    """A bridged Telegram group: the messages written there, and the delivery statuses of each."""

    def __init__(self, running):
        self.bridge = Bridge([BridgeRule(1, GROUP)], 400, lambda _message: False)
        self.statuses = {}
        self.written = []
        self._bot = running.bot
        self._bot._reports.route(TelegramOrigin, self._on_report)

    def write(self, count):
        for n in range(1, count + 1):
            # every tenth message takes two packets
            words = "mot " * (60 if n % 10 == 0 else 3)
            message = self.bridge.to_mesh(GROUP, n, "Léa", f"{n:03} {words}", translator("en"))
            self.written.append(message)
            self._bot._sender.tell(message)

    def ended(self):
        return sum(
            statuses[-1] in {DeliveryStatus.RELAYED, DeliveryStatus.UNANSWERED} for statuses in self.statuses.values()
        )

    def _on_report(self, report):
        self.statuses.setdefault(report.message.origin, []).append(
            report.reason if report.status is DeliveryStatus.QUEUED else report.status
        )


def on_air(node):
    """What went on air, once per packet id, in the order of its first time, and how often each went."""
    times = {}
    for sent in node.transmitted:
        if sent.to == BROADCAST_NUM and sent.text:
            times.setdefault((sent.packet.id, sent.text), []).append(sent.at)
    return times


def text_on_air(node):
    return "".join(text.partition(") ")[2] if text.startswith("(") else text for _, text in on_air(node))


@pytest.mark.parametrize("restart", [False, True])
def test_messages_written_without_a_link_are_sent_in_order_once(node, clock, tmp_path, restart):
    node.fault("refuse")
    with RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
        group = Group(running)
        group.write(MESSAGES)
        node.wait_until(lambda: len(group.statuses) == MESSAGES, PATIENCE)
        assert set(map(tuple, group.statuses.values())) == {(NO_LINK,)}
        if not restart:
            node.heal()
            node.wait_until(lambda: group.ended() == MESSAGES, PATIENCE)
    if restart:
        node.heal()
        with RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
            again = Group(running)
            node.wait_until(lambda: again.ended() == MESSAGES, PATIENCE)
    assert text_on_air(node) == "".join(message.text for message in group.written)
    times = [at for each in on_air(node).values() for at in each]
    assert len(times) == len(on_air(node)), "on air twice"
    assert min(later - earlier for earlier, later in pairwise(times)) >= 2.0
    if not restart:
        assert set(map(tuple, group.statuses.values())) == {(NO_LINK, DeliveryStatus.ACCEPTED, DeliveryStatus.RELAYED)}


def test_messages_stay_in_order_and_single_through_link_cuts(node, clock, tmp_path):
    rng = random.Random(5)
    with RunningBot(node.port, tmp_path, clock, **UNHURRIED) as running:
        running.wait_ready()
        group = Group(running)
        group.write(25)
        for after in (3, 8, 13, 18):
            node.wait_until(lambda after=after: len(on_air(node)) >= after, PATIENCE)
            node.fault("cut_at_text", packets=1, taken=rng.randrange(2))
        node.wait_until(lambda: group.ended() == 25, PATIENCE)
    assert text_on_air(node) == "".join(message.text for message in group.written)
    assert [len(times) for times in on_air(node).values()] == [1] * len(on_air(node))
