"""What waits for a number that has become another one."""

import pytest

from meshbot.sending.moved_numbers import MovedNumbers
from meshbot.sending.receipts import DeliveryStatus
from tests.support.send_queue import ASKER, INTERVAL, QueueDriver

NEW, OTHER = 0xDEE721D6, 0x5678


@pytest.fixture
def moved():
    return {}


@pytest.fixture
def driver(moved):
    driver = QueueDriver()
    driver.queue.moved = MovedNumbers(lambda: moved)
    return driver


def move(moved):
    moved[ASKER] = NEW


def test_what_waits_goes_to_the_present_number(driver, moved):
    driver.add("un", want_ack=True)
    driver.add("autre", to=OTHER)
    move(moved)
    driver.up()
    assert [driver.send().to for _ in range(2)] == [NEW, OTHER]


def test_what_comes_later_for_the_old_number_goes_there_too(driver, moved):
    driver.up()
    move(moved)
    driver.add()
    assert driver.send().to == NEW


def test_what_nobody_acknowledged_goes_again_under_a_new_id(driver, moved):
    driver.up().mail()
    first = driver.send()
    assert driver.later(INTERVAL).take() is None
    move(moved)
    second = driver.send()
    assert (second.to, second.text) == (NEW, first.text)
    assert second.packet_id != first.packet_id
    # what becomes of the first says nothing of the second
    assert driver.routing(first, "MAX_RETRANSMIT") == []
    assert driver.routing(second, sender=ASKER) == []
    assert driver.routing(second, sender=NEW) == [DeliveryStatus.ACKNOWLEDGED]


def test_the_packet_in_flight_is_left_to_its_answer(driver, moved):
    driver.up().mail()
    first = driver.take()
    move(moved)
    assert driver.later(INTERVAL).take() is None
    driver.status(first)
    assert driver.send().to == NEW


def test_a_wait_for_the_next_try_is_kept(driver, moved):
    driver.up().mail()
    driver.routing(driver.send(), "MAX_RETRANSMIT")
    before = driver.now
    move(moved)
    assert driver.later(INTERVAL).take() is None
    assert driver.take_when_due().to == NEW
    assert driver.now - before == 60.0


def test_the_rest_of_a_text_follows(driver, moved):
    driver.add("mot " * 14)
    driver.up()
    driver.send()
    move(moved)
    assert driver.send().to == NEW
    assert len(driver.queue.texts) == 0


def test_the_new_number_is_what_is_stored(driver, moved):
    driver.add()
    move(moved)
    driver.up().take()
    changes = driver.queue.rows.take(0.0)
    assert {row.to for row in changes.values() if row is not None} == {NEW}
