"""What each refusal means, in the table and in the outbox."""

from itertools import pairwise

import pytest
from meshtastic.protobuf import mesh_pb2

from meshbot.sending.outgoing import Priority
from meshbot.sending.queue import ACK_TIMEOUT
from meshbot.sending.receipts import DeliveryStatus
from meshbot.sending.retry_policy import (
    AIR_TIME,
    LATER,
    NO_ACK,
    POLICIES,
    SOON,
    TX_QUEUE_FULL,
    UNKNOWN,
    error_name,
    policy_of,
)
from tests.support.send_queue import ASKER, INTERVAL, OWN, QUEUE_FULL, TOO_LARGE, Box

MAX_TRIES = 3  # further ones

ERRORS = dict(mesh_pb2.Routing.Error.items())
NEVER_ON_AIR = {TX_QUEUE_FULL: SOON, "RATE_LIMIT_EXCEEDED": SOON, "DUTY_CYCLE_LIMIT": AIR_TIME}
TRIED_AGAIN = {*NEVER_ON_AIR, "MAX_RETRANSMIT", NO_ACK, "PKI_UNKNOWN_PUBKEY"}
FINAL = sorted(set(ERRORS) - TRIED_AGAIN - {"NONE"})


@pytest.fixture
def box():
    return Box().up()


def number(error):
    return QUEUE_FULL if error == TX_QUEUE_FULL else ERRORS[error]


# -- the table


def test_every_error_of_the_protocol_has_a_policy_and_words_of_its_own():
    assert set(POLICIES) == set(ERRORS) - {"NONE"} | {TX_QUEUE_FULL, NO_ACK}
    assert len({policy.words for policy in POLICIES.values()}) == len(POLICIES)


def test_nothing_is_tried_more_than_three_times_again():
    assert max(len(policy.waits) for policy in POLICIES.values()) == MAX_TRIES


def test_a_status_s_number_has_the_error_s_name_but_32_which_is_a_full_queue():
    assert error_name(ERRORS["PKI_SEND_FAIL_PUBLIC_KEY"]) == "PKI_SEND_FAIL_PUBLIC_KEY"
    assert error_name(QUEUE_FULL) == TX_QUEUE_FULL
    assert error_name(4711) == "4711"


def test_an_error_that_nobody_knows_is_given_up():
    assert policy_of("4711") is UNKNOWN
    assert UNKNOWN.wait(Priority.MAIL, 0) is None


# -- never went on air


@pytest.mark.parametrize(("error", "waits"), NEVER_ON_AIR.items())
def test_what_never_went_on_air_goes_again_later_under_a_new_id_and_nothing_goes_in_between(error, waits):
    box = Box(lifetimes=dict.fromkeys(Priority, 1000.0)).up()
    box.add("premier")
    box.add("second")
    packets = [box.take()]
    for wait in waits:
        assert box.status(packets[-1], number(error)) == [DeliveryStatus.POSTPONED]
        assert box.outbox.deadline == box.now + wait
        assert box.later(wait - 0.1).take() is None
        box.later(0.1)
        packets.append(box.take())
        assert packets[-1] is not None
    assert box.status(packets[-1], number(error)) == [DeliveryStatus.REFUSED]
    assert {packet.text for packet in packets} == {"premier"}
    assert len({packet.packet_id for packet in packets}) == len(packets) == MAX_TRIES + 1
    assert box.take_when_due().text == "second"


def test_a_refusal_comes_twice_and_counts_once(box):
    box.add()
    packet = box.take()
    assert box.routing(packet, "RATE_LIMIT_EXCEEDED", OWN) == [DeliveryStatus.POSTPONED]
    assert box.status(packet, number("RATE_LIMIT_EXCEEDED")) == []


def test_a_postponed_text_is_told_with_its_reason_and_the_wait(box):
    box.add()
    box.status(box.take(), QUEUE_FULL)
    assert box.outcomes[0].detail == "TX_QUEUE_FULL: file d'émission du nœud pleine; nouvel essai dans 5 s"


def test_a_packet_that_a_full_radio_refused_has_not_been_sent(box):
    box.add(expires_at=102.0)
    box.status(box.take(), QUEUE_FULL)
    box.now = 102
    assert box.look() == [DeliveryStatus.EXPIRED]


def test_different_reasons_together_are_three_further_tries_at_most(box):
    box.add(want_ack=True, expires_at=10_000)
    for error in (TX_QUEUE_FULL, "RATE_LIMIT_EXCEEDED", "PKI_UNKNOWN_PUBKEY"):
        assert box.status(box.take_when_due(), number(error)) == [DeliveryStatus.POSTPONED]
    assert box.status(box.take_when_due(), QUEUE_FULL) == [DeliveryStatus.REFUSED]


# -- nobody acknowledged


def test_an_answer_that_nobody_acknowledged_is_given_up_rather_than_said_twice(box):
    box.add(want_ack=True)
    assert box.routing(box.send(), "MAX_RETRANSMIT") == [DeliveryStatus.FAILED]
    assert box.outcomes[-1].detail == "MAX_RETRANSMIT: personne ne l'a acquittée"
    assert len(box.outbox) == 0


@pytest.mark.parametrize("silent", [False, True])
def test_a_mail_that_nobody_acknowledged_is_tried_three_times_more_ever_later(box, silent):
    box.mail()
    packets, times = [], []
    while DeliveryStatus.FAILED not in [outcome.status for outcome in box.outcomes]:
        packets.append(box.send())
        if silent:
            box.later(ACK_TIMEOUT).look()
        else:
            box.routing(packets[-1], "MAX_RETRANSMIT")
        times.append(box.now)
    pause = ACK_TIMEOUT if silent else 0
    assert [later - earlier - pause for earlier, later in pairwise(times)] == list(LATER)
    assert len({packet.packet_id for packet in packets}) == MAX_TRIES + 1


def test_other_texts_go_while_a_mail_waits_for_its_next_try(box):
    box.mail()
    box.routing(box.send(), "MAX_RETRANSMIT")
    box.add("b")
    assert box.later(INTERVAL).take().text == "b"


def test_a_mail_s_parts_stay_in_order_though_the_first_one_is_tried_again(box):
    box.mail("mot " * 20)
    box.routing(box.send(), "MAX_RETRANSMIT")
    parts = []
    for _ in range(3):
        parts.append(box.send())
        box.routing(parts[-1], sender=ASKER)
    assert [part.text[:5] for part in parts] == ["(1/3)", "(2/3)", "(3/3)"]
    assert box.fates()[-1][1] is DeliveryStatus.ACKNOWLEDGED


# -- the receiver lacks our key


def test_a_receiver_that_lacks_our_key_gets_the_text_once_more_when_it_had_time_to_learn_it(box):
    box.add(want_ack=True)
    box.add("b")
    packet = box.send()
    assert box.routing(packet, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.POSTPONED]
    assert box.send().text == "b", "others are not concerned"
    again = box.take_when_due()
    assert (again.text, box.now) == (packet.text, 100 + 15)
    assert again.packet_id != packet.packet_id
    box.status(again)
    assert box.routing(again, "PKI_UNKNOWN_PUBKEY", ASKER) == [DeliveryStatus.FAILED]


# -- final


@pytest.mark.parametrize("error", FINAL)
@pytest.mark.parametrize("priority", Priority)
def test_an_error_that_waiting_does_not_cure_is_given_up_in_words(box, error, priority):
    box.add(want_ack=True, priority=priority)
    assert box.routing(box.send(), error, ASKER) == [DeliveryStatus.FAILED]
    assert box.outcomes[-1].detail == f"{error}: {POLICIES[error].words}"


def test_a_refusal_by_the_node_itself_is_told_as_such(box):
    box.add()
    assert box.status(box.take(), TOO_LARGE) == [DeliveryStatus.REFUSED]
    assert box.outcomes[-1].detail.startswith("TOO_LARGE: ")


def test_a_number_that_nobody_knows_is_told_as_it_is(box):
    box.add()
    box.status(box.take(), 4711)
    assert (box.outcomes[-1].status, box.outcomes[-1].detail) == (DeliveryStatus.REFUSED, "4711: raison inconnue")
