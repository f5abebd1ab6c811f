"""An order's second word: from its giver, once, in time."""

from itertools import count

import pytest

from meshbot.telegram_bot.confirmations import LIFETIME, REMEMBERED, Confirmations, Reply

ANN, BOB = 1, 2


@pytest.fixture
def questions():
    numbers = count()
    return Confirmations(lambda: f"token{next(numbers)}")


def test_a_yes_gives_the_order_once(questions):
    token = questions.ask("reboot", ANN, 0.0)
    assert questions.answer(token, ANN, 1.0, yes=True) == (Reply.YES, "reboot")
    assert questions.answer(token, ANN, 1.0, yes=True) == (Reply.TOO_LATE, None)


def test_a_no_ends_it(questions):
    token = questions.ask("reboot", ANN, 0.0)
    assert questions.answer(token, ANN, 1.0, yes=False) == (Reply.NO, "reboot")
    assert questions.answer(token, ANN, 1.0, yes=True) == (Reply.TOO_LATE, None)


def test_nobody_else_may_answer_and_it_waits_on(questions):
    token = questions.ask("reboot", ANN, 0.0)
    assert questions.answer(token, BOB, 1.0, yes=True) == (Reply.NOT_YOURS, None)
    assert questions.answer(token, ANN, 1.0, yes=True) == (Reply.YES, "reboot")


def test_it_expires(questions):
    token = questions.ask("reboot", ANN, 0.0)
    assert questions.expired(LIFETIME - 1) == []
    assert questions.answer(token, ANN, LIFETIME, yes=True) == (Reply.TOO_LATE, None)
    assert questions.expired(LIFETIME) == ["reboot"]
    assert questions.expired(LIFETIME) == []


def test_what_was_answered_does_not_expire(questions):
    questions.answer(questions.ask("reboot", ANN, 0.0), ANN, 1.0, yes=False)
    assert questions.expired(LIFETIME) == []


def test_a_made_up_token_is_nothing(questions):
    assert questions.answer("x", ANN, 0.0, yes=True) == (Reply.TOO_LATE, None)


def test_the_oldest_give_way(questions):
    tokens = [questions.ask(str(n), ANN, 0.0) for n in range(REMEMBERED + 1)]
    assert questions.answer(tokens[0], ANN, 0.0, yes=True) == (Reply.TOO_LATE, None)
    assert questions.answer(tokens[1], ANN, 0.0, yes=True) == (Reply.YES, "1")
