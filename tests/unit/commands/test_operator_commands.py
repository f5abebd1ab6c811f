"""What the operator's commands answer beside their examples, and what they do."""

from dataclasses import replace

import pytest

from meshbot.commands.builtin.echo import EchoOptions, echo_command
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.keys import keys_command
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.builtin.reboot import REBOOT_IN, reboot_command
from meshbot.commands.builtin.reconnect import reconnect_command
from meshbot.commands.builtin.sync import sync_command
from meshbot.commands.builtin.sys import sys_command
from meshbot.commands.formatting import CHAT_BYTES
from meshbot.commands.language import translator
from meshbot.commands.registry import Platform, Request, parse
from meshbot.commands.roles import Role
from meshbot.mesh_link.firmware import SignaturePolicy
from meshbot.mesh_link.messages import LoraSettings
from meshbot.mesh_link.packets import BROADCAST_NUM, RadioMetadata
from meshbot.mesh_link.statistics import LinkFigures
from meshbot.nodes import NodeCounts, fingerprint_of
from meshbot.nodes.radio_state import KeyTally, Loss
from meshbot.runtime.host import HostFigures
from meshbot.sending.outgoing import EchoOrigin, TelegramOrigin
from meshbot.storage.custody import OwnRadioRow
from meshbot.storage.own_nodes import OwnNodeRow
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, key
from tests.support.sample_commands import (
    FIGURES,
    HOST,
    OwnRadio,
    SampleInterface,
    SampleKeys,
    SampleRadio,
    keyed_nodes,
    make_status,
    no_lesson,
)

PING = ping_command(lambda: FIGURES)
WIDE = {"platform": Platform.TELEGRAM, "limit": CHAT_BYTES}


def looking_at(keys, interface_of=SampleInterface):
    tally = SampleRadio(KeyTally(36, 2, 0) if interface_of() else None).tally
    return keys_command(keys, keyed_nodes(), interface_of, FakeClock(), tally=tally, teach=no_lesson)


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


class Echo:
    """The command /echo on channel 3 with 60 bytes; `sent` has the text, channel and origin of each text sent."""

    def __init__(self, *, is_holding=False):
        self.sent = []
        self.clock = FakeClock()
        options = EchoOptions(channel=3, text_limit=lambda _text: 60, lifetime=120.0)
        self.command = echo_command(self.clock, self._send, lambda: is_holding, lambda _num: "ALI", lambda: options)

    def ask(self, question, **details):
        return ask(self.command, question, **details)

    def _send(self, message):
        assert (message.to, message.expires_at) == (BROADCAST_NUM, self.clock.monotonic() + 120.0)
        self.sent.append((message.text, message.channel, message.origin))


@pytest.fixture
def echo():
    return Echo()


def test_echo_speaks_on_its_channel_in_the_asker_s_name(echo):
    assert echo.ask("/echo bonjour à tous") == "📣 I say it on channel 3."
    assert echo.sent == [("📣 ALI: bonjour à tous", 3, EchoOrigin(ALICE))]


def test_on_a_busy_channel_echo_answers_that_it_waits():
    answer = Echo(is_holding=True).ask("/echo bonjour")
    assert answer == "📶 The channel is busy: I say it when there is room, or give up soon."


def test_echo_asked_on_a_channel_speaks_there_and_answers_nothing(echo):
    assert echo.ask("/echo salut", channel=1) == ""
    assert echo.sent == [("📣 ALI: salut", 1, EchoOrigin(ALICE))]


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("/echo /echo x", "/echo /echo x"),
        ("a\n\tb\x1b[2Kc\u202ed", "a b[2Kcd"),
        ("👨\u200d👩\u200d👧 ❤️", "👨\u200d👩\u200d👧 ❤️"),
    ],
)
def test_echo_sends_one_legible_line_that_is_no_command(echo, argument, text):
    echo.ask(f"/echo {argument}")
    assert echo.sent == [(f"📣 ALI: {text}", 3, EchoOrigin(ALICE))]


def test_echo_sends_nothing_beyond_one_packet(echo):
    room = 60 - len("📣 ALI: ".encode())
    assert echo.ask("/echo " + "x" * (room + 1)) == "Too long by 1 byte."
    assert echo.sent == []
    echo.ask("/echo " + "x" * room)
    assert len(echo.sent[0][0].encode()) == 60


@pytest.mark.parametrize("question", ["/echo", "/echo \x00\x01", "/echo \u200d"])
def test_echo_of_nothing_says_how_to_ask(echo, question):
    assert echo.ask(question) == "Say what? /echo <text>"
    assert echo.sent == []


def test_echo_by_telegram_answers_nothing_because_the_delivery_is_shown(echo):
    origin = TelegramOrigin(5, None, 7)
    assert echo.ask("/echo salut", platform=Platform.TELEGRAM, name="Kim", origin=origin) == ""
    assert echo.sent == [("📣 Kim (TG): salut", 3, origin)]


# -- /reconnect, /reboot, /sync


def test_a_reconnection_is_asked_for_after_the_answer():
    asked, later = [], []
    command = reconnect_command(lambda: asked.append("reconnect"))
    assert ask(command, "/reconnect", after_answer=later.append)
    assert asked == []
    later[0]()
    assert asked == ["reconnect"]


def test_a_reboot_is_asked_for_after_the_answer():
    interface, later = SampleInterface(), []
    assert ask(reboot_command(lambda: interface), "/reboot", after_answer=later.append)
    assert interface.delays == []
    later[0]()
    assert interface.delays == [REBOOT_IN]


def test_a_reboot_without_a_link_is_logged(caplog):
    ask(reboot_command(lambda: None), "/reboot")
    assert "❌ Redémarrage du nœud non demandé: pas de lien" in caplog.messages


def test_a_managed_node_is_not_asked_to_reboot():
    later = []
    command = reboot_command(lambda: SampleInterface(is_managed=True))
    assert ask(command, "/reboot", after_answer=later.append) == "⚠️ The node is managed: it takes no orders from me."
    assert later == []


def test_french_has_its_own_spaces_and_words():
    answer = ask(sys_command(lambda: HOST), "/sys", "fr")
    assert "allumé depuis 12 j 3 h ; 🤖 61 Mio" in answer
    assert "9 threads, en marche depuis 2 j 4 h" in answer
    status = make_status(FIGURES, SampleKeys().counts, waiting=2)
    assert ask(status, "/status", "fr").count(" ; ") == 5
    keys = looking_at(SampleKeys())
    assert ask(keys, "/keys", "fr").count(" ; ") == ask(keys, "/keys").count("; ") == 3


def test_a_sync_puts_every_key_into_the_present_interface():
    keys, interface = SampleKeys(), SampleInterface()
    assert ask(sync_command(keys, lambda: interface, lambda: None), "/sync").startswith("🔑 Keys put back: 3")
    assert keys.syncs == [(interface, True)]


@pytest.mark.parametrize(("interface", "synced"), [(None, True), (SampleInterface(), False)])
def test_a_sync_without_a_link_or_with_an_error_says_so(interface, synced):
    keys = SampleKeys()
    keys.synced = synced
    assert ask(sync_command(keys, lambda: interface, lambda: None), "/sync").startswith("⚠️ No sync")


@pytest.mark.parametrize(
    "command",
    [
        reconnect_command(lambda: None),
        reboot_command(lambda: None),
        sync_command(SampleKeys(), lambda: None, lambda: None),
    ],
    ids=lambda command: command.name,
)
def test_commands_that_change_something_are_for_admins(command):
    assert command.role is Role.ADMIN


# -- /status


def status(figures, **details):
    return make_status(figures, lambda: NodeCounts(2, 1, 0), **{"radio": SampleRadio(None)} | details)


def test_status_of_a_link_that_is_down_leaves_out_what_is_unknown():
    answer = ask(status(LinkFigures(down_for=42.0)), "/status")
    assert answer == (
        "✂️ link down for 42 s; reconnections: 0 in 1 h, 0 in 24 h; queue: 0; trusted keys: 1; the radio's are not known"
    )


def test_status_before_the_first_link_says_so():
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
    radio = SampleRadio(KeyTally(20000, 0, 0))
    for details in ({}, {"interface": OwnRadio(), "former": OwnNodeRow(0x07212C01, b"", 0)}):
        command = make_status(worst, lambda: NodeCounts(20000, 20000, 0), waiting=999, radio=radio, **details)
        assert len(ask(command, "/status", "fr").encode()) <= 200
        assert len(ask(command, "/status", "fr", limit=161).encode()) <= 161


def test_status_names_the_firmware_and_what_follows_from_it():
    strict = OwnRadio(signature_policy=SignaturePolicy.STRICT)
    assert ask(status(FIGURES, interface=strict), "/status").endswith("; firmware 2.8.0.8f4c1a2")
    assert ask(status(FIGURES, interface=strict), "/status", **WIDE).splitlines()[-2:] == [
        "firmware 2.8.0.8f4c1a2: signs texts on channels up to 166 bytes; nodes of its kind often share no position",
        "it drops all channel messages that are not signed",
    ]
    older = OwnRadio(firmware="2.7.26", lora=LoraSettings())
    assert ask(status(FIGURES, interface=older), "/status", **WIDE).splitlines()[-1] == "firmware 2.7.26"


def test_status_names_a_node_in_lockdown():
    assert "; 🔒 the node is in lockdown: nothing comes or goes; " in ask(status(FIGURES, locked=True), "/status")


def test_status_explains_what_became_of_the_number_before():
    changed = FakeClock().now().timestamp() - 3 * 86400
    command = status(FIGURES, interface=OwnRadio(), former=OwnNodeRow(0x07212C01, b"", int(changed)))
    assert "; 🆔 !dee721d6 since 3d, messages to !07212c01 are lost; " in ask(command, "/status")
    words = "🆔 our node is !dee721d6 since 3d: direct messages to its number before, !07212c01, are lost"
    assert words in ask(command, "/status", **WIDE).splitlines()


def test_status_tells_what_the_radio_holds_differently_and_has_lost():
    loss = Loss(OwnRadioRow(1, key(1), 3, 40), OwnRadioRow(1, key(2), 0, 3))
    radio = SampleRadio(KeyTally(36, 1, 1), (loss, 720.0))
    answer = ask(make_status(FIGURES, SampleKeys().counts, radio=radio), "/status", **WIDE).splitlines()
    assert "⚠️ the radio lost its key, its nodes (40 → 3), its region, 12 min ago" in answer
    assert "trusted keys that the radio holds: 36 of 38, it lacks 1, ⚠️ it holds 1 differently" in answer


# -- /sys


def test_sys_leaves_out_what_the_system_does_not_report():
    assert ask(sys_command(lambda: replace(HOST, temperature=None, disk_used=None, process=None)), "/sys") == (
        "🖥️ load 0.12, memory 41 %, up 12 d 3 h"
    )


def test_sys_without_an_uptime_has_memory_and_threads():
    assert ask(sys_command(lambda: HostFigures(process=HOST.process)), "/sys") == "🤖 61 MiB, 9 threads"


def test_sys_of_a_system_without_figures_says_so():
    assert ask(sys_command(HostFigures), "/sys") == "🖥️ This system tells nothing."


# -- /keys


def test_keys_without_a_link_leaves_out_the_radio():
    command = looking_at(SampleKeys(), lambda: None)
    assert "radio" not in ask(command, "/keys") + ask(command, "/keys alice")


def test_keys_of_a_mesh_in_order_is_one_clause():
    keys = SampleKeys()
    keys.pending, keys.shared = {}, {}
    assert ask(looking_at(keys), "/keys") == "🔑 known: 38 for 42 nodes; in the radio: 36 of 38"


def test_keys_of_a_node_without_one_says_so():
    keys = SampleKeys()
    keys.keys = {}
    assert ask(looking_at(keys), "/keys alice") == "🔑 Alice !20001eef: no key known; radio: none"


def test_keys_lists_the_nodes_that_match():
    assert ask(looking_at(SampleKeys()), "/keys 20001ef").startswith("I know no node")
    assert ask(looking_at(SampleKeys()), "/keys c") == ("2 nodes match, which one?\n!20001ef1 Carole\n!20001ef2 Copie")


def test_keys_at_length_tells_the_radios_other_key():
    keys = SampleKeys()
    other = looking_at(keys, lambda: SampleInterface({ALICE: key(4)}))
    assert f"radio: another, {fingerprint_of(key(4))}" in ask(other, "/keys alice", **WIDE)
    assert "; radio: another; " in ask(other, "/keys alice")
