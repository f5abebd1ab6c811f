"""What is answered by Telegram beside the examples: to whom, in whose name, in which shape."""

import pytest

from meshbot.commands.builtin.bot import bot_command
from meshbot.commands.builtin.echo import EchoOptions, echo_command
from meshbot.commands.builtin.help import HELP
from meshbot.commands.builtin.mail import MAIL_BYTES
from meshbot.commands.builtin.ping import ping_command
from meshbot.commands.builtin.trace import trace_command
from meshbot.commands.formatting import CHAT_BYTES, PACKET_BYTES, cells, facts, table
from meshbot.commands.language import translator
from meshbot.commands.registry import Command, Platform, Registry, Request
from meshbot.commands.roles import User
from meshbot.mesh_link.messages import Hop, TracerouteReply
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.mesh_link.statistics import LinkFigures
from meshbot.nodes import NodeCounts
from tests.support.fake_clock import FakeClock
from tests.support.mesh_commands import ALICE, BOB, BOB_MARTIN, OWN, ZOE, MeshCommands
from tests.support.nodes import record
from tests.support.packet_records import packet
from tests.support.sample_commands import make_status, sample_commands
from tests.support.town import ASKER, Town

ENGLISH = translator("en")
NO_NODE = "Your Telegram account has no node: the operator can set one in telegram_users."
NOTHING = LinkFigures()


def by_telegram(command, argument="", node=None, language="en", **details):
    details = {"platform": Platform.TELEGRAM, "limit": CHAT_BYTES, **details}
    return command.run(Request(command.name, argument, node, RadioMetadata(), translator(language), (), **details))


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with Town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
def mesh(tmp_path):
    with MeshCommands(tmp_path) as commands:
        commands.populate()
        yield commands


def of_town(name, town):
    return Registry(sample_commands(town=town)).find(name)


# -- where a command makes sense


def test_a_registry_has_the_commands_of_one_way():
    send = Command("send", "", str, platforms=frozenset({Platform.TELEGRAM}))
    radio = Command("radio", "", str, platforms=frozenset({Platform.MESH}))
    registry = Registry([HELP, send, radio])
    assert list(registry.on(Platform.MESH)) == [HELP, radio]
    assert list(registry.on(Platform.TELEGRAM)) == [HELP, send]


def test_an_answer_of_one_line_is_no_table():
    command = Command("nodes", "", str, has_table=True)
    assert command.is_table("name id\nAlice 1eef")
    assert not command.is_table("No node heard.")
    assert not HELP.is_table("Commands:\n/help")


# -- who asks


@pytest.mark.parametrize("name", ["my", "mail", "trace"])
def test_an_asker_without_a_node_learns_how_to_get_one(name, town, mesh):
    command = Registry(sample_commands(mesh, town)).find(name)
    assert by_telegram(command) == NO_NODE
    assert by_telegram(command, language="fr").startswith("Votre compte Telegram n'a pas de nœud")


def test_trace_alone_asks_for_the_way_to_the_asker_s_node(mesh):
    assert by_telegram(mesh.trace, node=ZOE).startswith("🧭 Zoé, SNR in dB\n")


def test_there_is_no_way_to_the_bot_s_own_node(mesh):
    assert by_telegram(mesh.trace, node=OWN) == "That is my own node: there every way begins."
    assert by_telegram(mesh.trace, "Relais", language="fr").startswith("C'est mon propre nœud")


def test_trace_alone_knows_that_the_asker_s_node_was_never_heard(mesh):
    assert "!00000001" in by_telegram(mesh.trace, node=1)


def test_a_table_without_the_way_back_says_so(mesh):
    class OneWay:
        def trace(self, num, *, for_stranger=False):
            return TracerouteReply(1, num, (Hop(num, -3.0),), ())

    command = trace_command(mesh.memory, OneWay(), lambda: 1)
    assert by_telegram(command, "Zoé").splitlines()[-2:] == ["→ Zoé  1eef -3.0", "← not told"]


def test_mail_is_not_read_in_a_group(mesh):
    assert by_telegram(mesh.mail, node=ALICE, in_group=True) == "✉️ Mail is private: write to me directly."


def test_mail_from_telegram_has_the_mesh_s_limit(mesh):
    assert by_telegram(mesh.mail, "send Zoé " + "é" * (MAIL_BYTES // 2) + "!", ALICE) == "Too long by 1 byte."
    assert by_telegram(mesh.mail, "send Zoé " + "é" * (MAIL_BYTES // 2), ALICE).startswith("✉️ Kept for Zoé")


def test_a_wide_answer_has_all_mail_at_once(mesh):
    for number in range(10):
        mesh.memory.mailbox.send(100 + number, ALICE, f"{number} " + "x" * 200)
    assert "+8 unread: /mail" in mesh.mail.run(Request("mail", "", ALICE, RadioMetadata(), ENGLISH, ()))
    assert by_telegram(mesh.mail, node=ALICE).count("!0000006") == 8


def test_a_long_mail_is_cut_where_there_is_little_room(mesh):
    mesh.memory.mailbox.send(ZOE, BOB, "é" * 110)
    answer = by_telegram(mesh.mail, "1", BOB, limit=PACKET_BYTES)
    assert answer.endswith("é…")
    assert len(answer.encode()) <= PACKET_BYTES


@pytest.mark.parametrize(
    ("node", "name", "spoken"),
    [
        (ALICE, "alice_tg", "📣 alice_tg (TG): hello"),
        (None, "Jean-Luc", "📣 Jean-Luc (TG): hello"),
        (None, "A name\nof \u202e very many characters", "📣 A name of… (TG): hello"),
        (None, "", "📣 (TG): hello"),
    ],
)
def test_echo_speaks_in_the_telegram_user_s_name(node, name, spoken):
    sent, options = [], EchoOptions(channel=2, text_limit=lambda _text: 200, lifetime=120.0)
    command = echo_command(FakeClock(), sent.append, lambda: False, lambda _num: "ALI", lambda: options)
    assert by_telegram(command, "hello", node, name=name) == "📣 I say it on channel 2."
    assert [(message.text, message.channel, message.origin) for message in sent] == [(spoken, 2, None)]


# -- in which shape


@pytest.mark.parametrize(
    ("figures", "answer"),
    [
        (NOTHING, "🏓 pong, ✂️ no link yet"),
        (LinkFigures(down_for=90.0), "🏓 pong, ✂️ link down for 1 min"),
        (LinkFigures(ready_for=5.0, round_trip=0.2), "🏓 pong, 🔗 link up for 5 s, probe: 200 ms"),
    ],
)
def test_ping_shows_the_link_s_state(figures, answer):
    assert by_telegram(ping_command(lambda: figures)) == answer


def test_help_has_a_line_for_each_command():
    commands = sample_commands()
    request = Request(
        "help", "", None, RadioMetadata(), translator("fr"), commands, platform=Platform.TELEGRAM, limit=CHAT_BYTES
    )
    head, *lines = HELP.run(request).splitlines()
    assert head == "Commandes :"
    assert [line.split()[0] for line in lines] == [f"/{command.name}" for command in commands]
    assert "/ping — dit comment on vous a entendu : SNR, RSSI, sauts" in lines


def test_a_status_without_changed_keys_leaves_them_out():
    command = make_status(NOTHING, lambda: NodeCounts(nodes=1, keys=1, pending=0))
    assert by_telegram(command).splitlines()[-1] == "trusted keys that the radio holds: 36 of 38, it lacks 2"


def test_the_assistant_s_answer_may_be_longer_than_by_radio():
    class Talker:
        def ask(self, _conversation, _on_wait):
            return "x" * 9000

    command = bot_command(Talker(), FakeClock(), 600, 60.0, 60)
    assert len(by_telegram(command, "hello", user=User("telegram:1"), limit=3000).encode()) == 3000
    assert len(command.run(Request("bot", "hello", ALICE, RadioMetadata(), ENGLISH, ())).encode()) == 600


def test_two_users_of_telegram_without_a_node_have_conversations_of_their_own():
    asked = []

    class Listener:
        def ask(self, conversation, _on_wait):
            asked.append([message.text for message in conversation])
            return "yes"

    command = bot_command(Listener(), FakeClock(), 600, 60.0, 60)
    for user in ("telegram:1", "telegram:2", "telegram:1"):
        by_telegram(command, f"I am {user}", user=User(user))
    assert asked[1] == ["I am telegram:2"]
    assert asked[2] == ["I am telegram:1", "yes", "I am telegram:1"]


def test_pages_of_nodes_have_fifty_lines_within_the_room(mesh):
    nums = range(0x20001F00, 0x20001F00 + 200)
    mesh.manager.learn_from_nodeinfos([record(num, long_name=f"節點 {num:x}") for num in nums])
    for num in nums:
        mesh.memory.record(packet(num, snr=-10.25))
    nodes = Registry(sample_commands(mesh)).find("nodes")
    pages = [by_telegram(nodes, str(page)) for page in range(1, 7)]
    assert ["(page 1/5)" in pages[0], "(page 5/5)" in pages[4], pages[5] == pages[4]] == [True, True, True]
    assert all(len(page.encode()) <= CHAT_BYTES for page in pages)
    assert all(page.splitlines()[1].startswith("name ") for page in pages)
    assert [len(page.splitlines()) - 2 for page in pages[:5]] == [50, 50, 50, 50, 1]  # with Zoé


def test_several_matches_and_unknown_nodes_are_answered_as_by_radio(mesh):
    assert "Bob Martin" in by_telegram(mesh.trace, "bob m") + by_telegram(mesh.trace, f"{BOB_MARTIN:x}")
    assert "nobody" in by_telegram(mesh.trace, "nobody")


def test_a_node_never_heard_has_few_lines(town):
    assert by_telegram(of_town("info", town), "relais", language="fr") == (
        "Relais !00009999\nentendu  il y a 2h\nposition 45.76000,4.84000\n"
        "canal    occupé 12.5%, émission 1.5%, il y a 2h\nclé      🔑 sans clé"
    )


def test_nothing_heard_is_one_line(town):
    assert by_telegram(of_town("my", town), node=1) == "📶 Nothing heard of your node in 24h."


def test_how_busy_the_channel_was_stands_above_the_table(town):
    assert by_telegram(of_town("stats", town), "channel", ASKER).splitlines()[:3] == [
        "📻 Packets in 24h by channel: 11",
        "busy 12.5% of the time, at most 12.5%",
        "          packets   %  kB",
    ]


# -- tables


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 4), ("🔑", 2), ("", 0)])
def test_pictures_take_two_cells_and_marks_none(text, width):
    assert cells(text) == width


def test_a_column_that_is_empty_everywhere_is_left_out():
    assert table(["a", "b", "c"], [("1", "", "3"), ("10", "", "")], right={0}) == [" a c", " 1 3", "10"]


def test_pictures_in_names_do_not_shift_the_columns():
    assert table(["", "n"], [("🏠 Zoé", "1"), ("Alice 2", "2")]) == ["        n", "🏠 Zoé  1", "Alice 2 2"]


def test_facts_stand_one_below_the_other():
    assert facts([("a", "1"), ("longer", "2"), ("longest of all", "")]) == ["a      1", "longer 2"]
