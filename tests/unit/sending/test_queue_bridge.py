"""Bridged texts: reports of what they wait for, their order, and acknowledgements on a channel."""

from __future__ import annotations

import pytest

from meshbot.sending.admission import WAITING_LIMITS
from meshbot.sending.outgoing import Priority, TelegramOrigin
from meshbot.sending.queued_text import EVIDENCE_TIME, LONG_WAIT, RECEIVERS_REMEMBER, SETTLE_TIME
from meshbot.sending.receipts import BUSY_CHANNEL, NO_LINK, DeliveryStatus
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, OWN, QueueDriver

TWO_PARTS = "mot " * 14
ORIGIN = TelegramOrigin(-100, None, 7)


@pytest.fixture
def driver():
    return QueueDriver().up()


def bridge(driver, text, to=EVERYBODY, **details):
    details = {"channel": 1, "want_ack": True, "priority": Priority.BRIDGE, "origin": ORIGIN} | details
    return driver.add(text, to, **details)


def waits(driver):
    return [(report.message.text, report.reason or report.ahead) for report in driver.queued]


# -- what a text waits for


def test_a_text_without_a_link_is_reported_once_as_waiting():
    driver = QueueDriver()
    bridge(driver, "a")
    driver.down()
    assert waits(driver) == [("a", NO_LINK)]
    assert driver.queued[0].detail == "lien coupé"


def test_a_text_that_goes_at_once_is_not_reported_as_waiting(driver):
    bridge(driver, "a")
    assert driver.queued == []


def test_at_a_cut_only_unconfirmed_texts_are_reported_as_waiting(driver):
    for text in "abc":
        bridge(driver, text)
    driver.send()
    driver.take_when_due()
    driver.down()
    assert waits(driver) == [("b", NO_LINK), ("c", NO_LINK)]


def test_a_long_wait_is_reported_with_the_packets_ahead(driver):
    driver.mail("mail")
    for n in range(LONG_WAIT + 1):
        bridge(driver, f"{n}")
    bridge(driver, "last")
    assert waits(driver) == [("4", 5), ("5", 6), ("last", 7)]
    assert driver.queued[-1].detail == "derrière 7 autres"


def test_a_busy_channel_is_reported_for_waiting_and_new_texts(driver):
    bridge(driver, "a")
    driver.load(60.0)
    bridge(driver, "b")
    driver.add("answer", is_proven=True)
    driver.load(61.0)
    assert waits(driver) == [("a", BUSY_CHANNEL), ("b", BUSY_CHANNEL)]


def test_a_channel_that_is_free_again_is_not_reported(driver):
    driver.load(60.0)
    for n in range(LONG_WAIT + 2):
        bridge(driver, f"{n}")
    driver.queued.clear()
    driver.load(10.0)
    assert driver.queued == []


# -- bounds


def test_a_hundred_messages_wait_for_the_link_and_go_once_in_order():
    driver = QueueDriver()
    texts = [f"{n:02} {TWO_PARTS}" for n in range(100)]
    for text in texts:
        assert bridge(driver, text) == []
    driver.later(900).look()
    driver.up()
    sent = [driver.send() for _ in range(200)]
    assert len({packet.packet_id for packet in sent}) == 200
    assert "".join(packet.text.partition(") ")[2] for packet in sent) == "".join(texts)
    assert [o.message.text for o in driver.reports if o.status is DeliveryStatus.ACCEPTED] == texts


def test_beyond_their_limit_bridged_texts_are_turned_away(driver):
    for n in range(WAITING_LIMITS[Priority.BRIDGE]):
        assert bridge(driver, f"{n}") == []
    assert bridge(driver, "too many") == [DeliveryStatus.QUEUE_FULL]
    assert driver.add("answer") == []


# -- order


def test_an_unconfirmed_text_holds_up_its_own_conversation_alone(driver):
    bridge(driver, "a")
    bridge(driver, "b")
    bridge(driver, "elsewhere", channel=2)
    driver.take()
    driver.down()
    driver.later(1).up()
    assert driver.later(INTERVAL).send().text == "elsewhere"
    driver.add("answer")
    assert driver.send().text == "answer"
    went = driver.now
    assert [driver.send().text for _ in range(2)] == ["a", "b"]
    assert driver.now - went > EVIDENCE_TIME - 10


def test_a_text_whose_status_is_lost_twice_lets_the_next_pass(driver):
    bridge(driver, "a")
    bridge(driver, "b")
    assert [driver.take_when_due().text for _ in range(3)] == ["a", "a", "b"]


def test_restored_texts_keep_their_order_and_go_before_new_ones():
    earlier = QueueDriver()
    for text in "abc":
        bridge(earlier, text)
    rows = list(earlier.queue.rows.take(0.0).values())
    driver = QueueDriver(now=200.0, first_id=50, first_row=1000).up()
    bridge(driver, "d")
    driver.queue.restore(reversed(rows), driver.now, wall=150.0)
    bridge(driver, "e")
    assert [driver.send().text for _ in range(5)] == ["a", "b", "c", "d", "e"]


# -- what a channel acknowledges


def test_a_broadcast_that_a_neighbour_relays_ends_as_relayed(driver):
    bridge(driver, "a")
    packet = driver.send()
    assert driver.routing(packet, sender=OWN) == [DeliveryStatus.RELAYED]


def test_the_parts_of_an_unrelayed_broadcast_all_go(driver):
    bridge(driver, TWO_PARTS)
    first = driver.send()
    assert driver.routing(first, "MAX_RETRANSMIT") == []
    second = driver.send()
    assert driver.routing(second, sender=OWN) == [DeliveryStatus.UNANSWERED]


def test_an_unacknowledged_direct_text_fails_with_its_reason(driver):
    bridge(driver, "a", to=ASKER)
    assert driver.routing(driver.send(), "MAX_RETRANSMIT") == [DeliveryStatus.FAILED]
    assert driver.reports[-1].reason == "MAX_RETRANSMIT"


@pytest.mark.parametrize(
    ("error", "end"), [("NONE", DeliveryStatus.RELAYED), ("MAX_RETRANSMIT", DeliveryStatus.UNANSWERED)]
)
def test_a_routing_answer_after_a_cut_makes_a_broadcast_s_repeat_needless(driver, error, end):
    bridge(driver, "a")
    packet = driver.take()
    driver.down()
    driver.later(3).up()
    assert driver.later(SETTLE_TIME).take() is None
    assert driver.routing(packet, error) == [DeliveryStatus.ACCEPTED, end]
    assert driver.later(RECEIVERS_REMEMBER).take() is None
    assert len(driver.queue) == 0


def test_an_accepted_text_reports_its_packet_ids(driver):
    bridge(driver, TWO_PARTS)
    ids = [driver.send().packet_id for _ in range(2)]
    (accepted,) = driver.reports
    assert (accepted.status, accepted.packet_ids, accepted.is_end) == (DeliveryStatus.ACCEPTED, tuple(ids), False)


def test_a_text_retried_under_another_id_reports_the_accepted_one(driver):
    bridge(driver, "a", want_ack=False)
    driver.status(driver.take(), 38)
    packet = driver.send()
    assert [report.reason for report in driver.reports] == ["RATE_LIMIT_EXCEEDED", ""]
    assert (driver.reports[-1].packet_ids, driver.reports[-1].is_end) == ((packet.packet_id,), True)
