"""The pictures that follow answers: each command gets its own, and none waits for another."""

from __future__ import annotations

import threading

import pytest

from meshbot.commands.executor import WAITING_LIMIT
from meshbot.commands.registry import Command
from meshbot.pictures.draw import TIMEOUT
from meshbot.pictures.qr import qr_png
from meshbot.telegram_bot.pictures import JOB_MARGIN, PictureJobs
from tests.support.configured import make_limits
from tests.support.telegram_bot import ADMIN, GUEST
from tests.support.telegram_handler import PATIENCE, HandlerHarness

NODES = Command("nodes", "lists nodes", lambda r: f"nodes {r.argument}", has_table=True)
STATS = Command("stats", "tells figures", lambda r: f"stats {r.argument}")
LINKS = Command("link", "gives a link", lambda r: r.argument, has_qr=True)


class Drawings:
    """Pictures that are drawn once `may_draw` is set."""

    def __init__(self):
        self.may_draw = threading.Event()
        self.is_cancelled = False

    def for_answer(self, command, argument, _node, _tr):
        assert self.may_draw.wait(PATIENCE)
        return f"{command} {argument}".encode()

    def cancel(self):
        self.is_cancelled = True


@pytest.fixture
def drawings():
    return Drawings()


@pytest.fixture
def harness(drawings):
    with HandlerHarness((NODES, STATS, LINKS)) as harness:
        harness.handler.commands.picture_jobs = PictureJobs(drawings, harness.inbox.put)
        yield harness
        drawings.may_draw.set()


def send(harness, *texts):
    """Send commands one right after the other; wait for their answers, not for the pictures."""
    for text in texts:
        harness.handler.on_update(harness.message(text, GUEST))
    for _ in texts:
        harness.handler.commands.on_result(harness.inbox.get(timeout=PATIENCE))


def test_each_command_gets_its_picture_while_another_is_drawn(harness, drawings):
    send(harness, "/stats histo 3", "/stats histo 48", "/nodes")
    answers = harness.messages()
    assert sorted(message.text for message in answers) == ["nodes ", "stats histo 3", "stats histo 48"]
    drawings.may_draw.set()
    harness.finish_commands()
    pictures = harness.messages()
    assert sorted(message.photo for message in pictures) == [b"nodes ", b"stats histo 3", b"stats histo 48"]
    assert all(message.reply_to and message.silent and not message.text for message in pictures)


@pytest.mark.parametrize("question", ["/nodes -5", "/nodes 2", "/stats histo x", "/stats top"])
def test_other_commands_draw_no_picture(harness, question):
    send(harness, question)
    assert len(harness.messages()) == 1
    assert harness.handler.commands.executor.deadline == float("inf")


def test_a_picture_that_takes_too_long_adds_no_apology(harness):
    send(harness, "/nodes")
    assert [message.text for message in harness.messages()] == ["nodes "]
    harness.clock.advance(TIMEOUT + JOB_MARGIN + 1)
    harness.handler.commands.on_deadline()
    assert harness.messages() == []


def test_a_command_that_takes_too_long_gets_an_apology(drawings):
    held = Command("held", "waits", lambda _r: str(drawings.may_draw.wait(PATIENCE)))
    with HandlerHarness((held,)) as harness:
        harness.handler.on_update(harness.message("/held"))
        harness.clock.advance(make_limits().timeout + 1)
        harness.handler.commands.on_deadline()
        assert [message.text for message in harness.messages()] == ["⌛ /held took too long."]
        drawings.may_draw.set()


def test_no_picture_is_drawn_when_too_many_commands_run(drawings):
    names = [f"slow{number}" for number in range(WAITING_LIMIT)]
    held = [Command(name, "waits", lambda _r: str(drawings.may_draw.wait(PATIENCE)), slow=True) for name in names]
    with HandlerHarness((NODES, *held)) as harness:
        harness.handler.commands.picture_jobs = PictureJobs(drawings, harness.inbox.put)
        for name in names:
            harness.handler.on_update(harness.message(f"/{name}"))
        send(harness, "/nodes")
        assert len(harness.messages()) == 1
        drawings.may_draw.set()
        harness.finish_commands()
        assert [message for message in harness.messages() if message.photo] == []


def test_a_slow_command_runs_once_for_each_user(drawings):
    held = Command("held", "waits", lambda _r: str(drawings.may_draw.wait(PATIENCE)), slow=True)
    with HandlerHarness((held,)) as harness:
        for user in (GUEST, GUEST, ADMIN):
            harness.handler.on_update(harness.message("/held", user))
        assert [(message.chat.id, message.text) for message in harness.messages()] == [
            (GUEST, "⏳ I am still working on your previous /held.")
        ]
        drawings.may_draw.set()
        harness.finish_commands()
        assert sorted(message.chat.id for message in harness.messages()) == sorted([GUEST, ADMIN])


def test_stopping_cancels_the_drawing(harness, drawings):
    harness.handler.commands.picture_jobs.cancel()
    assert drawings.is_cancelled


def test_a_link_goes_as_a_qr_code_too_and_no_other_answer(harness):
    send(harness, "/link https://meshtastic.org/v/#AAAA", "/link nobody")
    assert [message.photo for message in harness.messages()] == [b"", b""]
    harness.finish_commands()
    (picture,) = harness.messages()
    assert picture.photo == qr_png("https://meshtastic.org/v/#AAAA")
    assert picture.silent
