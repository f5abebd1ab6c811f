"""Pacing, confirmation and repetition; time is an argument."""

from itertools import count
from math import inf

import pytest

from mesh_link.outbox import (
    ACK_TIMEOUT,
    CONFIRM_TIMEOUT,
    REFUSAL_WAITS,
    SENDS_PER_LINK,
    Fate,
    Outbox,
    OutgoingText,
)

INTERVAL = 2.2
ASKER = 0x1234
OWN = 0x9999
QUEUE_FULL, TOO_LARGE = 32, 7


@pytest.fixture
def outbox():
    box = Outbox(INTERVAL, 40, count(1).__next__)
    box.link_up()
    return box


def add(outbox, text="bonjour", **details):
    return outbox.add(OutgoingText(text, ASKER, **details))


def fates(outcomes):
    return [(outcome.packet.packet_id, outcome.fate) for outcome in outcomes]


# -- pacing


def test_a_packet_goes_at_once_when_nothing_is_under_way(outbox):
    (packet,) = add(outbox, reply_id=7, want_ack=True, channel=2)
    assert outbox.take(100) == packet
    assert (packet.to, packet.reply_id, packet.want_ack, packet.channel) == (ASKER, 7, True, 2)


def test_nothing_is_taken_from_an_empty_outbox(outbox):
    assert outbox.take(100) is None
    assert outbox.deadline == inf


def test_the_next_packet_waits_for_the_confirmation(outbox):
    first, _ = add(outbox), add(outbox)
    outbox.take(100)
    assert outbox.take(100 + INTERVAL) is None
    assert outbox.on_queue_status(first[0].packet_id, 0, 103) != []


def test_the_next_packet_goes_an_interval_after_the_confirmation(outbox):
    first, second = add(outbox)[0], add(outbox)[0]
    outbox.take(100)
    outbox.on_queue_status(first.packet_id, 0, 101)
    assert outbox.deadline == 101 + INTERVAL
    assert outbox.take(101 + INTERVAL - 0.1) is None
    assert outbox.take(101 + INTERVAL) == second


def test_the_parts_of_a_long_text_are_packets_of_their_own(outbox):
    packets = add(outbox, "mot " * 20, reply_id=7)
    assert len(packets) == len({packet.packet_id for packet in packets}) == 3
    assert all(packet.reply_id == 7 for packet in packets)
    assert len(outbox) == 3


def test_a_packet_under_way_counts(outbox):
    add(outbox)
    outbox.take(100)
    assert len(outbox) == 1


# -- the node's answers


def test_a_confirmed_packet_is_accepted_once(outbox):
    (packet,) = add(outbox)
    outbox.take(100)
    assert fates(outbox.on_queue_status(packet.packet_id, 0, 101)) == [(packet.packet_id, Fate.ACCEPTED)]
    assert outbox.on_queue_status(packet.packet_id, 0, 101) == []
    assert len(outbox) == 0


def test_a_status_of_somebody_elses_packet_changes_nothing(outbox):
    add(outbox)
    outbox.take(100)
    assert outbox.on_queue_status(4711, 0, 101) == []
    assert len(outbox) == 1


def test_a_status_of_a_packet_never_sent_changes_nothing(outbox):
    (packet,) = add(outbox)
    assert outbox.on_queue_status(packet.packet_id, 0, 101) == []
    assert outbox.take(101) == packet


def test_a_final_refusal_is_the_packets_end(outbox):
    (packet,) = add(outbox)
    outbox.take(100)
    (outcome,) = outbox.on_queue_status(packet.packet_id, TOO_LARGE, 101)
    assert (outcome.fate, outcome.detail) == (Fate.REFUSED, "7")
    assert len(outbox) == 0


def test_a_full_radio_gets_the_packet_later_under_a_new_id(outbox):
    (packet,) = add(outbox)
    outbox.take(100)
    assert outbox.on_queue_status(packet.packet_id, QUEUE_FULL, 101) == []
    assert outbox.deadline == 101 + REFUSAL_WAITS[0]
    again = outbox.take(outbox.deadline)
    assert (again.text, again.to) == (packet.text, packet.to)
    assert again.packet_id != packet.packet_id


def test_a_full_radio_gets_no_other_packet_in_between(outbox):
    (packet,) = add(outbox, "premier")
    add(outbox, "second")
    outbox.take(100)
    outbox.on_queue_status(packet.packet_id, QUEUE_FULL, 100)
    assert outbox.take(100 + REFUSAL_WAITS[0] - 0.1) is None
    assert outbox.take(100 + REFUSAL_WAITS[0]).text == "premier"


def test_a_radio_that_stays_full_refuses_in_the_end(outbox):
    add(outbox)
    outcomes, waits = [], []
    while not outcomes:
        due = outbox.deadline if waits else 100.0
        outcomes = outbox.on_queue_status(outbox.take(due).packet_id, QUEUE_FULL, due)
        waits.append(outbox.deadline - due)
    assert waits == [*REFUSAL_WAITS, inf]
    assert outcomes[0].fate is Fate.REFUSED


# -- without confirmation


def test_an_unconfirmed_packet_goes_again_under_its_own_id(outbox):
    (packet,) = add(outbox)
    outbox.take(100)
    assert outbox.deadline == 100 + CONFIRM_TIMEOUT
    assert outbox.on_deadline(100 + CONFIRM_TIMEOUT) == []
    assert outbox.take(100 + CONFIRM_TIMEOUT) == packet


def test_after_three_sends_a_packet_waits_for_the_next_link_and_lets_others_pass(outbox):
    (stuck,), (other,) = add(outbox, "a"), add(outbox, "b")
    now = 100.0
    for _ in range(SENDS_PER_LINK):
        assert outbox.take(now) == stuck
        now += CONFIRM_TIMEOUT
        outbox.on_deadline(now)
    assert outbox.take(now) == other
    outbox.on_queue_status(other.packet_id, 0, now)
    assert outbox.deadline == inf
    outbox.link_down()
    outbox.link_up()
    assert outbox.take(now + INTERVAL) == stuck


def test_a_late_confirmation_counts_though_the_link_has_gone(outbox):
    """The node drops the copy without a word: nothing else would ever confirm it."""
    (packet,) = add(outbox)
    outbox.take(100)
    outbox.link_down()
    assert fates(outbox.on_queue_status(packet.packet_id, 0, 101)) == [(packet.packet_id, Fate.ACCEPTED)]
    assert len(outbox) == 0


# -- links


def test_nothing_goes_while_the_link_is_down(outbox):
    add(outbox)
    outbox.link_down()
    assert outbox.take(100) is None
    assert outbox.deadline == inf


def test_what_was_under_way_goes_first_on_the_next_link_under_its_own_id(outbox):
    (packet,) = add(outbox, "a")
    add(outbox, "b")
    outbox.take(100)
    outbox.link_down()
    outbox.link_up()
    assert outbox.take(100 + INTERVAL) == packet


def test_a_new_link_does_not_shorten_the_interval(outbox):
    add(outbox)
    outbox.take(100)
    outbox.link_down()
    outbox.link_up()
    assert outbox.take(100 + INTERVAL - 0.1) is None


def test_a_packet_that_could_not_be_written_keeps_its_place_and_waits_for_a_link(outbox):
    (packet,) = add(outbox, "a")
    add(outbox, "b")
    outbox.take(100)
    outbox.not_sent()
    assert outbox.take(200) is None
    outbox.link_up()
    assert outbox.take(200) == packet


# -- expiry


def test_a_packet_that_never_went_expires(outbox):
    (packet,) = add(outbox, expires_at=150.0)
    outbox.link_down()
    assert outbox.deadline == 150
    assert fates(outbox.on_deadline(150)) == [(packet.packet_id, Fate.EXPIRED)]
    assert len(outbox) == 0


def test_an_expired_packet_is_not_sent_even_if_nobody_looked_at_the_deadline(outbox):
    add(outbox, expires_at=150.0)
    assert outbox.take(150) is None


def test_a_packet_that_the_node_may_have_is_unconfirmed(outbox):
    (packet,) = add(outbox, expires_at=150.0)
    outbox.take(100)
    outbox.link_down()
    assert fates(outbox.on_deadline(150)) == [(packet.packet_id, Fate.UNCONFIRMED)]


def test_a_packet_that_could_not_be_written_has_not_been_sent(outbox):
    (packet,) = add(outbox, expires_at=150.0)
    outbox.take(100)
    outbox.not_sent()
    assert fates(outbox.on_deadline(150)) == [(packet.packet_id, Fate.EXPIRED)]


def test_a_packet_that_a_full_radio_refused_has_not_been_sent(outbox):
    (packet,) = add(outbox, expires_at=102.0)
    outbox.take(100)
    outbox.on_queue_status(packet.packet_id, QUEUE_FULL, 101)
    assert [outcome.fate for outcome in outbox.on_deadline(102)] == [Fate.EXPIRED]


def test_a_packet_under_way_does_not_expire_before_the_node_had_its_time(outbox):
    (packet,) = add(outbox, expires_at=101.0)
    outbox.take(100)
    assert outbox.on_deadline(101) == []
    assert fates(outbox.on_queue_status(packet.packet_id, 0, 102)) == [(packet.packet_id, Fate.ACCEPTED)]


# -- acknowledgements from the mesh


@pytest.fixture
def accepted(outbox):
    (packet,) = add(outbox, want_ack=True)
    outbox.take(100)
    outbox.on_queue_status(packet.packet_id, 0, 100)
    return packet


def test_the_destinations_acknowledgement_is_the_real_one(outbox, accepted):
    assert fates(outbox.on_routing(accepted.packet_id, "NONE", sender=ASKER)) == [
        (accepted.packet_id, Fate.ACKNOWLEDGED)
    ]


def test_our_own_nodes_acknowledgement_only_means_that_a_neighbour_repeated_it(outbox, accepted):
    assert fates(outbox.on_routing(accepted.packet_id, "NONE", sender=OWN)) == [(accepted.packet_id, Fate.RELAYED)]
    assert fates(outbox.on_routing(accepted.packet_id, "NONE", sender=ASKER)) == [
        (accepted.packet_id, Fate.ACKNOWLEDGED)
    ]


def test_a_routing_error_is_told_with_its_name(outbox, accepted):
    (outcome,) = outbox.on_routing(accepted.packet_id, "MAX_RETRANSMIT", sender=OWN)
    assert (outcome.fate, outcome.detail) == (Fate.FAILED, "MAX_RETRANSMIT")


def test_a_second_acknowledgement_says_nothing(outbox, accepted):
    outbox.on_routing(accepted.packet_id, "NONE", sender=ASKER)
    assert outbox.on_routing(accepted.packet_id, "NONE", sender=ASKER) == []


def test_an_acknowledgement_is_awaited_for_two_minutes(outbox, accepted):
    assert outbox.deadline == 100 + ACK_TIMEOUT
    assert outbox.on_deadline(100 + ACK_TIMEOUT) == []
    assert outbox.deadline == inf
    assert outbox.on_routing(accepted.packet_id, "NONE", sender=ASKER) == []


def test_a_packet_that_asked_for_none_awaits_none(outbox):
    (packet,) = add(outbox)
    outbox.take(100)
    outbox.on_queue_status(packet.packet_id, 0, 100)
    assert outbox.deadline == inf
    assert outbox.on_routing(packet.packet_id, "NONE", sender=ASKER) == []
