"""Any question by Telegram, from anybody and with any limit: an answer within it, never an exception."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshbot.commands.builtin.bot import bot_command
from meshbot.commands.builtin.rain import rain_command
from meshbot.commands.builtin.weather import weather_command
from meshbot.commands.formatting import PACKET_BYTES, cells, facts, table
from meshbot.commands.language import translator
from meshbot.commands.registry import Platform, Registry, Request
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.web.forecast import Place, parse_forecast
from tests.support.fake_clock import FakeClock
from tests.support.mesh_commands import ALICE, MeshCommands
from tests.support.meteo import weather
from tests.support.nodes import record
from tests.support.packet_records import packet
from tests.support.sample_commands import sample_commands
from tests.support.town import ASKER, Town

WITHOUT_ANSWER = "echo"  # its text goes on the channel
NODES = ("alice", "zoé", "!20001eef", "1eef", "bob", "«", "\n", "²", "٣", "0", "1", "2", "24", "720", "99999999999")
WORDS = st.sampled_from((*NODES, "top", "packets", "channel", "hop", "histo", "send", "del", "Lyon", "ping", "é" * 90))
ARGUMENTS = (st.text(max_size=300) | st.lists(WORDS | st.text(max_size=9), max_size=5).map(" ".join)).map(str.strip)
LIMITS = st.integers(PACKET_BYTES, 300) | st.integers(PACKET_BYTES, 4000)
LANGUAGES = st.sampled_from(["fr", "en"])
NODE_NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
FORECAST = parse_forecast(json.dumps(weather()).encode())


class Sky:
    """Knows every place, under a long name, and that it rains."""

    def find(self, name):
        return Place(name * 3, 45.75, 4.85, "FR")

    def forecast(self, _place):
        return FORECAST


class Talker:
    """Never tires of talking."""

    def ask(self, _conversation, _on_wait):
        return "Lima, é la " * 1000


def registry(mesh, town=None):
    clock = FakeClock()
    online = (weather_command(Sky(), "Nice"), rain_command(Sky(), ""), bot_command(Talker(), clock, 600, 60.0, 1000))
    return Registry([*sample_commands(mesh, town), *online])


NAMES = [command.name for command in registry(MeshCommands())]


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Those of a town, with what a few nodes leave for each other."""
    folder = tmp_path_factory.mktemp
    with Town(folder("town")) as town, MeshCommands(folder("mesh")) as mesh:
        mesh.populate()
        for number in range(12):
            mesh.memory.mailbox.send(number + 1, ASKER, f"{number} " + "é" * 100)
        yield mesh, registry(mesh, town)


def asked(commands, name, argument, language, /, **details):
    request = Request(
        name, argument, None, RadioMetadata(), translator(language), tuple(commands), platform=Platform.TELEGRAM
    )
    return commands.find(name).run(replace(request, **details))


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=80)
@given(
    argument=ARGUMENTS,
    limit=LIMITS,
    language=LANGUAGES,
    node=st.sampled_from([None, ASKER, ALICE, 1]),
    asker=st.text(max_size=130),
    in_group=st.booleans(),
)
def test_any_question_gets_an_answer_within_its_room(commands, name, argument, limit, language, node, asker, in_group):
    mesh, all_commands = commands
    mesh.clock.advance(60)
    details = {"node": node, "limit": limit, "name": asker, "in_group": in_group}
    answer = asked(all_commands, name, argument, language, **details)
    assert answer or name == WITHOUT_ANSWER
    assert len(answer.encode()) <= limit


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=40)
@given(names=st.lists(NODE_NAMES, min_size=1, max_size=60), limit=LIMITS, language=LANGUAGES)
def test_nodes_of_any_name_fit_the_limit(name, names, limit, language):
    with MeshCommands() as mesh:
        nums = range(0x20001E00, 0x20001E00 + len(names))
        named = zip(nums, names, strict=True)
        mesh.manager.learn_from_nodeinfos([record(num, long_name=each, short_name=each) for num, each in named])
        for num in nums:
            mesh.memory.record(packet(num, snr=1.0, rssi=-90))
        commands = registry(mesh)
        for argument in ("", "!20001e00", names[0].strip(), "top", "2"):
            answer = asked(commands, name, argument, language, node=nums[0], limit=limit)
            assert answer or name == WITHOUT_ANSWER
            assert len(answer.encode()) <= limit


@given(rows=st.lists(st.tuples(*[st.text(max_size=12)] * 3), min_size=1, max_size=9), right=st.sets(st.integers(0, 2)))
def test_a_table_s_columns_stand_one_below_the_other(rows, right):
    titles, *lines = table(["a", "b", "c"], [("x", *row[1:]) for row in rows], right)
    assert len(lines) == len(rows)
    ended = [line + "|" for line in table(["a", "b", "end"], [(*row[:2], "end") for row in rows], right)]
    assert len({cells(line) for line in ended}) == 1
    assert titles.startswith("a")


@given(pairs=st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(max_size=9)), max_size=9))
def test_empty_values_are_left_out(pairs):
    assert len(facts(pairs)) == sum(bool(value) for _name, value in pairs)
