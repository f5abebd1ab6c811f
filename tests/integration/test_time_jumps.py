"""The real bot while a clock jumps by a day, its own or its node's: commands are answered, lost keys come back."""

import pytest

from meshbot.mesh_link.packet_router import KEPT_FOR
from tests.support.bot import UNHURRIED, RunningBot

PATIENCE = 60.0
DAY = 86400.0
JUMPS = [(side, sign) for side in ("bot", "node") for sign in (1, -1)]


@pytest.fixture
def node(new_node):
    with new_node(nodes=12, firmware_version="2.8.0") as virtual_node:
        yield virtual_node


@pytest.fixture
def users(node):
    return [user for user in node.users if user.public_key]


@pytest.fixture
def running(node, users, tmp_path, clock):
    settings = {**UNHURRIED, "admin_nodes": (users[0].node_id,), "language": "en"}
    with RunningBot(node.port, tmp_path, clock, **settings) as bot:
        bot.wait_ready()
        bot.log.wait_for("🗝️ Clés publiques dans la radio: ")
        pass_time(node, clock, KEPT_FOR + 1)
        yield bot


def pass_time(node, clock, seconds):
    end = clock.monotonic() + seconds
    node.wait_until(lambda: clock.monotonic() > end, PATIENCE)


def jump(node, clock, side, sign):
    if side == "bot":
        clock.jump(sign * DAY)
    else:
        node.fault("step_clock", seconds=DAY, backwards=int(sign < 0))


def answer(node, user, question="/ping"):
    packet_id = node.hear_text(user.num, question)
    return node.wait_for(lambda sent: sent.reply_id == packet_id, PATIENCE).text


@pytest.mark.parametrize(("side", "sign"), JUMPS)
def test_commands_are_answered_after_a_jump_of_a_day(running, node, users, clock, side, sign):
    answer(node, users[0])
    jump(node, clock, side, sign)
    for _ in range(2):
        assert answer(node, users[1])
        assert answer(node, users[0], "/keys")
    node.fault("drop")
    running.wait_ready(2)
    assert answer(node, users[1])
    assert not running.log.matching("Traceback|❌")


@pytest.mark.parametrize(("side", "sign"), JUMPS)
def test_a_lost_key_comes_back_after_a_jump_of_a_day(running, node, users, clock, side, sign):
    user = users[1]
    answer(node, user)
    # What is still on its way to it would have the radio know the user again
    pass_time(node, clock, 10.0)
    jump(node, clock, side, sign)
    running.bot.interface.administration.remove_node(0, user.num)
    node.wait_until(lambda: node.node_info(user.num) is None, PATIENCE)
    node.fault("drop")
    running.wait_ready(2)
    running.log.wait_for(f"🗝️ !{user.num:08x} est prié de se présenter")
    node.wait_until(lambda: node.node_info(user.num) is not None, PATIENCE)
    assert answer(node, user)
