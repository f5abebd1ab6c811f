"""A busy channel holds back all but direct answers to people who prove their number, and those of /mail."""

import pytest

from meshbot.sending.channel_load import LOAD_VALID
from meshbot.sending.outgoing import Priority
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
    driver.add("channel", to=EVERYBODY, is_proven=True)
    driver.add("direct", is_proven=True)
    assert driver.send().text == "direct"
    assert driver.later(INTERVAL).take() is None
    assert driver.queue.hold.holding


def test_above_the_limit_a_listed_number_without_proof_waits(driver):
    driver.load(25.1)
    driver.add("to a number of known_nodes that anybody can claim")
    assert driver.take() is None


def test_above_the_limit_a_stranger_waits_unless_it_is_about_mail(driver):
    driver.load(25.1)
    driver.add("ping", for_stranger=True)
    driver.add("kept for Zoé", to=1, for_stranger=True, despite_load=True)
    driver.add("on the channel", to=EVERYBODY, despite_load=True)
    assert driver.send().text == "kept for Zoé"
    assert driver.later(INTERVAL).take() is None
    driver.load(25.0)
    assert driver.send().text == "on the channel"


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
    assert not driver.queue.hold.holding
    assert driver.take().text == "a"


def test_what_is_held_expires_as_usual(driver):
    driver.load(60.0)
    driver.add(priority=Priority.BRIDGE)
    driver.later(LIFETIMES[Priority.BRIDGE])
    assert driver.look() == [DeliveryStatus.EXPIRED]
