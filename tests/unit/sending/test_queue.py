"""Order, pacing, confirmation and evidence; time is an argument."""

from math import inf

import pytest

from meshbot.sending.admission import WAITING_LIMITS
from meshbot.sending.outgoing import Priority
from meshbot.sending.queued_text import EVIDENCE_TIME, SETTLE_TIME
from meshbot.sending.receipts import DeliveryStatus
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, OWN, QueueDriver

SENDS_PER_LINK = 2  # of one packet on one link
RECEIVERS_REMEMBER = 300.0  # seconds in which receivers drop a copy
ACK_TIMEOUT = 60.0  # seconds
CONFIRM_TIMEOUT = 10.0  # seconds

LONG = "mot " * 20  # three parts


@pytest.fixture
def driver():
    return QueueDriver().up()


# -- pacing


def test_a_packet_goes_at_once_when_none_is_in_flight(driver):
    driver.add(reply_id=7, want_ack=True, channel=2)
    packet = driver.take()
    assert (packet.text, packet.to, packet.reply_id, packet.want_ack, packet.channel) == ("bonjour", ASKER, 7, True, 2)


def test_an_empty_queue_has_no_packet_and_no_deadline(driver):
    assert driver.take() is None
    assert driver.queue.deadline == inf


def test_the_next_packet_waits_for_the_confirmation(driver):
    driver.add()
    driver.add()
    first = driver.take()
    assert driver.later(INTERVAL).take() is None
    assert driver.status(first) == [DeliveryStatus.ACCEPTED]


def test_the_next_packet_goes_an_interval_after_the_confirmation(driver):
    driver.add("a")
    driver.add("b")
    first = driver.take()
    driver.later(1).status(first)
    assert driver.queue.deadline == driver.now + INTERVAL
    assert driver.later(INTERVAL - 0.1).take() is None
    assert driver.later(0.2).take().text == "b"


def test_a_late_confirmation_delays_the_next_packet(driver):
    """The node may have sent it just now, and drops a second text within 2 s."""
    driver.add("late")
    late = driver.take()
    for _ in range(SENDS_PER_LINK):
        driver.later(CONFIRM_TIMEOUT).look()
        driver.take()
    assert driver.later(5).status(late) == [DeliveryStatus.ACCEPTED]
    driver.add("next")
    assert driver.later(INTERVAL - 0.1).take() is None
    assert driver.later(0.2).take().text == "next"


def test_a_confirmation_for_a_text_that_has_ended_delays_the_next(driver):
    driver.add(LONG, want_ack=True)
    first = driver.send()
    second = driver.later(INTERVAL).take()
    assert driver.routing(first, "NO_ROUTE", sender=ASKER) == [DeliveryStatus.FAILED]
    driver.add("next")
    assert driver.later(5).status(second) == []
    assert driver.later(INTERVAL - 0.1).take() is None
    assert driver.later(0.2).take().text == "next"


def test_a_more_urgent_text_overtakes_one_that_could_not_be_written(driver):
    driver.add("mail", priority=Priority.MAIL)
    assert driver.take().text == "mail"
    driver.queue.not_sent()
    driver.add("answer")
    driver.up().later(INTERVAL)
    assert driver.take().text == "answer"


def test_a_packet_in_flight_counts_as_waiting(driver):
    driver.add()
    driver.take()
    assert len(driver.queue) == 1


# -- order


def test_texts_go_by_priority_and_then_by_arrival(driver):
    driver.down()
    for priority in (Priority.ALERT, Priority.BRIDGE, Priority.MAIL, Priority.ANSWER):
        driver.add(f"{priority.name} 1", priority=priority)
        driver.add(f"{priority.name} 2", priority=priority)
    driver.up()
    sent = [driver.send().text for _ in range(8)]
    assert sent == [f"{kind} {n}" for kind in ("ANSWER", "MAIL", "BRIDGE", "ALERT") for n in (1, 2)]


def test_a_text_s_parts_stay_together_though_a_more_urgent_text_comes(driver):
    driver.add(LONG, priority=Priority.ALERT)
    first = driver.send()
    driver.add("urgent")
    sent = [first, *(driver.send() for _ in range(3))]
    assert [packet.text[:5] for packet in sent] == ["(1/3)", "(2/3)", "(3/3)", "urgen"]
    assert len({packet.packet_id for packet in sent}) == 4


def test_a_text_is_accepted_when_its_last_part_is(driver):
    driver.add(LONG)
    assert len(driver.queue) == 3
    for _ in range(3):
        assert driver.statuses() == []
        driver.send()
    assert driver.statuses() == [(LONG, DeliveryStatus.ACCEPTED)]


def test_the_other_parts_of_a_refused_text_are_not_sent(driver):
    driver.add(LONG)
    driver.add("b")
    assert driver.status(driver.take(), 7) == [DeliveryStatus.REFUSED]
    assert driver.take_when_due().text == "b"
    assert len(driver.queue) == 1


def test_a_text_that_ends_with_a_part_in_flight_keeps_the_interval(driver):
    driver.add(LONG, want_ack=True)
    driver.add("b")
    first = driver.send()
    second = driver.take_when_due()
    assert driver.routing(first, "NO_ROUTE", ASKER) == [DeliveryStatus.FAILED]
    assert driver.later(INTERVAL).take() is None, "the node has not confirmed the part in flight"
    assert driver.status(second) == []
    assert driver.later(INTERVAL).take().text == "b"


# -- bounds


def test_beyond_the_limit_of_its_kind_a_text_is_turned_away(driver):
    for _ in range(WAITING_LIMITS[Priority.ANSWER] // 3):
        assert driver.add(LONG) == []
    assert driver.add(LONG) == [DeliveryStatus.QUEUE_FULL]
    assert driver.add("x") == []
    assert driver.add("x") == [DeliveryStatus.QUEUE_FULL]
    assert driver.mail() == []
    assert len(driver.queue) == WAITING_LIMITS[Priority.ANSWER] + 1


# -- the node's answers


def test_a_confirmed_packet_is_accepted_once(driver):
    driver.add()
    packet = driver.take()
    assert driver.status(packet) == [DeliveryStatus.ACCEPTED]
    assert driver.status(packet) == []
    assert len(driver.queue) == 0


def test_a_status_of_somebody_elses_packet_changes_nothing(driver):
    driver.add()
    driver.take()
    assert driver.queue.on_queue_status(4711, 0, driver.now) == []
    assert len(driver.queue) == 1


def test_a_status_of_a_packet_never_sent_changes_nothing(driver):
    driver.add()
    assert driver.queue.on_queue_status(1, 0, driver.now) == []
    assert driver.take().packet_id == 1


# -- without confirmation, on one link


def test_an_unconfirmed_packet_goes_again_under_its_own_id(driver):
    driver.add()
    packet = driver.take()
    assert driver.queue.deadline == driver.now + CONFIRM_TIMEOUT
    driver.later(CONFIRM_TIMEOUT)
    assert driver.look() == []
    assert driver.take() == packet


def test_after_two_unconfirmed_sends_the_other_texts_go(driver):
    driver.add("stuck")
    stuck = driver.take()
    driver.add("other")
    for _ in range(SENDS_PER_LINK - 1):
        driver.later(CONFIRM_TIMEOUT).look()
        assert driver.take() == stuck
    driver.later(CONFIRM_TIMEOUT).look()
    assert driver.take().text == "other"


def test_a_later_packet_s_confirmation_confirms_earlier_ones_of_the_link(driver):
    """The node reads a connection in order."""
    driver.add(LONG)
    first = driver.take()
    for _ in range(SENDS_PER_LINK):
        driver.later(CONFIRM_TIMEOUT).look()
        second = driver.take()
    assert (first.text[:5], second.text[:5]) == ("(1/3)", "(2/3)")
    driver.status(second)
    assert len(driver.queue) == 1
    driver.send()
    assert driver.statuses() == [(LONG, DeliveryStatus.ACCEPTED)]


def test_a_repeat_s_status_confirms_nothing_sent_between_its_copies(driver):
    """It may be the first copy's, which the node read before what was sent in between."""
    driver.add("alert", priority=Priority.ALERT)
    alert = driver.take()
    driver.load(60.0)
    driver.add("answer", is_proven=True)
    for _ in range(SENDS_PER_LINK):
        driver.later(CONFIRM_TIMEOUT).look()
        assert driver.take().text == "answer"
    driver.later(CONFIRM_TIMEOUT).look()
    driver.load(0.0)
    assert driver.take() == alert
    driver.status(alert)
    assert driver.statuses() == [("alert", DeliveryStatus.ACCEPTED)]


def test_a_later_packet_of_another_link_confirms_no_earlier_one(driver):
    driver.add("a", want_ack=True)
    driver.add("b")
    first = driver.take()
    for _ in range(SENDS_PER_LINK):
        driver.later(CONFIRM_TIMEOUT).look()
        driver.take()
    driver.down()
    driver.later(1).up()
    driver.send()
    assert len(driver.queue) == 1
    assert driver.take_when_due() == first


def test_a_routing_answer_confirms_where_the_status_was_lost(driver):
    driver.add(want_ack=True)
    packet = driver.take()
    assert driver.routing(packet) == [DeliveryStatus.ACCEPTED]
    assert driver.status(packet) == []
    assert driver.routing(packet, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_an_unconfirmed_packet_is_given_up_before_receivers_forget_its_id(driver):
    driver.mail("a")
    driver.take()
    for _ in range(SENDS_PER_LINK):
        driver.later(CONFIRM_TIMEOUT).look()
        driver.take()
    assert driver.queue.deadline == 100 + RECEIVERS_REMEMBER
    driver.now = 100 + RECEIVERS_REMEMBER
    assert driver.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_late_confirmation_counts_though_the_link_has_gone(driver):
    """The node drops the copy without a status: no other confirmation would come."""
    driver.add()
    packet = driver.take()
    driver.down()
    assert driver.later(1).status(packet) == [DeliveryStatus.ACCEPTED]
    assert len(driver.queue) == 0


# -- links


def test_nothing_goes_while_the_link_is_down(driver):
    driver.add(expires_at=150.0)
    driver.down()
    assert driver.take() is None
    assert driver.queue.deadline == 150


def test_a_packet_unconfirmed_at_a_cut_waits_for_evidence_alone(driver):
    driver.add("doubtful", want_ack=True)
    doubtful = driver.take()
    driver.add("other", want_ack=True)
    driver.down()
    driver.later(1).up()
    driver.later(INTERVAL - 1)
    assert driver.send().text == "other"
    assert driver.take_when_due() == doubtful
    assert driver.now == 100 + EVIDENCE_TIME


@pytest.mark.parametrize(
    ("error", "status"), [("NONE", DeliveryStatus.ACCEPTED), ("MAX_RETRANSMIT", DeliveryStatus.FAILED)]
)
def test_evidence_on_the_next_link_makes_a_repeat_needless(driver, error, status):
    driver.add(want_ack=True)
    packet = driver.take()
    driver.down()
    driver.later(1).up()
    driver.later(1)
    assert status in driver.routing(packet, error)
    driver.run_until_quiet()
    assert driver.reports[-1].status in {DeliveryStatus.RELAYED, DeliveryStatus.FAILED}
    assert len(driver.queue) == 0


def test_a_packet_without_acknowledgement_waits_only_for_the_link_to_settle(driver):
    driver.add(to=EVERYBODY)
    packet = driver.take()
    driver.down()
    driver.later(1).up()
    assert driver.take_when_due() == packet
    assert driver.now == 101 + SETTLE_TIME


def test_after_a_reboot_a_packet_waits_for_no_evidence(driver):
    driver.up(boots=4)
    driver.add(want_ack=True)
    packet = driver.take()
    driver.down()
    driver.later(1).up(boots=5)
    assert driver.take_when_due() == packet
    assert driver.now == 101 + SETTLE_TIME


def test_an_old_unconfirmed_packet_without_evidence_is_given_up(driver):
    driver.mail("a")
    driver.take()
    driver.down()
    driver.later(RECEIVERS_REMEMBER).up()
    assert driver.queue.deadline == driver.now + SETTLE_TIME
    driver.later(SETTLE_TIME)
    assert driver.take() is None
    assert driver.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_new_link_does_not_shorten_the_interval(driver):
    driver.add("a")
    driver.add("b")
    driver.take()
    driver.down()
    driver.up()
    assert driver.later(INTERVAL - 0.1).take() is None
    assert driver.later(0.2).take().text == "b"


def test_a_packet_that_could_not_be_written_keeps_its_place(driver):
    driver.add("a")
    driver.add("b")
    packet = driver.take()
    driver.queue.not_sent()
    assert driver.later(100).take() is None
    driver.up()
    assert driver.take() == packet


def test_a_repeat_that_could_not_be_written_leaves_its_packet_unconfirmed(driver):
    driver.add("a", want_ack=True)
    packet = driver.take()
    driver.down()
    driver.later(1).up()
    assert driver.take_when_due() == packet
    driver.queue.not_sent()
    assert driver.status(packet) == [DeliveryStatus.ACCEPTED]


# -- a node that reboots with an accepted packet


def test_an_unanswered_packet_goes_again_under_its_id_after_a_reboot(driver):
    driver.up(boots=4)
    driver.add(want_ack=True)
    packet = driver.send()
    driver.down()
    driver.later(15).up(boots=5)
    assert driver.take_when_due() == packet
    driver.status(packet)
    assert driver.routing(packet, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]
    assert [status for _, status in driver.statuses()] == [DeliveryStatus.ACCEPTED, DeliveryStatus.ACKNOWLEDGED]


@pytest.mark.parametrize("boots", [0, 4])
def test_without_a_reboot_an_accepted_packet_does_not_go_again(driver, boots):
    driver.up(boots=4)
    driver.add(want_ack=True)
    driver.send()
    driver.down()
    driver.later(15).up(boots=boots)
    driver.run_until_quiet()
    assert driver.statuses()[-1][1] is DeliveryStatus.UNANSWERED


def test_a_relayed_packet_does_not_go_again_after_a_reboot(driver):
    driver.up(boots=4)
    driver.add(want_ack=True)
    driver.routing(driver.send())
    driver.down()
    driver.later(15).up(boots=5)
    driver.run_until_quiet()
    assert driver.statuses()[-1][1] is DeliveryStatus.RELAYED


def test_a_reboot_long_after_an_accepted_packet_repeats_nothing(driver):
    driver.up(boots=4)
    driver.add(want_ack=True)
    driver.send()
    driver.down()
    driver.later(RECEIVERS_REMEMBER).up(boots=5)
    driver.run_until_quiet()
    assert driver.statuses()[-1][1] is DeliveryStatus.UNANSWERED


# -- expiry


def test_a_packet_that_never_went_expires(driver):
    driver.add(expires_at=150.0)
    driver.down()
    assert driver.queue.deadline == 150
    driver.now = 150
    assert driver.look() == [DeliveryStatus.EXPIRED]
    assert len(driver.queue) == 0


@pytest.mark.parametrize("priority", Priority)
def test_each_kind_lives_as_long_as_it_is_worth_sending(priority):
    lifetimes = {kind: 100.0 * kind for kind in Priority}
    driver = QueueDriver(now=1000, lifetimes=lifetimes)
    driver.add(priority=priority)
    assert driver.queue.deadline == 1000 + 100 * priority


def test_an_expired_packet_is_not_sent_even_before_its_deadline_is_handled(driver):
    driver.add(expires_at=150.0)
    driver.now = 150
    assert driver.take() is None


def test_a_packet_that_the_node_may_have_is_unconfirmed(driver):
    driver.add(expires_at=150.0)
    driver.take()
    driver.down()
    driver.now = 150
    assert driver.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_packet_that_could_not_be_written_has_not_been_sent(driver):
    driver.add(expires_at=150.0)
    driver.take()
    driver.queue.not_sent()
    driver.now = 150
    assert driver.look() == [DeliveryStatus.EXPIRED]


def test_a_packet_in_flight_does_not_expire_before_the_confirmation_is_due(driver):
    driver.add(expires_at=101.0)
    packet = driver.take()
    driver.now = 101
    assert driver.look() == []
    assert driver.later(1).status(packet) == [DeliveryStatus.ACCEPTED]


# -- acknowledgements from the mesh


@pytest.fixture
def accepted(driver):
    driver.add(want_ack=True)
    return driver.send()


def test_the_destinations_acknowledgement_is_the_real_one(driver, accepted):
    assert driver.routing(accepted, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_our_own_node_s_acknowledgement_means_that_a_neighbour_relayed_it(driver, accepted):
    assert driver.routing(accepted, sender=OWN) == []
    assert driver.routing(accepted, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


@pytest.mark.parametrize(("relayed", "status"), [(True, DeliveryStatus.RELAYED), (False, DeliveryStatus.UNANSWERED)])
def test_an_acknowledgement_is_awaited_for_a_minute(driver, accepted, relayed, status):
    if relayed:
        driver.routing(accepted)
    assert driver.queue.deadline == 100 + ACK_TIMEOUT
    driver.now = 100 + ACK_TIMEOUT
    assert driver.look() == [status]
    assert driver.queue.deadline == inf
    assert driver.routing(accepted, sender=ASKER) == []


def test_without_a_link_no_acknowledgement_is_given_up(driver, accepted):
    driver.down()
    assert driver.queue.deadline == inf
    driver.later(3600).up()
    assert driver.queue.deadline == driver.now + SETTLE_TIME
    assert driver.routing(accepted, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_a_relayed_broadcast_is_finished(driver):
    driver.add(to=EVERYBODY, want_ack=True)
    assert driver.routing(driver.send()) == [DeliveryStatus.RELAYED]


def test_a_second_acknowledgement_reports_nothing(driver, accepted):
    driver.routing(accepted, sender=ASKER)
    assert driver.routing(accepted, sender=ASKER) == []


def test_a_text_s_status_is_its_worst_part_s(driver):
    driver.add(LONG, want_ack=True)
    first, second, third = (driver.send() for _ in range(3))
    assert driver.routing(third, sender=ASKER) == []
    assert driver.routing(second) == []
    assert driver.routing(first, sender=ASKER) == []
    driver.run_until_quiet()
    assert driver.statuses() == [(LONG, DeliveryStatus.ACCEPTED), (LONG, DeliveryStatus.RELAYED)]


def test_a_packet_without_acknowledgement_has_no_deadline_once_accepted(driver):
    driver.add()
    packet = driver.send()
    assert driver.queue.deadline == inf
    assert driver.routing(packet, sender=ASKER) == []


def test_a_mail_s_next_part_waits_for_the_acknowledgement_before_it(driver):
    driver.mail(LONG)
    driver.add("answer")
    driver.add("another")
    assert [driver.send().text for _ in range(2)] == ["answer", "another"]
    first = driver.send()
    driver.later(INTERVAL)
    assert driver.take() is None
    driver.routing(first, sender=ASKER)
    assert driver.take_when_due().text.startswith("(2/3)")


# -- what is sent


def test_nothing_invisible_goes_on_air(driver):
    driver.add("Al\u202eice\x00 \x1b[2J\u200b👩\u200d👧\r\nfin")
    assert driver.take().text == "Alice [2J👩\u200d👧\nfin"
