"""What each refusal means, in the table and in the queue."""

from itertools import pairwise
from math import inf

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.messages import RoutingAnswer
from meshbot.sending.outgoing import Priority
from meshbot.sending.queued_text import ACK_TIMEOUT
from meshbot.sending.receipts import DeliveryStatus
from meshbot.sending.retry_policy import (
    AIR_TIME,
    LAST_TRY,
    LATER,
    NO_ACK,
    PARTLY_SENT,
    POLICIES,
    SOON,
    TX_QUEUE_FULL,
    UNKNOWN,
    error_name,
    may_answer,
    policy_of,
)
from tests.support.configured import LIFETIMES
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, OWN, QUEUE_FULL, TOO_LARGE, QueueDriver

MAX_TRIES = 3  # further ones

ERRORS = dict(mesh_pb2.Routing.Error.items())
NEVER_ON_AIR = {TX_QUEUE_FULL: SOON, "RATE_LIMIT_EXCEEDED": SOON, "DUTY_CYCLE_LIMIT": AIR_TIME}
KEY_LACKS = {"NO_CHANNEL", "PKI_FAILED", "PKI_SEND_FAIL_PUBLIC_KEY"}  # see test_key_cures.py
TRIED_AGAIN = {*NEVER_ON_AIR, *KEY_LACKS, "MAX_RETRANSMIT", NO_ACK, "PKI_UNKNOWN_PUBKEY"}
FINAL = sorted(set(ERRORS) - TRIED_AGAIN - {"NONE"})


@pytest.fixture
def driver():
    return QueueDriver().up()


def number(error):
    return QUEUE_FULL if error == TX_QUEUE_FULL else ERRORS[error]


# -- the table


def test_every_error_of_the_protocol_has_its_policy_and_words():
    assert set(POLICIES) == set(ERRORS) - {"NONE"} | {TX_QUEUE_FULL, NO_ACK, PARTLY_SENT}
    assert len({policy.words for policy in POLICIES.values()}) == len(POLICIES)


def test_no_policy_retries_more_than_three_times():
    assert max(len(policy.waits) for policy in POLICIES.values()) == MAX_TRIES


def test_a_status_s_number_names_its_error_and_32_a_full_queue():
    assert error_name(ERRORS["PKI_SEND_FAIL_PUBLIC_KEY"]) == "PKI_SEND_FAIL_PUBLIC_KEY"
    assert error_name(QUEUE_FULL) == TX_QUEUE_FULL
    assert error_name(4711) == "4711"


def test_an_unknown_error_is_given_up():
    assert policy_of("4711") is UNKNOWN
    assert UNKNOWN.wait(Priority.MAIL, 0) is None


# -- never went on air


@pytest.mark.parametrize(("error", "waits"), NEVER_ON_AIR.items())
def test_a_packet_refused_before_air_holds_the_others(error, waits):
    lifetime = 100 + sum(waits) + 10 * waits[-1]
    driver = QueueDriver(lifetimes=dict.fromkeys(Priority, lifetime)).up()
    driver.add("premier")
    driver.add("second")
    packets = [driver.take()]
    for wait in [*waits, *[waits[-1]] * 10]:
        reports = driver.status(packets[-1], number(error))
        assert reports == ([] if len(packets) > 1 else [DeliveryStatus.POSTPONED]), "it is said once"
        assert driver.queue.deadline <= driver.now + wait
        assert driver.later(wait - 0.1).take() is None
        driver.later(0.1).look()
        packets.append(driver.take())
        assert packets[-1] is not None
    assert {packet.text for packet in packets} == {"premier"}
    assert len({packet.packet_id for packet in packets}) == len(packets) > MAX_TRIES + 1
    driver.status(packets[-1])
    assert driver.send().text == "second"


@pytest.mark.parametrize("error", NEVER_ON_AIR)
def test_an_answer_is_tried_once_more_just_before_its_time_is_up(error, driver):
    end = driver.now + LIFETIMES[Priority.ANSWER]
    driver.add()
    tries = []
    while driver.queue.deadline < end:
        tries.append(driver.now)
        driver.status(driver.take_when_due(), number(error))
        tries[-1] = driver.now
    assert end - 2 * LAST_TRY <= tries[-1] <= end - LAST_TRY
    driver.now = end
    assert driver.look() == [DeliveryStatus.EXPIRED]
    assert driver.reports[-1].detail == f"{error}: {POLICIES[error].words}"
    assert driver.queue.deadline == float("inf")


def test_a_refusal_comes_twice_and_counts_once(driver):
    driver.add()
    packet = driver.take()
    assert driver.routing(packet, "RATE_LIMIT_EXCEEDED", OWN) == [DeliveryStatus.POSTPONED]
    assert driver.status(packet, number("RATE_LIMIT_EXCEEDED")) == []


def test_a_postponed_text_is_reported_with_reason_and_wait(driver):
    driver.add()
    driver.status(driver.take(), QUEUE_FULL)
    assert driver.reports[0].detail == "TX_QUEUE_FULL: file d'émission du nœud pleine; nouvel essai dans 5 s"


def test_a_packet_that_a_full_radio_refused_has_not_been_sent(driver):
    driver.add(expires_at=102.0)
    driver.status(driver.take(), QUEUE_FULL)
    driver.now = 102
    assert driver.look() == [DeliveryStatus.EXPIRED]


def test_what_holds_all_texts_uses_up_no_retry(driver):
    driver.mail()
    for _ in range(MAX_TRIES):
        driver.status(driver.take_when_due(), QUEUE_FULL)
        assert driver.routing(driver.send(), "MAX_RETRANSMIT") == [DeliveryStatus.POSTPONED]
    driver.status(driver.take_when_due(), QUEUE_FULL)
    assert driver.routing(driver.send(), "MAX_RETRANSMIT") == [DeliveryStatus.FAILED]


# -- the time is up for what was on air


def test_a_partly_sent_text_is_not_reported_unsent(driver):
    driver.add("mot " * 20)
    driver.send()
    driver.later(LIFETIMES[Priority.ANSWER])
    assert driver.look() == [DeliveryStatus.FAILED]
    assert (driver.reports[-1].reason, driver.reports[-1].detail[:11]) == (PARTLY_SENT, "PARTLY_SENT")


def test_a_mail_retried_too_late_is_not_reported_unsent(driver):
    driver.mail(expires_at=driver.now + 50)
    driver.routing(driver.send(), "MAX_RETRANSMIT")
    driver.later(50)
    assert driver.look() == [DeliveryStatus.FAILED]
    assert driver.reports[-1].reason == "MAX_RETRANSMIT"


# -- not acknowledged


def test_an_unacknowledged_answer_is_given_up_rather_than_repeated(driver):
    driver.add(want_ack=True)
    assert driver.routing(driver.send(), "MAX_RETRANSMIT") == [DeliveryStatus.FAILED]
    assert driver.reports[-1].detail == "MAX_RETRANSMIT: personne ne l'a acquittée"
    assert len(driver.queue) == 0


@pytest.mark.parametrize("silent", [False, True])
def test_an_unacknowledged_mail_is_retried_three_times_ever_later(driver, silent):
    driver.mail()
    packets, times = [], []
    while DeliveryStatus.FAILED not in [report.status for report in driver.reports]:
        packets.append(driver.send())
        if silent:
            driver.later(ACK_TIMEOUT).look()
        else:
            driver.routing(packets[-1], "MAX_RETRANSMIT")
        times.append(driver.now)
    pause = ACK_TIMEOUT if silent else 0
    assert [later - earlier - pause for earlier, later in pairwise(times)] == list(LATER)
    assert len({packet.packet_id for packet in packets}) == MAX_TRIES + 1


def test_other_texts_go_while_a_mail_waits_for_its_retry(driver):
    driver.mail()
    driver.routing(driver.send(), "MAX_RETRANSMIT")
    driver.add("b")
    assert driver.later(INTERVAL).take().text == "b"


def test_a_mail_s_parts_stay_in_order_through_a_retry(driver):
    driver.mail("mot " * 20)
    driver.routing(driver.send(), "MAX_RETRANSMIT")
    parts = []
    for _ in range(3):
        parts.append(driver.send())
        driver.routing(parts[-1], sender=ASKER)
    assert [part.text[:5] for part in parts] == ["(1/3)", "(2/3)", "(3/3)"]
    assert driver.statuses()[-1][1] is DeliveryStatus.ACKNOWLEDGED


# -- the receiver lacks our key


def test_a_receiver_without_our_key_gets_three_retries_within_90_s(driver):
    driver.add(want_ack=True)
    driver.add("b")
    packet = driver.send()
    assert driver.routing(packet, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.POSTPONED]
    assert driver.send().text == "b", "others are not concerned"
    again = driver.take_when_due()
    assert (again.text, driver.now) == (packet.text, 100 + 15)
    assert again.packet_id != packet.packet_id
    driver.status(again)
    for _ in range(2):
        assert driver.routing(again, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.POSTPONED]
        again = driver.take_when_due()
        driver.status(again)
    assert driver.now <= 100 + 90 + 10
    assert driver.routing(again, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.FAILED]


def test_an_acknowledgement_outweighs_a_refusal_in_the_same_name(driver):
    driver.add(want_ack=True)
    packet = driver.send()
    assert driver.routing(packet, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.POSTPONED]
    assert driver.later(2).routing(packet, "NONE", OWN) == []
    assert driver.routing(packet, "NONE", ASKER) == [DeliveryStatus.ACKNOWLEDGED]
    assert driver.queue.deadline == inf, "and it does not go again"


# -- who may say what

STRANGER = 0xBAD


@pytest.mark.parametrize("error", [*POLICIES, "NONE", "99"])
@pytest.mark.parametrize("sender", [STRANGER, EVERYBODY])
@pytest.mark.parametrize("priority", Priority)
def test_a_routing_answer_of_a_third_node_changes_nothing(driver, error, sender, priority):
    driver.add(want_ack=True, priority=priority)
    packet = driver.send()
    before = driver.queue.deadline
    driver.later(1)
    assert driver.routing(packet, error, sender) == []
    assert driver.queue.deadline == before
    driver.add("next", to=2)
    assert driver.take_when_due().text == "next"
    assert driver.now == 100 + INTERVAL


OURS_ALONE = {
    TX_QUEUE_FULL,
    "RATE_LIMIT_EXCEEDED",
    "DUTY_CYCLE_LIMIT",
    "MAX_RETRANSMIT",
    "PKI_SEND_FAIL_PUBLIC_KEY",
    "PKI_FAILED",
    "TOO_LARGE",
    "NO_INTERFACE",
}


@pytest.mark.parametrize("error", [*ERRORS, TX_QUEUE_FULL, "99"])
def test_an_answer_counts_only_from_who_can_give_it(error):
    assert may_answer(RoutingAnswer(1, OWN, error, is_own=True), ASKER)
    assert may_answer(RoutingAnswer(1, ASKER, error), ASKER) == (error not in OURS_ALONE)
    for other in (OWN, 0xBAD, EVERYBODY):
        assert not may_answer(RoutingAnswer(1, other, error), ASKER)


def test_a_stranger_acknowledges_nothing_not_even_a_refused_packet(driver):
    driver.add(want_ack=True)
    packet = driver.send()
    assert driver.routing(packet, "NONE", 0xBAD) == []
    assert driver.routing(packet, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.POSTPONED]
    assert driver.routing(packet, "NONE", 0xBAD) == []
    assert driver.routing(packet, "NONE", ASKER) == [DeliveryStatus.ACKNOWLEDGED]


@pytest.mark.parametrize("error", sorted(OURS_ALONE))
def test_what_only_our_node_can_know_counts_from_no_recipient(driver, error):
    driver.add(want_ack=True)
    packet = driver.send()
    assert driver.routing(packet, error, ASKER) == []
    assert driver.routing(packet, "NONE", ASKER) == [DeliveryStatus.ACKNOWLEDGED]


@pytest.mark.parametrize("giver", [OWN, ASKER])
def test_an_error_without_a_name_is_a_failure_by_its_number(driver, giver):
    driver.add(want_ack=True)
    assert driver.routing(driver.send(), "99", giver) == [DeliveryStatus.FAILED]
    assert driver.reports[-1].detail == "99: raison inconnue"


# -- final


@pytest.mark.parametrize("error", sorted(KEY_LACKS))
def test_a_broadcast_needs_nobodys_key(driver, error):
    driver.add(to=EVERYBODY, want_ack=True)
    assert driver.status(driver.take(), ERRORS[error]) == [DeliveryStatus.REFUSED]
    assert driver.queue.cures.take_wanted() == {}


@pytest.mark.parametrize("error", FINAL)
@pytest.mark.parametrize("priority", Priority)
def test_a_final_error_is_reported_in_words(driver, error, priority):
    driver.add(want_ack=True, priority=priority)
    giver = OWN if POLICIES[error].is_own else ASKER
    assert driver.routing(driver.send(), error, giver) == [DeliveryStatus.FAILED]
    assert driver.reports[-1].detail == f"{error}: {POLICIES[error].words}"


def test_a_refusal_by_the_node_itself_is_reported_as_refused(driver):
    driver.add()
    assert driver.status(driver.take(), TOO_LARGE) == [DeliveryStatus.REFUSED]
    assert driver.reports[-1].detail.startswith("TOO_LARGE: ")


def test_an_unknown_error_number_is_reported_as_it_is(driver):
    driver.add()
    driver.status(driver.take(), 4711)
    assert (driver.reports[-1].status, driver.reports[-1].detail) == (DeliveryStatus.REFUSED, "4711: raison inconnue")
