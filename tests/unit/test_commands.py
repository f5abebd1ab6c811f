"""Every example of every command is what the command answers."""

import re
from dataclasses import replace

import pytest

from assembly import online_commands
from config import Settings
from meshbot.commands.builtin.help import HELP
from meshbot.commands.formatting import CHAT_BYTES
from meshbot.commands.language import translator
from meshbot.commands.registry import Command, Example, Platform, Registry, Request, parse
from meshbot.commands.roles import Role
from meshbot.runtime.clock import SystemClock
from tests.support.mesh_commands import ALICE, MeshCommands
from tests.support.meteo import serve_chat, serve_meteo
from tests.support.sample_commands import sample_commands
from tests.support.town import ASKER, Town
from tests.support.web_server import WebServer


def every_command(web_url, town=None, language="en", mesh=None):
    """Return all commands, those that ask other computers on one of ours."""
    settings = Settings(weather_url=web_url, geocoding_url=web_url, bot_url=web_url, language=language)
    return Registry([*sample_commands(mesh, town), *online_commands(settings, SystemClock())])


COMMANDS = every_command("http://127.0.0.1:1/v1")  # none of these is asked
EXAMPLES = [(command, example) for command in COMMANDS for example in command.examples]
EVERYBODY_S = [command for command in sample_commands() if command.role is Role.EVERYONE]
ANSWER_BYTES = 200  # one packet
ROOM = {Platform.MESH: ANSWER_BYTES, Platform.TELEGRAM: CHAT_BYTES, Platform.CONSOLE: CHAT_BYTES}


@pytest.fixture(scope="module")
def web():
    with WebServer() as server:
        serve_meteo(server)
        serve_chat(server)
        yield server


@pytest.fixture(scope="module")
def untouched_mesh(tmp_path_factory):
    with MeshCommands(tmp_path_factory.mktemp("mesh")) as commands:
        commands.populate()
        yield commands


@pytest.fixture
def mesh(example, untouched_mesh, tmp_path):
    """What leaves something behind has a mesh of its own."""
    if parse(example.question)[0] not in {"mail", "trace"}:
        yield untouched_mesh
        return
    with MeshCommands(tmp_path) as commands:
        commands.populate()
        yield commands


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with Town(tmp_path_factory.mktemp("town")) as town:
        yield town


def ask(example, language, web=None, town=None, mesh=None):
    name, argument = parse(example.question)
    commands = every_command(f"{web.url}/v1", town, mesh=mesh) if web else COMMANDS
    available = tuple(commands) if name != "help" else EVERYBODY_S
    node = ALICE if name in ("mail", "trace") else ASKER
    request = Request(
        name,
        argument,
        node if example.has_node else None,
        example.reception,
        translator(language),
        available,
        platform=example.platform,
        limit=ROOM[example.platform],
    )
    return commands.find_for(name, argument).run(request)


@pytest.mark.parametrize(("command", "example"), EXAMPLES, ids=[e.question for _, e in EXAMPLES])
def test_an_example_gets_the_answer_it_promises(command, example, web, town, mesh):
    assert COMMANDS.find(parse(example.question)[0]) is command
    assert ask(example, "en", web, town, mesh) == example.answer


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("example", [e for _, e in EXAMPLES], ids=lambda e: e.question)
def test_every_example_fits_where_it_is_read_in_every_language(example, language, web, town, mesh):
    assert 0 < len(ask(example, language, web, town, mesh).encode()) <= ROOM[example.platform]


@pytest.mark.parametrize("example", [e for _, e in EXAMPLES], ids=lambda e: e.question)
def test_no_french_answer_has_an_english_unit(example, web, town, mesh):
    answer = ask(example, "fr", web, town, mesh)
    assert not re.search(r"\b[kMG]i?B\b|\d[kMG]i?B\b|\bmph\b|\d ?ft\b", answer)


def test_help_is_french_by_default():
    assert ask(Example("/help", ""), "fr").startswith("Commandes : /help /ping")


@pytest.mark.parametrize("command", list(COMMANDS), ids=lambda c: c.name)
def test_every_text_of_a_command_has_its_french(command):
    french = translator("fr")
    assert french(command.summary) != command.summary
    assert not command.usage or french(command.usage) != command.usage


@pytest.mark.parametrize("command", list(COMMANDS), ids=lambda c: c.name)
def test_help_on_a_command_fits_one_packet_in_french(command):
    request = Request("help", command.name, ASKER, None, translator("fr"), tuple(COMMANDS))
    assert f"/{command.name}" in HELP.run(request)
    assert len(HELP.run(request).encode()) <= ANSWER_BYTES


def test_two_commands_of_one_name_are_refused():
    with pytest.raises(ValueError, match="aide"):
        Registry([HELP, replace(HELP, name="aider")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/help", ("help", "")),
        ("  /HELP  ping  x ", ("help", "ping  x")),
        ("/ping\n", ("ping", "")),
        ("hello", None),
        ("", None),
        ("/", None),
        ("/ help", ("help", "")),
        ("/ping!", ("ping", "")),
        ("/ping. ", ("ping", "")),
        ("/ping…?! x", ("ping", "x")),
        ("/Ping@MeshBot! x", ("ping@meshbot", "x")),
        ("\u2068/ping\u2069", ("ping", "")),
        ("\u200b\ufeff /\u200dping", ("ping", "")),
        ("\x00/info \u202eZoe\u0301\x1b", ("info", "Zoe\u0301")),
        ("/me\u0301te\u0301o Nice", ("météo", "Nice")),
        ("/ping”", ("ping", "")),
        ("/ping’ x", ("ping", "x")),
        ("/ping] x", ("ping", "x")),
        ("/ping*", ("ping", "")),
        ("/ping👍🏻", ("ping", "")),
        ("/ping/", ("ping", "")),
        ("／ｐｉｎｇ！ Zoé", ("ping", "Zoé")),
        ("⁄ping", ("ping", "")),
        ("/!\\ Verglas", None),
        ("/👍", None),
        ("／！", None),
        ("/…", None),
        ("see /help", None),
    ],
)
def test_a_command_line_is_a_slash_a_name_and_the_rest(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize("name", ["écho", "ÉCHO", "échö", "noëuds", "noeuds", "nœuds", "meteo", "météo"])
def test_accents_that_a_phone_adds_hide_no_command(name):
    registry = Registry(
        Command(name, "", len, aliases=aliases)
        for name, aliases in (("echo", ()), ("nodes", ("noeuds", "nœuds")), ("weather", ("meteo", "météo")))
    )
    assert registry.find(name) is not None


def test_a_command_may_have_another_run_where_no_argument_is_given():
    quick = Command("trace", "", lambda _request: "quick")
    slow = Command("trace", "", lambda _request: "slow", aliases=("way",), slow=True, without_argument=quick)
    registry = Registry([slow])
    assert [registry.to_run(*question) for question in (("trace", "bob"), ("WAY", ""), ("other", ""))] == [
        slow,
        quick,
        None,
    ]
    assert registry.find("trace") is slow
