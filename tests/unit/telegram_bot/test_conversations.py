"""Whose word a person in Telegram waits for."""

import pytest

from meshbot.mesh_link.messages import TextMessage
from meshbot.telegram_bot.conversations import Conversations
from meshbot.telegram_bot.models import Chat

OLD, NEW, OTHER, OWN = 0x1111, 0x2222, 0x3333, 0x9999
CHAT = Chat(5)


@pytest.fixture
def conversations():
    """A person has written to a node that has another number by now."""
    found = Conversations(600.0, lambda num: (NEW, OLD) if num in {OLD, NEW} else (num,))
    found.sent(OLD, [70], CHAT, 9, 0.0)
    return found


def direct(sender, **details):
    return TextMessage(1, sender, OWN, 0, "hello", **details)


def test_an_upgraded_node_answers_under_its_new_number(conversations):
    assert conversations.answer(direct(NEW, reply_id=70), 10_000.0).message_id == 9
    assert conversations.is_awaited(direct(NEW), 100.0)
    assert not conversations.is_awaited(direct(OTHER), 100.0)
    assert conversations.answer(direct(OTHER, reply_id=70), 100.0) is None


def test_a_reply_to_the_old_number_goes_to_the_new_one(conversations):
    assert conversations.target(CHAT, 9) == (NEW, 70)
    conversations.shown(f"direct:{OLD:x}:50", CHAT, 12)
    assert conversations.target(CHAT, 12) == (NEW, 0x50)
