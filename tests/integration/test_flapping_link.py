"""A link that is lost again and again, or only slow: the real bot, the virtual node, and a clock that jumps."""

import re
import threading

import pytest

from tests.support.bot import READY, UNHURRIED, RunningBot

DEFAULTS = UNHURRIED | {"tcp_probe_after": 5, "tcp_probe_timeout": 6, "tcp_stable_after": 10, "tcp_close_timeout": 1}
FLAPPING = 3.0  # seconds from READY to the next fault
SLOW = 375.0  # bytes/s: 3 kbit/s


@pytest.fixture
def node(new_node):
    with new_node(nodes=12) as virtual_node:
        yield virtual_node


@pytest.fixture
def running(node, tmp_path, clock):
    with RunningBot(node.port, tmp_path, clock, **DEFAULTS) as bot:
        bot.wait_ready()
        yield bot


def pause(clock, seconds):
    """Let so much time pass."""
    until = clock.monotonic() + seconds
    done = threading.Condition()
    with done:
        clock.wait_for(done, lambda: clock.monotonic() >= until, seconds)


def back_after(running, node, clock, fault, **params):
    """Cause the fault a little after READY; return the seconds until the next one, from the node's return."""
    pause(clock, FLAPPING)
    ready = len(running.log.matching(READY))
    node.fault(fault, **params)
    begun = clock.monotonic() + params.get("seconds", 0.0)
    running.log.wait_for(READY, ready + 1)
    return clock.monotonic() - begun


def test_four_faults_in_a_row_cost_what_each_costs_alone(running, node, clock):
    assert back_after(running, node, clock, "drop") <= 2
    assert back_after(running, node, clock, "reset") <= 2
    assert back_after(running, node, clock, "reboot", seconds=5.0) <= 3
    assert back_after(running, node, clock, "mute", connections=1) <= 22
    assert not running.log.matching("autre client")


@pytest.mark.parametrize("seconds", [0.05, 5.0, 20.0])
def test_reboots_in_a_row_are_met_on_the_node_s_return(running, node, clock, seconds):
    for _ in range(6):
        assert back_after(running, node, clock, "reboot", seconds=seconds) <= 3
    assert not running.log.matching("autre client")


def test_a_link_that_freezes_repeatedly_is_replaced_in_22_s(running, node, clock):
    for _ in range(4):
        assert back_after(running, node, clock, "mute", connections=1) <= 22
    assert not running.log.matching("autre client")


def test_a_rival_is_named_and_left_the_node_for_longer(running, node, clock):
    node.fault("rival_client", every=2.0)
    running.log.wait_for("⚠️ 3 liens perdus de suite: un autre client prend sans doute le nœud")
    running.log.wait_for(r"Lien TCP perdu: fermé par le nœud; nouvel essai dans 1[3-6]\.\d s")


@pytest.mark.parametrize("every", [7.0, 20.0])
def test_a_rival_that_comes_back_more_slowly_is_named_too(running, node, clock, every):
    node.fault("rival_client", every=every)
    running.log.wait_for("⚠️ 5 liens perdus de suite: un autre client prend sans doute le nœud")


def test_a_reboot_ordered_after_trouble_is_not_waited_for(running, node, clock):
    for _ in range(3):
        node.fault("rival_client", every=2.0)
        running.log.wait_for(r"nouvel essai dans (4|5)\.\d s")
        node.heal()
    running.wait_ready(len(running.log.matching(READY)) + (running.bot.interface is None))
    running.bot.interface.send_reboot(1)
    ready = len(running.log.matching(READY))
    begun = clock.monotonic()
    running.log.wait_for(READY, ready + 1)
    # 1 s to the reboot, 10 s of it
    assert clock.monotonic() - begun <= 1 + 10 + 3


# -- what is slow is not silent

SCENARIOS = {
    "a quiet node": [],
    "a main loop that stalls": [("pauses", {"seconds": 10.0, "every": 47.0})],
    "a long way with losses": [("delay", {"seconds": 4.0, "loss": 20.0})],
    "3 kbit/s": [("slow", {"rate": SLOW})],
    "all of it": [("pauses", {"every": 97.0}), ("delay", {"seconds": 4.0, "loss": 20.0}), ("slow", {"rate": SLOW})],
}


@pytest.mark.parametrize("faults", SCENARIOS.values(), ids=SCENARIOS)
def test_four_minutes_of_it_cost_no_reconnection(running, node, clock, faults):
    for name, params in faults:
        node.fault(name, **params)
    before = node.received.heartbeats
    pause(clock, 240)
    assert node.received.heartbeats - before >= 8
    assert node.connections == 1
    assert not running.log.matching("SILENCE")


# -- a slow configuration


def test_a_database_of_250_nodes_arrives_at_3_kbit_s(new_node, tmp_path, clock):
    with new_node(nodes=250) as node:
        node.fault("slow", rate=SLOW)
        begun = clock.monotonic()
        with RunningBot(node.port, tmp_path, clock, **DEFAULTS | {"tcp_config_timeout": 300}) as bot:
            bot.wait_ready()
            assert clock.monotonic() - begun > 60
            assert len(bot.bot.interface.nodes) == 250
            assert node.connections == 1


@pytest.mark.parametrize("fault", [("slow", {"rate": 400.0}), ("stall", {"after": 3})])
def test_a_database_that_never_arrives_is_left_out_and_fetched_later(new_node, tmp_path, clock, fault):
    name, params = fault
    with new_node(nodes=100) as node:
        node.fault(name, **params)
        limits = {"tcp_config_timeout": 20, "tcp_config_silence": 10}
        with RunningBot(node.port, tmp_path, clock, **DEFAULTS | limits) as bot:
            bot.wait_ready()
            assert len(bot.bot.interface.nodes) == 1
            assert node.received.want_configs[-1] == 69420
            node.heal()
            bot.log.wait_for("📒 Les autres nœuds sont arrivés: 100")
            assert node.received.want_configs[-1] == 69421
            assert len(bot.bot.interface.nodes) == 100
            packet_id = node.hear_text(node.users[0].num, "/ping")
            assert re.search("pong", node.wait_for(lambda sent: sent.reply_id == packet_id, 30).text)
