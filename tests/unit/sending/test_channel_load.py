"""A busy channel holds back all but the answers to direct messages."""

import pytest

from meshbot.sending.outgoing import Priority
from meshbot.sending.queue import LOAD_VALID
from meshbot.sending.receipts import DeliveryStatus
from tests.support.configured import LIFETIMES
from tests.support.send_queue import EVERYBODY, INTERVAL, QueueDriver


@pytest.fixture
def driver():
    return QueueDriver().up()


@pytest.mark.parametrize("priority", [Priority.MAIL, Priority.BRIDGE, Priority.ALERT])
def test_above_the_limit_only_answers_to_direct_messages_go(driver, priority):
    driver.load(25.1)
    driver.add("held", priority=priority)
    driver.add("channel", to=EVERYBODY)
    driver.add("direct")
    assert driver.send().text == "direct"
    assert driver.later(INTERVAL).take() is None
    assert driver.queue.holding


def test_at_the_limit_all_goes(driver):
    driver.load(25.0)
    driver.add("a", priority=Priority.ALERT)
    assert driver.take().text == "a"


def test_what_was_held_goes_when_the_channel_is_free_again(driver):
    driver.load(60.0)
    driver.mail("a")
    assert driver.take() is None
    driver.load(10.0)
    assert driver.take().text == "a"


def test_a_load_counts_for_a_quarter_of_an_hour(driver):
    driver.load(60.0)
    driver.mail("a")
    assert driver.later(LOAD_VALID - 1).take() is None
    assert driver.queue.deadline <= driver.now + 1
    driver.later(1).look()
    assert not driver.queue.holding
    assert driver.take().text == "a"


def test_what_is_held_expires_as_usual(driver):
    driver.load(60.0)
    driver.add(priority=Priority.BRIDGE)
    driver.later(LIFETIMES[Priority.BRIDGE])
    assert driver.look() == [DeliveryStatus.EXPIRED]
