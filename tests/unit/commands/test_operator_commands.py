"""What the operator's commands answer beside their examples, and what they do."""

from dataclasses import replace

import pytest

from meshbot.commands.builtin.echo import echo_command
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.keys import keys_command
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.builtin.reboot import reboot_command
from meshbot.commands.builtin.reconnect import reconnect_command
from meshbot.commands.builtin.status import status_command
from meshbot.commands.builtin.sync import sync_command
from meshbot.commands.builtin.sys import sys_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request, Way, parse
from meshbot.commands.roles import Role
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.mesh_link.statistics import LinkFigures
from meshbot.runtime.host import HostFigures
from meshbot.sending.outgoing import EchoOrigin, TelegramOrigin
from node_manager import NodeCounts
from tests.support.nodes import ALICE
from tests.support.sample_commands import FIGURES, HOST, SampleKeys, keyed_nodes

PING = ping_command(lambda: FIGURES)


def ask(command, question, language="en", **details):
    name, argument = parse(question)
    request = Request(name, argument, ALICE, RadioMetadata(), translator(language), ())
    return command.run(replace(request, **details))


# -- /help


def test_help_lists_only_what_the_asker_may_use():
    admin_only = replace(PING, name="reboot", aliases=(), role=Role.ADMIN)
    assert ask(HELP, "/help", available=(HELP, PING)).startswith("Commands: /help /ping.")
    assert ask(HELP, "/help reboot", available=(HELP, PING)) == "No command /reboot. /help lists them."
    assert "/reboot" in ask(HELP, "/help", available=(HELP, PING, admin_only))


# -- /echo


@pytest.fixture
def said():
    return []


@pytest.fixture
def echo(said):
    return echo_on(said, has_room=True)


def echo_on(said, *, has_room):
    def say(text, channel, origin):
        said.append((text, channel, origin))
        return has_room

    return echo_command(say, lambda _num: "ALI", 3, 60)


def test_echo_speaks_on_its_channel_in_the_asker_s_name_and_says_where(echo, said):
    assert ask(echo, "/echo bonjour à tous") == "📣 I say it on channel 3."
    assert said == [("📣 ALI: bonjour à tous", 3, EchoOrigin(ALICE))]


def test_echo_on_a_busy_channel_is_said_to_wait(said):
    words = "📶 The channel is busy: I say it when there is room, or give up soon."
    assert ask(echo_on(said, has_room=False), "/echo bonjour") == words


def test_echo_asked_on_a_channel_speaks_there_which_is_the_answer(echo, said):
    assert ask(echo, "/echo salut", channel=1) == ""
    assert said == [("📣 ALI: salut", 1, EchoOrigin(ALICE))]


def test_echo_never_begins_with_a_command(echo, said):
    ask(echo, "/echo /echo /echo x")
    assert said == [("📣 ALI: /echo /echo x", 3, EchoOrigin(ALICE))]


def test_echo_says_one_legible_line(echo, said):
    ask(echo, "/echo a\n\tb\x1b[2Kc\u202ed")
    assert said == [("📣 ALI: a b[2Kcd", 3, EchoOrigin(ALICE))]


def test_echo_keeps_emoji_of_several_characters(echo, said):
    ask(echo, "/echo 👨\u200d👩\u200d👧 ❤️")
    assert said == [("📣 ALI: 👨\u200d👩\u200d👧 ❤️", 3, EchoOrigin(ALICE))]


def test_echo_says_nothing_beyond_one_packet(echo, said):
    room = 60 - len("📣 ALI: ".encode())
    assert ask(echo, "/echo " + "x" * (room + 1)) == "Too long by 1 byte."
    assert said == []
    ask(echo, "/echo " + "x" * room)
    assert len(said[0][0].encode()) == 60


@pytest.mark.parametrize("question", ["/echo", "/echo \x00\x01", "/echo \u200d"])
def test_echo_of_nothing_says_how_to_ask(echo, said, question):
    assert ask(echo, question) == "Say what? /echo <text>"
    assert said == []


def test_who_asks_by_telegram_is_shown_the_fate_and_told_nothing_by_radio(echo, said):
    origin = TelegramOrigin(5, None, 7)
    assert ask(echo, "/echo salut", way=Way.TELEGRAM, name="Kim", origin=origin) == ""
    assert said == [("📣 Kim (TG): salut", 3, origin)]


# -- /reconnect, /reboot, /sync


@pytest.mark.parametrize("make", [reconnect_command, lambda act: reboot_command(act, lambda: False)])
def test_an_order_is_done_after_the_answer(make):
    done, later = [], []
    command = make(lambda: done.append("done"))
    assert ask(command, "/x", afterwards=later.append)
    assert done == []
    later[0]()
    assert done == ["done"]


def test_a_managed_node_is_not_told_to_reboot():
    later = []
    command = reboot_command(lambda: None, lambda: True)
    assert ask(command, "/reboot", afterwards=later.append) == "⚠️ The node is managed: it takes no orders from me."
    assert later == []


def test_french_has_its_own_spaces_and_words():
    answer = ask(sys_command(lambda: HOST), "/sys", "fr")
    assert "allumé depuis 12 j 3 h ; 🤖 61 Mio" in answer
    assert "9 threads, en marche depuis 2 j 4 h" in answer
    status = status_command(lambda: FIGURES, lambda: 2, SampleKeys().counts)
    assert ask(status, "/status", "fr").count(" ; ") == 5
    keys = keys_command(SampleKeys(), keyed_nodes(), dict)
    assert ask(keys, "/keys", "fr").count(" ; ") == ask(keys, "/keys").count("; ") == 3


def test_a_sync_that_failed_is_said():
    answer = ask(sync_command(lambda: None, SampleKeys().counts), "/sync")
    assert answer.startswith("⚠️ No sync")


@pytest.mark.parametrize("name", ["reconnect", "reboot", "sync"])
def test_orders_are_for_admins(name):
    commands = [
        reconnect_command(lambda: None),
        reboot_command(lambda: None, lambda: False),
        sync_command(lambda: 0, SampleKeys().counts),
    ]
    assert {command.name: command.role for command in commands}[name] is Role.ADMIN


# -- /status


def status(figures):
    return status_command(lambda: figures, lambda: 0, lambda: NodeCounts(2, 1, 0))


def test_a_link_that_is_down_is_said_and_what_is_not_known_left_out():
    answer = ask(status(LinkFigures(down_for=42.0)), "/status")
    assert answer == "✂️ link down for 42 s; reconnections: 0 in 1 h, 0 in 24 h; queue: 0; keys: 1/2"


def test_before_the_first_link_that_is_said():
    assert ask(status(LinkFigures()), "/status").startswith("✂️ no link yet; ")


def test_the_longest_status_fits_one_packet_in_french():
    worst = replace(
        FIGURES,
        ready_for=999 * 86400 + 23 * 3600.0,
        last_hour=9999,
        last_day=9999,
        last_outage=86399.0,
        since_outage=999 * 86400 + 23 * 3600.0,
        round_trip=99.999,
    )
    command = status_command(lambda: worst, lambda: 999, lambda: NodeCounts(20000, 20000, 0))
    assert len(ask(command, "/status", "fr").encode()) <= 200


# -- /sys


def test_what_the_system_does_not_tell_is_left_out():
    assert ask(sys_command(lambda: replace(HOST, temperature=None, disk_used=None, process=None)), "/sys") == (
        "🖥️ load 0.12, memory 41 %, up 12 d 3 h"
    )


def test_without_an_uptime_the_bot_tells_memory_and_threads():
    assert ask(sys_command(lambda: HostFigures(process=HOST.process)), "/sys") == "🤖 61 MiB, 9 threads"


def test_a_system_that_tells_nothing_is_said_to():
    assert ask(sys_command(HostFigures), "/sys") == "🖥️ This system tells nothing."


# -- /keys


def test_without_a_link_nothing_is_said_of_the_radio():
    command = keys_command(SampleKeys(), keyed_nodes(), lambda: None)
    assert "radio" not in ask(command, "/keys") + ask(command, "/keys alice")


def test_a_mesh_in_order_is_told_in_one_clause():
    ring = SampleKeys()
    ring.pending, ring.shared = {}, {}
    assert ask(keys_command(ring, keyed_nodes(), dict), "/keys") == "🔑 known: 38 for 42 nodes; in the radio: 0"


def test_a_node_without_a_key_is_told_so():
    ring = SampleKeys()
    ring.keys = {}
    assert (
        ask(keys_command(ring, keyed_nodes(), dict), "/keys alice") == "🔑 Alice !20001eef: no key known; radio: none"
    )


def test_several_nodes_are_listed():
    assert ask(keys_command(SampleKeys(), keyed_nodes(), dict), "/keys 20001ef").startswith("I know no node")
    assert ask(keys_command(SampleKeys(), keyed_nodes(), dict), "/keys c") == (
        "2 nodes match, which one?\n!20001ef1 Carole\n!20001ef2 Copie"
    )
