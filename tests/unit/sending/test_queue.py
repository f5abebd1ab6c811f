"""Who goes first, pacing, confirmation and evidence; time is an argument."""

from math import inf

import pytest

from meshbot.sending.outgoing import WAITING_LIMITS, Priority
from meshbot.sending.queue import (
    EVIDENCE_TIME,
    SETTLE_TIME,
)
from meshbot.sending.receipts import DeliveryStatus
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, OWN, Box

SENDS_PER_LINK = 2  # of one packet on one link
RECEIVERS_REMEMBER = 300.0  # seconds in which receivers drop a copy
ACK_TIMEOUT = 60.0  # seconds
CONFIRM_TIMEOUT = 10.0  # seconds

LONG = "mot " * 20  # three parts


@pytest.fixture
def box():
    return Box().up()


# -- pacing


def test_a_packet_goes_at_once_when_nothing_is_under_way(box):
    box.add(reply_id=7, want_ack=True, channel=2)
    packet = box.take()
    assert (packet.text, packet.to, packet.reply_id, packet.want_ack, packet.channel) == ("bonjour", ASKER, 7, True, 2)


def test_nothing_is_taken_from_an_empty_outbox(box):
    assert box.take() is None
    assert box.outbox.deadline == inf


def test_the_next_packet_waits_for_the_confirmation(box):
    box.add()
    box.add()
    first = box.take()
    assert box.later(INTERVAL).take() is None
    assert box.status(first) == [DeliveryStatus.ACCEPTED]


def test_the_next_packet_goes_an_interval_after_the_confirmation(box):
    box.add("a")
    box.add("b")
    first = box.take()
    box.later(1).status(first)
    assert box.outbox.deadline == box.now + INTERVAL
    assert box.later(INTERVAL - 0.1).take() is None
    assert box.later(0.2).take().text == "b"


def test_the_late_confirmation_of_a_packet_that_was_passed_over_delays_the_next_one(box):
    """The node may have sent it just now, and drops what follows within 2 s in silence."""
    box.add("late")
    late = box.take()
    for _ in range(SENDS_PER_LINK):
        box.later(CONFIRM_TIMEOUT).look()
        box.take()
    assert box.later(5).status(late) == [DeliveryStatus.ACCEPTED]
    box.add("next")
    assert box.later(INTERVAL - 0.1).take() is None
    assert box.later(0.2).take().text == "next"


def test_the_confirmation_of_a_packet_whose_text_has_ended_meanwhile_delays_the_next_one(box):
    box.add(LONG, want_ack=True)
    first = box.send()
    second = box.later(INTERVAL).take()
    assert box.routing(first, "NO_CHANNEL", sender=ASKER) == [DeliveryStatus.FAILED]
    box.add("next")
    assert box.later(5).status(second) == []
    assert box.later(INTERVAL - 0.1).take() is None
    assert box.later(0.2).take().text == "next"


def test_a_text_that_could_not_be_written_lets_a_more_urgent_one_pass(box):
    box.add("letter", priority=Priority.MAIL)
    assert box.take().text == "letter"
    box.outbox.not_sent()
    box.add("answer")
    box.up().later(INTERVAL)
    assert box.take().text == "answer"


def test_a_packet_under_way_counts(box):
    box.add()
    box.take()
    assert len(box.outbox) == 1


# -- order


def test_kinds_go_in_the_order_of_their_priority_and_each_in_the_order_of_arrival(box):
    box.down()
    for priority in (Priority.ALERT, Priority.BRIDGE, Priority.MAIL, Priority.ANSWER):
        box.add(f"{priority.name} 1", priority=priority)
        box.add(f"{priority.name} 2", priority=priority)
    box.up()
    sent = [box.send().text for _ in range(8)]
    assert sent == [f"{kind} {n}" for kind in ("ANSWER", "MAIL", "BRIDGE", "ALERT") for n in (1, 2)]


def test_the_parts_of_a_text_stay_in_order_and_together_though_something_more_urgent_comes(box):
    box.add(LONG, priority=Priority.ALERT)
    first = box.send()
    box.add("urgent")
    sent = [first, *(box.send() for _ in range(3))]
    assert [packet.text[:5] for packet in sent] == ["(1/3)", "(2/3)", "(3/3)", "urgen"]
    assert len({packet.packet_id for packet in sent}) == 4


def test_a_text_is_accepted_when_its_last_part_is(box):
    box.add(LONG)
    assert len(box.outbox) == 3
    for _ in range(3):
        assert box.fates() == []
        box.send()
    assert box.fates() == [(LONG, DeliveryStatus.ACCEPTED)]


def test_the_other_parts_of_a_refused_text_are_not_sent(box):
    box.add(LONG)
    box.add("b")
    assert box.status(box.take(), 7) == [DeliveryStatus.REFUSED]
    assert box.take_when_due().text == "b"
    assert len(box.outbox) == 1


def test_a_text_that_ends_while_a_part_of_it_is_under_way_does_not_hurry_the_next(box):
    box.add(LONG, want_ack=True)
    box.add("b")
    first = box.send()
    second = box.take_when_due()
    assert box.routing(first, "NO_CHANNEL", ASKER) == [DeliveryStatus.FAILED]
    assert box.later(INTERVAL).take() is None, "the node has not said that it read the part under way"
    assert box.status(second) == []
    assert box.later(INTERVAL).take().text == "b"


# -- bounds


def test_beyond_a_hundred_packets_of_a_kind_a_text_is_turned_away_and_other_kinds_are_not(box):
    for _ in range(WAITING_LIMITS[Priority.ANSWER] // 3):
        assert box.add(LONG) == []
    assert box.add(LONG) == [DeliveryStatus.TURNED_AWAY]
    assert box.add("x") == []
    assert box.add("x") == [DeliveryStatus.TURNED_AWAY]
    assert box.mail() == []
    assert len(box.outbox) == WAITING_LIMITS[Priority.ANSWER] + 1


# -- the node's answers


def test_a_confirmed_packet_is_accepted_once(box):
    box.add()
    packet = box.take()
    assert box.status(packet) == [DeliveryStatus.ACCEPTED]
    assert box.status(packet) == []
    assert len(box.outbox) == 0


def test_a_status_of_somebody_elses_packet_changes_nothing(box):
    box.add()
    box.take()
    assert box.outbox.on_queue_status(4711, 0, box.now) == []
    assert len(box.outbox) == 1


def test_a_status_of_a_packet_never_sent_changes_nothing(box):
    box.add()
    assert box.outbox.on_queue_status(1, 0, box.now) == []
    assert box.take().packet_id == 1


# -- without confirmation, on one link


def test_an_unconfirmed_packet_goes_again_under_its_own_id(box):
    box.add()
    packet = box.take()
    assert box.outbox.deadline == box.now + CONFIRM_TIMEOUT
    box.later(CONFIRM_TIMEOUT)
    assert box.look() == []
    assert box.take() == packet


def test_a_packet_that_stays_unconfirmed_lets_the_others_pass(box):
    box.add("stuck")
    stuck = box.take()
    box.add("other")
    for _ in range(SENDS_PER_LINK - 1):
        box.later(CONFIRM_TIMEOUT).look()
        assert box.take() == stuck
    box.later(CONFIRM_TIMEOUT).look()
    assert box.take().text == "other"


def test_a_confirmation_of_a_later_packet_on_the_same_link_confirms_the_earlier_one(box):
    """The node reads a connection in order."""
    box.add(LONG)
    first = box.take()
    for _ in range(SENDS_PER_LINK):
        box.later(CONFIRM_TIMEOUT).look()
        second = box.take()
    assert (first.text[:5], second.text[:5]) == ("(1/3)", "(2/3)")
    box.status(second)
    assert len(box.outbox) == 1
    box.send()
    assert box.fates() == [(LONG, DeliveryStatus.ACCEPTED)]


def test_a_repeat_s_status_confirms_nothing_sent_between_its_copies(box):
    """It may be the first copy's, which the node read before what was sent in between."""
    box.add("alert", priority=Priority.ALERT)
    alert = box.take()
    box.load(60.0)
    box.add("answer")
    for _ in range(SENDS_PER_LINK):
        box.later(CONFIRM_TIMEOUT).look()
        assert box.take().text == "answer"
    box.later(CONFIRM_TIMEOUT).look()
    box.load(0.0)
    assert box.take() == alert
    box.status(alert)
    assert box.fates() == [("alert", DeliveryStatus.ACCEPTED)]


def test_an_earlier_packet_is_not_confirmed_by_a_later_one_on_another_link(box):
    box.add("a", want_ack=True)
    box.add("b")
    first = box.take()
    for _ in range(SENDS_PER_LINK):
        box.later(CONFIRM_TIMEOUT).look()
        box.take()
    box.down()
    box.later(1).up()
    box.send()
    assert len(box.outbox) == 1
    assert box.take_when_due() == first


def test_a_routing_answer_confirms_where_the_status_was_lost(box):
    box.add(want_ack=True)
    packet = box.take()
    assert box.routing(packet) == [DeliveryStatus.ACCEPTED]
    assert box.status(packet) == []
    assert box.routing(packet, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_a_packet_in_doubt_is_given_up_when_a_copy_might_be_read_twice(box):
    box.mail("a")
    box.take()
    for _ in range(SENDS_PER_LINK):
        box.later(CONFIRM_TIMEOUT).look()
        box.take()
    assert box.outbox.deadline == 100 + RECEIVERS_REMEMBER
    box.now = 100 + RECEIVERS_REMEMBER
    assert box.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_late_confirmation_counts_though_the_link_has_gone(box):
    """The node drops the copy without a word: nothing else would ever confirm it."""
    box.add()
    packet = box.take()
    box.down()
    assert box.later(1).status(packet) == [DeliveryStatus.ACCEPTED]
    assert len(box.outbox) == 0


# -- links


def test_nothing_goes_while_the_link_is_down(box):
    box.add(expires_at=150.0)
    box.down()
    assert box.take() is None
    assert box.outbox.deadline == 150


def test_a_packet_whose_confirmation_went_with_the_link_waits_for_evidence_while_others_go(box):
    box.add("doubtful", want_ack=True)
    doubtful = box.take()
    box.add("other", want_ack=True)
    box.down()
    box.later(1).up()
    box.later(INTERVAL - 1)
    assert box.send().text == "other"
    assert box.take_when_due() == doubtful
    assert box.now == 100 + EVIDENCE_TIME


@pytest.mark.parametrize(
    ("error", "fate"), [("NONE", DeliveryStatus.ACCEPTED), ("MAX_RETRANSMIT", DeliveryStatus.FAILED)]
)
def test_evidence_on_the_next_link_spares_the_repetition(box, error, fate):
    box.add(want_ack=True)
    packet = box.take()
    box.down()
    box.later(1).up()
    box.later(1)
    assert fate in box.routing(packet, error)
    box.run_until_quiet()
    assert box.outcomes[-1].status in {DeliveryStatus.RELAYED, DeliveryStatus.FAILED}
    assert len(box.outbox) == 0


def test_a_packet_that_gets_no_routing_answers_waits_only_until_the_node_has_told_what_it_kept(box):
    box.add(to=EVERYBODY)
    packet = box.take()
    box.down()
    box.later(1).up()
    assert box.take_when_due() == packet
    assert box.now == 101 + SETTLE_TIME


def test_after_a_reboot_no_evidence_is_waited_for(box):
    box.up(boots=4)
    box.add(want_ack=True)
    packet = box.take()
    box.down()
    box.later(1).up(boots=5)
    assert box.take_when_due() == packet
    assert box.now == 101 + SETTLE_TIME


def test_an_old_packet_in_doubt_is_given_up_when_the_next_link_brings_no_evidence(box):
    box.mail("a")
    box.take()
    box.down()
    box.later(RECEIVERS_REMEMBER).up()
    assert box.outbox.deadline == box.now + SETTLE_TIME
    box.later(SETTLE_TIME)
    assert box.take() is None
    assert box.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_new_link_does_not_shorten_the_interval(box):
    box.add("a")
    box.add("b")
    box.take()
    box.down()
    box.up()
    assert box.later(INTERVAL - 0.1).take() is None
    assert box.later(0.2).take().text == "b"


def test_a_packet_that_could_not_be_written_keeps_its_place_and_is_not_in_doubt(box):
    box.add("a")
    box.add("b")
    packet = box.take()
    box.outbox.not_sent()
    assert box.later(100).take() is None
    box.up()
    assert box.take() == packet


def test_a_packet_that_could_not_be_written_again_stays_in_doubt(box):
    box.add("a", want_ack=True)
    packet = box.take()
    box.down()
    box.later(1).up()
    assert box.take_when_due() == packet
    box.outbox.not_sent()
    assert box.status(packet) == [DeliveryStatus.ACCEPTED]


# -- a node that reboots with an accepted packet


def test_an_accepted_packet_of_which_the_mesh_said_nothing_goes_again_under_its_id_after_a_reboot(box):
    box.up(boots=4)
    box.add(want_ack=True)
    packet = box.send()
    box.down()
    box.later(15).up(boots=5)
    assert box.take_when_due() == packet
    box.status(packet)
    assert box.routing(packet, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]
    assert [fate for _, fate in box.fates()] == [DeliveryStatus.ACCEPTED, DeliveryStatus.ACKNOWLEDGED]


@pytest.mark.parametrize("boots", [0, 4])
def test_without_a_reboot_an_accepted_packet_does_not_go_again(box, boots):
    box.up(boots=4)
    box.add(want_ack=True)
    box.send()
    box.down()
    box.later(15).up(boots=boots)
    box.run_until_quiet()
    assert box.fates()[-1][1] is DeliveryStatus.UNANSWERED


def test_a_packet_that_a_neighbour_repeated_does_not_go_again_after_a_reboot(box):
    box.up(boots=4)
    box.add(want_ack=True)
    box.routing(box.send())
    box.down()
    box.later(15).up(boots=5)
    box.run_until_quiet()
    assert box.fates()[-1][1] is DeliveryStatus.RELAYED


def test_a_reboot_long_after_an_accepted_packet_repeats_nothing(box):
    box.up(boots=4)
    box.add(want_ack=True)
    box.send()
    box.down()
    box.later(RECEIVERS_REMEMBER).up(boots=5)
    box.run_until_quiet()
    assert box.fates()[-1][1] is DeliveryStatus.UNANSWERED


# -- expiry


def test_a_packet_that_never_went_expires(box):
    box.add(expires_at=150.0)
    box.down()
    assert box.outbox.deadline == 150
    box.now = 150
    assert box.look() == [DeliveryStatus.EXPIRED]
    assert len(box.outbox) == 0


@pytest.mark.parametrize("priority", Priority)
def test_each_kind_lives_as_long_as_it_is_worth_sending(priority):
    lifetimes = {kind: 100.0 * kind for kind in Priority}
    box = Box(now=1000, lifetimes=lifetimes)
    box.add(priority=priority)
    assert box.outbox.deadline == 1000 + 100 * priority


def test_an_expired_packet_is_not_sent_even_if_nobody_looked_at_the_deadline(box):
    box.add(expires_at=150.0)
    box.now = 150
    assert box.take() is None


def test_a_packet_that_the_node_may_have_is_unconfirmed(box):
    box.add(expires_at=150.0)
    box.take()
    box.down()
    box.now = 150
    assert box.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_packet_that_could_not_be_written_has_not_been_sent(box):
    box.add(expires_at=150.0)
    box.take()
    box.outbox.not_sent()
    box.now = 150
    assert box.look() == [DeliveryStatus.EXPIRED]


def test_a_packet_under_way_does_not_expire_before_the_node_had_its_time(box):
    box.add(expires_at=101.0)
    packet = box.take()
    box.now = 101
    assert box.look() == []
    assert box.later(1).status(packet) == [DeliveryStatus.ACCEPTED]


# -- acknowledgements from the mesh


@pytest.fixture
def accepted(box):
    box.add(want_ack=True)
    return box.send()


def test_the_destinations_acknowledgement_is_the_real_one(box, accepted):
    assert box.routing(accepted, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_our_own_nodes_acknowledgement_only_means_that_a_neighbour_repeated_it(box, accepted):
    assert box.routing(accepted, sender=OWN) == []
    assert box.routing(accepted, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


@pytest.mark.parametrize(("relayed", "fate"), [(True, DeliveryStatus.RELAYED), (False, DeliveryStatus.UNANSWERED)])
def test_an_acknowledgement_is_awaited_for_a_minute(box, accepted, relayed, fate):
    if relayed:
        box.routing(accepted)
    assert box.outbox.deadline == 100 + ACK_TIMEOUT
    box.now = 100 + ACK_TIMEOUT
    assert box.look() == [fate]
    assert box.outbox.deadline == inf
    assert box.routing(accepted, sender=ASKER) == []


def test_without_a_link_no_acknowledgement_can_come_and_none_is_given_up(box, accepted):
    box.down()
    assert box.outbox.deadline == inf
    box.later(3600).up()
    assert box.outbox.deadline == box.now + SETTLE_TIME
    assert box.routing(accepted, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_a_neighbours_repetition_is_all_that_a_broadcast_can_hope_for(box):
    box.add(to=EVERYBODY, want_ack=True)
    assert box.routing(box.send()) == [DeliveryStatus.RELAYED]


def test_a_second_acknowledgement_says_nothing(box, accepted):
    box.routing(accepted, sender=ASKER)
    assert box.routing(accepted, sender=ASKER) == []


def test_a_text_of_several_parts_is_as_well_off_as_its_worst_part(box):
    box.add(LONG, want_ack=True)
    first, second, third = (box.send() for _ in range(3))
    assert box.routing(third, sender=ASKER) == []
    assert box.routing(second) == []
    assert box.routing(first, sender=ASKER) == []
    box.run_until_quiet()
    assert box.fates() == [(LONG, DeliveryStatus.ACCEPTED), (LONG, DeliveryStatus.RELAYED)]


def test_a_packet_that_asked_for_none_awaits_none(box):
    box.add()
    packet = box.send()
    assert box.outbox.deadline == inf
    assert box.routing(packet, sender=ASKER) == []


def test_the_next_part_of_a_mail_waits_for_the_acknowledgement_of_the_one_before(box):
    box.mail(LONG)
    box.add("answer")
    box.add("another")
    assert [box.send().text for _ in range(2)] == ["answer", "another"]
    first = box.send()
    box.later(INTERVAL)
    assert box.take() is None
    box.routing(first, sender=ASKER)
    assert box.take_when_due().text.startswith("(2/3)")
