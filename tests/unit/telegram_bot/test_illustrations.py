"""Pictures behind their answers: each question's own, and none in another's way."""

from __future__ import annotations

import threading

import pytest

from commands.jobs import WAITING_LIMIT, CommandLimits
from commands.registry import Command
from pictures.draw import TIMEOUT
from telegram_bot.illustrations import TIME_TO_EXCUSE, Illustrator
from tests.support.telegram_bot import ADMIN, GUEST
from tests.support.telegram_desk import PATIENCE, TelegramDesk

NODES = Command("nodes", "lists nodes", lambda r: f"nodes {r.argument}", has_table=True)
STATS = Command("stats", "tells figures", lambda r: f"stats {r.argument}")


class Drawings:
    """Draws what was asked, once it may."""

    def __init__(self):
        self.may_draw = threading.Event()
        self.is_cancelled = False

    def beside(self, command, argument, _node, _tr):
        assert self.may_draw.wait(PATIENCE)
        return f"{command} {argument}".encode()

    def cancel(self):
        self.is_cancelled = True


@pytest.fixture
def drawings():
    return Drawings()


@pytest.fixture
def desk(drawings):
    with TelegramDesk((NODES, STATS)) as desk:
        desk.use(illustrator=Illustrator(drawings, desk.tell))
        yield desk
        drawings.may_draw.set()


def ask(desk, *questions):
    """Put questions one right after the other; wait for their answers, not for the pictures."""
    for question in questions:
        desk.desk.take(desk.said(question, GUEST))
    for _ in questions:
        desk.desk.result(desk.inbox.get(timeout=PATIENCE))


def test_each_of_two_questions_has_its_picture_though_the_first_is_still_drawn(desk, drawings):
    ask(desk, "/stats histo 3", "/stats histo 48", "/nodes")
    answers = desk.posts()
    assert sorted(post.text for post in answers) == ["nodes ", "stats histo 3", "stats histo 48"]
    drawings.may_draw.set()
    desk.work()
    pictures = desk.posts()
    assert sorted(post.photo for post in pictures) == [b"nodes ", b"stats histo 3", b"stats histo 48"]
    assert all(post.reply_to and post.silent and not post.text for post in pictures)


@pytest.mark.parametrize("question", ["/nodes -5", "/nodes 2", "/stats histo x", "/stats top"])
def test_what_has_no_picture_draws_none(desk, question):
    ask(desk, question)
    assert len(desk.posts()) == 1
    assert desk.parts.workshop.deadline == float("inf")


def test_a_picture_that_takes_too_long_leaves_its_answer_alone(desk):
    ask(desk, "/nodes")
    assert [post.text for post in desk.posts()] == ["nodes "]
    desk.clock.advance(TIMEOUT + TIME_TO_EXCUSE + 1)
    desk.desk.overdue()
    assert desk.posts() == []


def test_a_command_that_takes_too_long_is_apologised_for(drawings):
    held = Command("held", "waits", lambda _r: str(drawings.may_draw.wait(PATIENCE)))
    with TelegramDesk((held,)) as desk:
        desk.desk.take(desk.said("/held"))
        desk.clock.advance(CommandLimits().timeout + 1)
        desk.desk.overdue()
        assert [post.text for post in desk.posts()] == ["⌛ /held took too long."]
        drawings.may_draw.set()


def test_no_picture_is_drawn_for_one_more_than_can_be_worked_on(drawings):
    names = [f"slow{number}" for number in range(WAITING_LIMIT)]
    held = [Command(name, "waits", lambda _r: str(drawings.may_draw.wait(PATIENCE)), slow=True) for name in names]
    with TelegramDesk((NODES, *held)) as desk:
        desk.use(illustrator=Illustrator(drawings, desk.tell))
        for name in names:
            desk.desk.take(desk.said(f"/{name}"))
        ask(desk, "/nodes")
        assert len(desk.posts()) == 1
        drawings.may_draw.set()
        desk.work()
        assert [post for post in desk.posts() if post.photo] == []


def test_a_slow_command_is_under_work_once_for_each(drawings):
    held = Command("held", "waits", lambda _r: str(drawings.may_draw.wait(PATIENCE)), slow=True)
    with TelegramDesk((held,)) as desk:
        for user in (GUEST, GUEST, ADMIN):
            desk.desk.take(desk.said("/held", user))
        assert [(post.chat.id, post.text) for post in desk.posts()] == [
            (GUEST, "⏳ I am still working on your previous /held.")
        ]
        drawings.may_draw.set()
        desk.work()
        assert sorted(post.chat.id for post in desk.posts()) == sorted(
            [GUEST, ADMIN]
        )  # two workers: either may be first


def test_the_end_is_told_to_the_drawing(desk, drawings):
    desk.parts.illustrator.cancel()
    assert drawings.is_cancelled
