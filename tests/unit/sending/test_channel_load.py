"""A busy channel holds back all but the answers to direct messages."""

import pytest

from meshbot.sending.outgoing import DeliveryStatus, Priority
from meshbot.sending.queue import LOAD_VALID
from tests.support.configured import LIFETIMES
from tests.support.send_queue import EVERYBODY, INTERVAL, Box


@pytest.fixture
def box():
    return Box().up()


@pytest.mark.parametrize("priority", [Priority.MAIL, Priority.BRIDGE, Priority.ALERT])
def test_above_the_limit_only_answers_to_direct_messages_go(box, priority):
    box.load(25.1)
    box.add("held", priority=priority)
    box.add("channel", to=EVERYBODY)
    box.add("direct")
    assert box.send().text == "direct"
    assert box.later(INTERVAL).take() is None
    assert box.outbox.holding


def test_at_the_limit_all_goes(box):
    box.load(25.0)
    box.add("a", priority=Priority.ALERT)
    assert box.take().text == "a"


def test_what_was_held_goes_when_the_channel_is_free_again(box):
    box.load(60.0)
    box.mail("a")
    assert box.take() is None
    box.load(10.0)
    assert box.take().text == "a"


def test_a_load_counts_for_a_quarter_of_an_hour(box):
    box.load(60.0)
    box.mail("a")
    assert box.outbox.deadline == box.now + LOAD_VALID
    box.later(LOAD_VALID).look()
    assert not box.outbox.holding
    assert box.take().text == "a"


def test_what_is_held_expires_as_usual(box):
    box.load(60.0)
    box.add(priority=Priority.BRIDGE)
    box.later(LIFETIMES[Priority.BRIDGE])
    assert box.look() == [DeliveryStatus.EXPIRED]
