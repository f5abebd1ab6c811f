"""The real bot beside a node whose users chatter, asked over the radio what it remembers of them."""

import re

import pytest

from meshbot.virtual_node.server import VirtualNode
from tests.support.autojump import AutojumpClock
from tests.support.bot import RunningBot
from tests.support.listening import Listening, is_fully_known
from tests.support.waiting import PATIENCE


@pytest.fixture(scope="module")
def clock():
    with AutojumpClock() as jumping:
        yield jumping


@pytest.fixture(scope="module")
def node(clock):
    with VirtualNode(nodes=12, chatter=40.0, clock=clock, new_selector=clock.new_selector) as virtual_node:
        yield virtual_node


@pytest.fixture(scope="module")
def running(node, tmp_path_factory, clock):
    """A bot that has heard every kind of packet, from direct nodes too."""
    with RunningBot(node.port, tmp_path_factory.mktemp("data"), clock, language="en") as bot:
        memory = bot.bot.memory
        listening = Listening(memory)
        listening.wait_until(lambda: any(is_fully_known(memory, near.num) for near in memory.direct_nodes(3600)))
        listening.wait_until(lambda: memory.neighbours_of(None, 1) and memory.longest_links(1, 1))
        yield bot


@pytest.fixture(scope="module")
def answer(running, node):
    """Ask as a user does; return the first part of the answer."""

    def ask(question, user=node.users[0]):
        packet_id = node.hear_text(user.num, question)
        return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE).text

    return ask


def test_nodes_lists_the_nodes_heard_directly(answer):
    head, *lines = answer("/nodes").splitlines()
    assert head.startswith("📡 Direct nodes in 3 days: ")
    assert lines
    assert all(re.fullmatch(r".+ -?\d+\.\d+dB \d+(s|min)", line) for line in lines)


def test_info_describes_a_node(answer, node):
    user = node.users[1]
    text = answer(f"/info {user.num:x}")
    assert f"{user.long_name} ({user.short_name}) !{user.num:08x}\n{user.hw_model} {user.role}\n" in text
    assert ("key known" in text) == bool(user.public_key)


def test_my_shows_the_asker_s_signal(answer, node):
    user = next(each for each in node.users if not each.hops)
    head, line = answer("/my", user).splitlines()
    assert re.fullmatch(r"📶 You, 24h: packets \d+, direct \d+", head)
    assert line.startswith(f"<6h: {user.snr:.1f}dB ")


def test_stats_has_every_topic(answer):
    assert re.match(r"📊 24h: packets \d+ \(\d+\.\dkB\), nodes \d+\ndirect \d+%", answer("/stats"))
    assert "position: " in answer("/stats packets")
    assert "channel 0: " in answer("/stats channel 2")
    assert "█" in answer("/stats histo")


def test_neighbors_lists_the_links(answer, node):
    direct = next(user for user in node.users if not user.hops)
    assert re.match(r"👂 Who hears whom, 24h:\n.+ ← .+ -?\d+\.\d+dB", answer("/neighbors"))
    assert re.match(r"👂 .+, 24h \(← hears, → is heard by\):\n.+ [←→] -?\d", answer(f"/neighbors {direct.num:x}"))


def test_propag_lists_the_longest_links(answer):
    head, longest, *_ = answer("/propag").splitlines()
    assert head == "📏 Longest links in 24h:"
    assert re.fullmatch(r"\d+(\.\d)?k?m .+ → .+ -?\d+\.\d+dB", longest)
