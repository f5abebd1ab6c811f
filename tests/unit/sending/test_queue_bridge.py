"""Texts from elsewhere: what they wait for is told, they keep their order, and channels acknowledge in their way."""

from __future__ import annotations

import pytest

from meshbot.sending.outgoing import WAITING_LIMITS, Priority, TelegramOrigin
from meshbot.sending.queue import EVIDENCE_TIME, RECEIVERS_REMEMBER, SETTLE_TIME, TURN_SAID_FROM
from meshbot.sending.receipts import BUSY_CHANNEL, NO_LINK, DeliveryStatus
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, OWN, Box

TWO_PARTS = "mot " * 14
ORIGIN = TelegramOrigin(-100, None, 7)


@pytest.fixture
def box():
    return Box().up()


def bridge(box, text, to=EVERYBODY, **details):
    details = {"channel": 1, "want_ack": True, "priority": Priority.BRIDGE, "origin": ORIGIN} | details
    return box.add(text, to, **details)


def waits(box):
    return [(outcome.message.text, outcome.reason or outcome.ahead) for outcome in box.queued]


# -- what it waits for


def test_a_text_without_a_link_waits_for_it_and_that_is_told_once():
    box = Box()
    bridge(box, "a")
    box.down()
    assert waits(box) == [("a", NO_LINK)]
    assert box.queued[0].detail == "lien coupé"


def test_a_text_that_goes_at_once_waits_for_nothing(box):
    bridge(box, "a")
    assert box.queued == []


def test_a_link_that_goes_makes_wait_what_the_node_has_not_confirmed_and_nothing_else(box):
    for text in "abc":
        bridge(box, text)
    box.send()
    box.take_when_due()
    box.down()
    assert waits(box) == [("b", NO_LINK), ("c", NO_LINK)]


def test_a_long_turn_is_told_with_the_number_of_packets_before_it(box):
    box.mail("letter")
    for n in range(TURN_SAID_FROM + 1):
        bridge(box, f"{n}")
    bridge(box, "last")
    assert waits(box) == [("4", 5), ("5", 6), ("last", 7)]
    assert box.queued[-1].detail == "derrière 7 autres"


def test_a_busy_channel_is_told_to_what_waits_and_to_what_comes(box):
    bridge(box, "a")
    box.load(60.0)
    bridge(box, "b")
    box.add("answer")
    box.load(61.0)
    assert waits(box) == [("a", BUSY_CHANNEL), ("b", BUSY_CHANNEL)]


def test_a_channel_that_is_free_again_is_told_to_nobody(box):
    box.load(60.0)
    for n in range(TURN_SAID_FROM + 2):
        bridge(box, f"{n}")
    box.queued.clear()
    box.load(10.0)
    assert box.queued == []


# -- bounds


def test_a_hundred_messages_of_two_packets_wait_for_the_link_and_go_in_order_none_twice():
    box = Box()
    texts = [f"{n:02} {TWO_PARTS}" for n in range(100)]
    for text in texts:
        assert bridge(box, text) == []
    box.later(900).look()
    box.up()
    sent = [box.send() for _ in range(200)]
    assert len({packet.packet_id for packet in sent}) == 200
    assert "".join(packet.text.partition(") ")[2] for packet in sent) == "".join(texts)
    assert [o.message.text for o in box.outcomes if o.status is DeliveryStatus.ACCEPTED] == texts


def test_beyond_their_limit_bridged_texts_are_turned_away(box):
    for n in range(WAITING_LIMITS[Priority.BRIDGE]):
        assert bridge(box, f"{n}") == []
    assert bridge(box, "too many") == [DeliveryStatus.TURNED_AWAY]
    assert box.add("answer") == []


# -- order


def test_a_text_in_doubt_holds_up_the_rest_of_its_conversation_and_nothing_else(box):
    bridge(box, "a")
    bridge(box, "b")
    bridge(box, "elsewhere", channel=2)
    box.take()
    box.down()
    box.later(1).up()
    assert box.later(INTERVAL).send().text == "elsewhere"
    box.add("answer")
    assert box.send().text == "answer"
    went = box.now
    assert [box.send().text for _ in range(2)] == ["a", "b"]
    assert box.now - went > EVIDENCE_TIME - 10


def test_a_text_whose_status_is_lost_twice_lets_the_next_pass(box):
    bridge(box, "a")
    bridge(box, "b")
    assert [box.take_when_due().text for _ in range(3)] == ["a", "a", "b"]


def test_texts_of_an_earlier_process_keep_their_order_and_go_before_newer_ones():
    earlier = Box()
    for text in "abc":
        bridge(earlier, text)
    rows = list(earlier.outbox.take_changes(0.0).values())
    box = Box(now=200.0, first_id=50, first_row=1000).up()
    bridge(box, "d")
    box.outbox.restore(reversed(rows), box.now, wall=150.0)
    bridge(box, "e")
    assert [box.send().text for _ in range(5)] == ["a", "b", "c", "d", "e"]


# -- what a channel acknowledges


def test_a_neighbour_that_relays_a_channel_s_text_ends_it_well(box):
    bridge(box, "a")
    packet = box.send()
    assert box.routing(packet, sender=OWN) == [DeliveryStatus.RELAYED]


def test_a_channel_s_text_that_nobody_relays_was_on_air_and_its_other_parts_go_too(box):
    bridge(box, TWO_PARTS)
    first = box.send()
    assert box.routing(first, "MAX_RETRANSMIT") == []
    second = box.send()
    assert box.routing(second, sender=OWN) == [DeliveryStatus.UNANSWERED]


def test_a_text_to_one_that_nobody_acknowledges_fails_with_the_reason_by_name(box):
    bridge(box, "a", to=ASKER)
    assert box.routing(box.send(), "MAX_RETRANSMIT") == [DeliveryStatus.FAILED]
    assert box.outcomes[-1].reason == "MAX_RETRANSMIT"


@pytest.mark.parametrize(
    ("error", "end"), [("NONE", DeliveryStatus.RELAYED), ("MAX_RETRANSMIT", DeliveryStatus.UNANSWERED)]
)
def test_a_channel_s_text_whose_status_went_with_the_link_is_not_said_again_if_the_mesh_speaks_of_it(box, error, end):
    bridge(box, "a")
    packet = box.take()
    box.down()
    box.later(3).up()
    assert box.later(SETTLE_TIME).take() is None
    assert box.routing(packet, error) == [DeliveryStatus.ACCEPTED, end]
    assert box.later(RECEIVERS_REMEMBER).take() is None
    assert len(box.outbox) == 0


def test_an_accepted_text_tells_under_which_packet_ids(box):
    bridge(box, TWO_PARTS)
    ids = [box.send().packet_id for _ in range(2)]
    (accepted,) = box.outcomes
    assert (accepted.status, accepted.packet_ids, accepted.is_end) == (DeliveryStatus.ACCEPTED, tuple(ids), False)


def test_a_text_that_goes_again_under_another_id_tells_the_one_that_was_taken(box):
    bridge(box, "a", want_ack=False)
    box.status(box.take(), 38)
    packet = box.send()
    assert [outcome.reason for outcome in box.outcomes] == ["RATE_LIMIT_EXCEEDED", ""]
    assert (box.outcomes[-1].packet_ids, box.outcomes[-1].is_end) == ((packet.packet_id,), True)
