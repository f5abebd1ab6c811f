"""What an asker gets when a command's run fails."""

from dataclasses import replace
from queue import SimpleQueue

import pytest

from meshbot.commands.builtin.stats import TOPICS
from meshbot.commands.executor import CommandExecutor, Job
from meshbot.commands.language import translator
from meshbot.commands.registry import Command, Registry, Request, parse
from meshbot.commands.roles import AuthFailure, User
from meshbot.mesh_link.packets import RadioMetadata
from tests.support.configured import make_limits
from tests.support.fake_clock import FakeClock
from tests.support.sample_commands import sample_commands
from tests.support.town import ASKER, Town

PATIENCE = 30.0
OWNER = User("mesh:!0000abcd")
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


def stranger(number):
    return User(f"mesh:!{number:08x}", auth_failure=AuthFailure.NOT_PKI, is_listed=False)


def test_strangers_leave_a_slow_worker_to_the_others(executor):
    slow = Command("wonder", "", lambda _request: "", slow=True, queue_limit=5)
    busy = "🚦 Too busy, please ask again in a minute."
    for number in range(make_limits().slow_workers - 1):
        assert not executor.busy_answer(slow, stranger(number))
        executor.submit(Job("?", Request("wonder", "", 1, RadioMetadata(), str, (), user=stranger(number)), slow))
    assert executor.busy_answer(slow, stranger(99)) == busy
    assert not executor.busy_answer(slow, OWNER)


def test_who_claims_a_number_does_not_hold_up_its_owner(executor):
    slow = Command("wonder", "", lambda _request: "", slow=True)
    forger = replace(OWNER, auth_failure=AuthFailure.NOT_PKI)
    executor.submit(Job("?", Request("wonder", "", 1, RadioMetadata(), str, (), user=forger), slow))
    assert executor.busy_answer(slow, forger) == "⏳ I am still working on your previous /wonder."
    assert not executor.busy_answer(slow, OWNER)
