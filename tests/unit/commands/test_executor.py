"""What an asker gets when a command's run fails."""

from queue import SimpleQueue

import pytest

from meshbot.commands.builtin.stats import TOPICS
from meshbot.commands.executor import CommandExecutor, Job
from meshbot.commands.language import translator
from meshbot.commands.registry import Registry, Request, parse
from meshbot.mesh_link.packets import RadioMetadata
from tests.support.configured import make_limits
from tests.support.fake_clock import FakeClock
from tests.support.sample_commands import sample_commands
from tests.support.town import ASKER, Town

PATIENCE = 30.0
STATS = [f"/stats {topic}" for topic in TOPICS]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A town whose database cannot be read any more."""
    with Town(tmp_path_factory.mktemp("town")) as town:
        town.lose_database()
        yield town


@pytest.fixture
def results():
    return SimpleQueue()


@pytest.fixture
def executor(results):
    executor = CommandExecutor("Commands", FakeClock(), make_limits(), translator("en"), results.put)
    executor.start(slow=False)
    yield executor
    executor.stop()


@pytest.mark.parametrize("question", ["/my", "/neighbors", "/neighbors alice", "/propag", *STATS])
def test_a_database_that_cannot_be_read_is_answered_and_logged(executor, results, town, question, caplog):
    name, argument = parse(question)
    commands = Registry(sample_commands(town=town))
    request = Request(name, argument, ASKER, RadioMetadata(), translator("en"), tuple(commands))
    executor.submit(Job(question, request, commands.find(name)))
    answer = results.get(timeout=PATIENCE).answer
    assert answer == "⚠️ My memory cannot be read at the moment. Try again later."
    assert [line for line in caplog.messages if line.startswith(f"⚠️ Commande /{name}: ")]
