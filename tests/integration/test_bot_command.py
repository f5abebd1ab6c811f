"""/bot over real HTTP: the conversation, its bounds, and every way in which the server fails."""

import logging
import threading
from queue import SimpleQueue

import pytest
from pydantic import SecretStr

from meshbot.commands.builtin.bot import CONTEXT_USERS, ERROR_ANSWERS, WAIT, bot_command
from meshbot.commands.language import translator
from meshbot.commands.registry import Request
from meshbot.commands.roles import AuthFailure, User
from meshbot.mesh_link.packets import RadioMetadata
from meshbot.runtime.clock import SystemClock
from meshbot.web.chat import ChatClient, ChatServer
from meshbot.web.errors import Fault
from meshbot.web.http_client import HttpClient
from tests.support.fake_clock import FakeClock
from tests.support.meteo import completion, serve_chat
from tests.support.web_server import WebServer, asks, cut_off, endless, hangs_up, holds, says, status

SECRET = "sk-very-secret"
PATH = "/v1/chat/completions"
PATIENCE = 30.0
MAX_BYTES = 100


@pytest.fixture
def server():
    with WebServer() as web_server:
        web_server.behaviours[PATH] = asks(
            lambda heard: completion(f"You said: {heard.json['messages'][-1]['content']}")
        )
        yield web_server


def client(server, timeout=PATIENCE, notice_after=PATIENCE, **details):
    settings = {
        "model": "small",
        "system_prompt": "Be short.",
        "max_tokens": 99,
        "api_key": SecretStr(SECRET),
    } | details
    return ChatClient(
        HttpClient(SystemClock(), trust_environment=False),
        ChatServer(url=f"{server.url}/v1", timeout=timeout, **settings),
        notice_after,
    )


class Asker:
    """A /bot command and the time of its memory."""

    def __init__(self, server, timeout=PATIENCE, **details):
        self.clock = FakeClock()
        self.interim = SimpleQueue()
        self.command = bot_command(client(server, timeout, **details), self.clock, MAX_BYTES, timeout, 60)

    def ask(self, question, sender=1, language="en", failure=None, **details):
        tr = translator(language)
        user = User(f"mesh:!{sender:08x}", auth_failure=failure)
        return self.command.run(
            Request("bot", question, sender, RadioMetadata(), tr, (), self.interim.put, user, **details)
        )


def messages_of(heard):
    return [(message["role"], message["content"]) for message in heard.json["messages"]]


# -- the question


def test_a_question_goes_to_the_model_with_the_prompt_and_the_key(server):
    assert Asker(server).ask("hello") == "You said: hello"
    (heard,) = server.heard
    assert heard.json == {
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "hello"}],
        "max_tokens": 99,
        "stream": False,
        "model": "small",
    }
    assert heard.headers["Authorization"] == f"Bearer {SECRET}"


def test_what_is_not_set_is_not_sent(server):
    Asker(server, model="", system_prompt="", api_key=SecretStr("")).ask("hello")
    (heard,) = server.heard
    assert messages_of(heard) == [("user", "hello")]
    assert "model" not in heard.json
    assert "Authorization" not in heard.headers


def test_without_a_question_the_server_is_not_asked(server):
    assert Asker(server).ask("", language="fr").startswith("Que voulez-vous savoir ? Par exemple : /bot ")
    assert not server.heard


def test_the_command_s_timeout_leaves_the_client_s_its_own(server):
    command = Asker(server, timeout=60.0).command
    assert command.slow
    assert command.timeout > 60.0


# -- the memory


def test_the_last_six_messages_are_remembered(server):
    asker = Asker(server)
    for number in range(1, 6):
        asker.ask(f"q{number}")
    _system, *messages = messages_of(server.heard[-1])
    assert len(messages) == 6 + 1
    assert messages[0] == ("user", "q2")
    assert messages[-2:] == [("assistant", "You said: q4"), ("user", "q5")]


def test_each_user_has_a_memory_of_their_own(server):
    asker = Asker(server)
    asker.ask("mine", sender=1)
    asker.ask("theirs", sender=2)
    assert messages_of(server.heard[-1])[1:] == [("user", "theirs")]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"channel": 0},
        {"channel": 1},
        {"in_group": True},
        {"failure": AuthFailure.NOT_PKI},
        {"failure": AuthFailure.MQTT},
    ],
)
def test_a_private_conversation_stays_with_its_proven_user(server, elsewhere):
    asker = Asker(server)
    asker.ask("my PIN is 1234")
    asker.ask("what is my PIN?", **elsewhere)
    assert messages_of(server.heard[-1])[1:] == [("user", "what is my PIN?")]
    asker.ask("in which country?", **elsewhere)
    assert messages_of(server.heard[-1])[1] == ("user", "what is my PIN?")  # a conversation goes on where it was begun


def test_after_half_an_hour_all_is_forgotten(server):
    asker = Asker(server)
    asker.ask("first")
    asker.clock.advance(30 * 60 - 1)
    asker.ask("second")
    assert len(messages_of(server.heard[-1])) == 4
    asker.clock.advance(30 * 60)
    asker.ask("third")
    assert messages_of(server.heard[-1])[1:] == [("user", "third")]


def test_the_memory_is_bounded_in_users(server):
    asker = Asker(server)
    for sender in (*range(CONTEXT_USERS + 1), 0):
        asker.ask("hello", sender=sender)
    assert messages_of(server.heard[-1])[1:] == [("user", "hello")]  # the first user's was forgotten


def test_an_answer_is_remembered_as_it_was_sent(server):
    asker = Asker(server)
    asker.ask("x" * 500)
    asker.ask("again")
    role, content = messages_of(server.heard[-1])[2]
    assert (role, len(content.encode())) == ("assistant", MAX_BYTES)


def test_a_question_that_failed_is_not_remembered(server):
    asker = Asker(server)
    good, server.behaviours[PATH] = server.behaviours[PATH], status(500)
    asker.ask("lost")
    server.behaviours[PATH] = good
    asker.ask("found")
    assert messages_of(server.heard[-1])[1:] == [("user", "found")]


# -- the answer


def test_an_answer_is_without_thoughts_and_cut_at_a_word(server):
    serve_chat(server, "<think>hm</think>" + "été " * 100)
    answer = Asker(server).ask("?")
    assert answer.endswith("été…")
    assert MAX_BYTES - 10 < len(answer.encode()) <= MAX_BYTES


def test_a_quick_answer_comes_without_a_notice(server):
    asker = Asker(server)
    asker.ask("hello")
    assert asker.interim.empty()


def test_a_long_wait_gets_one_interim_answer(server):
    server.behaviours[PATH] = holds(says(completion("At last.")))
    asker, answers = Asker(server, notice_after=0.05), []
    asking = threading.Thread(target=lambda: answers.append(asker.ask("?")))
    asking.start()
    assert asker.interim.get(timeout=PATIENCE) == WAIT
    server.release.set()
    asking.join(PATIENCE)
    assert answers == ["At last."]
    assert asker.interim.empty()


# -- when there is none


@pytest.mark.parametrize(
    ("behaviour", "timeout", "fault"),
    [
        (status(429), PATIENCE, Fault.BUSY),
        (status(503), PATIENCE, Fault.BUSY),
        (status(500), PATIENCE, Fault.BUSY),
        (status(401), PATIENCE, Fault.REFUSED),
        (status(308, Location=PATH), PATIENCE, Fault.REFUSED),
        (holds(says({})), 2.0, Fault.TIMEOUT),
        (cut_off, PATIENCE, Fault.INVALID),
        (hangs_up, PATIENCE, Fault.INVALID),
        (endless, PATIENCE, Fault.INVALID),
        (says(b"<html>"), PATIENCE, Fault.INVALID),
        (says({"choices": []}), PATIENCE, Fault.INVALID),
        (says(completion("")), PATIENCE, Fault.INVALID),
        (says(completion("<think>for ever")), PATIENCE, Fault.INVALID),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_every_fault_has_its_answer_and_log_line(server, caplog, behaviour, timeout, fault):
    caplog.set_level(logging.DEBUG)
    server.behaviours[PATH] = behaviour
    asker = Asker(server, timeout)
    assert asker.ask("?", language="fr") == translator("fr")(ERROR_ANSWERS[fault])
    ours = [record for record in caplog.records if record.name.startswith("meshbot.commands")]
    assert [record.levelno for record in ours] == [logging.WARNING]
    assert ours[0].getMessage().startswith(f"⚠️ Assistant: {fault.value} (")
    assert SECRET not in caplog.text


def test_an_unreachable_server_has_its_answer(server):
    asker = Asker(server)
    asker.command = bot_command(
        ChatClient(
            HttpClient(SystemClock(), trust_environment=False),
            ChatServer("http://127.0.0.1:1/v1", "", "", 99, 5.0, SecretStr("")),
        ),
        asker.clock,
        MAX_BYTES,
        5.0,
        60,
    )
    assert asker.ask("?") == ERROR_ANSWERS[Fault.UNREACHABLE]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("fault", Fault)
def test_every_error_answer_fits_one_packet(fault, language):
    assert len(translator(language)(ERROR_ANSWERS[fault]).encode()) <= 200


def test_a_key_never_appears_in_what_is_shown_of_a_server(server):
    assert SECRET not in repr(ChatServer(server.url, "", "", 99, 5.0, SecretStr(SECRET)))
