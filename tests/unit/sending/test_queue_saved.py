"""What a restart keeps: rows out of one outbox and into the next one."""

import pytest

from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, Priority, TelegramOrigin
from meshbot.sending.queue import EVIDENCE_TIME, SETTLE_TIME
from meshbot.sending.queued_text import PartState
from meshbot.sending.receipts import DeliveryStatus
from tests.support.send_queue import ASKER, INTERVAL, QUEUE_FULL, Box

ACK_TIMEOUT = 60.0  # seconds
RECEIVERS_REMEMBER = 300.0  # seconds in which receivers drop a copy

WALL = 1_800_000_000.0  # seconds since 1970, at monotonic 0 of the first process
LONG = "mot " * 20
ORIGIN = TelegramOrigin(1, None, 3)


class Disk:
    """Rows as the last process left them."""

    def __init__(self):
        self.rows = {}

    def take(self, box, offset=WALL):
        changes = box.outbox.take_changes(offset)
        self.rows.update(changes)
        self.rows = {row_id: row for row_id, row in self.rows.items() if row is not None}
        return changes


@pytest.fixture
def disk():
    return Disk()


def restarted(disk, after=2.0, *, wall=None, first_row=1000):
    """The next process, `after` seconds of wall time (or at `wall`), with a monotonic clock of its own."""
    box = Box(now=5.0, first_id=10_000, first_row=first_row)
    box.outbox.restore(disk.rows.values(), box.now, WALL + 100 + after if wall is None else wall)
    box.look()
    return box


def test_a_row_says_all_that_there_is_to_know(disk):
    box = Box().up()
    box.add(
        "bonjour", channel=2, reply_id=7, want_ack=True, priority=Priority.BRIDGE, origin=TelegramOrigin(1, None, 3)
    )
    packet = box.take()
    disk.take(box)
    (row,) = disk.rows.values()
    assert (row.to, row.channel, row.text, row.reply_id, row.want_ack) == (ASKER, 2, "bonjour", 7, True)
    assert (row.priority, row.origin, row.packet_id) == (Priority.BRIDGE, ORIGIN, packet.packet_id)
    assert (row.created, row.expires_at, row.sent_at) == (WALL + 100, WALL + 3700, WALL + 100)
    assert (row.state, row.attempts) == (PartState.SENT, 0)


def test_rows_change_only_when_something_happens(disk):
    box = Box().up()
    box.add()
    assert len(disk.take(box)) == 1
    assert disk.take(box) == {}
    packet = box.take()
    assert len(disk.take(box)) == 1
    box.status(packet)
    assert list(disk.take(box).values()) == [None]
    assert disk.rows == {}


@pytest.mark.parametrize("end", ["expired", "refused", "acknowledged", "turned away"])
def test_whatever_ends_leaves_no_row(disk, end):
    box = Box().up()
    box.add(LONG, want_ack=True)
    match end:
        case "expired":
            box.later(1000).look()
        case "refused":
            box.status(box.take(), 7)
        case "acknowledged":
            for packet in [box.send() for _ in range(3)]:
                box.routing(packet, sender=ASKER)
        case "turned away":
            box.later(1000).look()
            box.add(LONG * 100)
    disk.take(box)
    assert disk.rows == {}


def test_waiting_texts_survive_in_order_under_their_ids(disk):
    box = Box()
    box.add(LONG)
    box.mail("lettre")
    box.add("b", origin=EchoOrigin(ASKER))
    disk.take(box)
    again = restarted(disk).up()
    sent = [again.send() for _ in range(5)]
    assert [packet.text[:5] for packet in sent] == ["(1/3)", "(2/3)", "(3/3)", "b", "lettr"]
    assert [packet.packet_id for packet in sent] == [1, 2, 3, 5, 4]
    accepted = [o.message.origin for o in again.outcomes if o.status is DeliveryStatus.ACCEPTED]
    assert accepted == [
        None,
        EchoOrigin(ASKER),
        None,
    ]


def test_a_restored_text_waits_for_what_the_node_kept_while_new_ones_go(disk):
    """The last second before a kill is not written: it may have been sent."""
    box = Box().up()
    box.add("old", want_ack=True)
    disk.take(box)
    again = restarted(disk).up()
    again.add("new")
    assert again.send().text == "new"
    assert again.now == 5 + INTERVAL, "the process before may have sent just before its end"
    assert again.take_when_due().text == "old"
    assert again.now >= 5 + SETTLE_TIME


def test_evidence_for_a_restored_text_spares_its_repetition(disk):
    box = Box().up()
    box.add(want_ack=True)
    disk.take(box)
    packet = box.take()
    again = restarted(disk).up()
    assert again.routing(packet, sender=ASKER) == [DeliveryStatus.ACCEPTED, DeliveryStatus.ACKNOWLEDGED]
    assert len(again.outbox) == 0
    disk.take(again)
    assert disk.rows == {}


def test_a_packet_known_to_be_sent_waits_longer_for_evidence(disk):
    box = Box().up()
    box.add(want_ack=True)
    packet = box.take()
    disk.take(box)
    again = restarted(disk).up()
    assert again.take_when_due() == packet
    assert again.now == 5 + EVIDENCE_TIME


def test_an_accepted_packet_is_not_sent_again_and_its_acknowledgement_still_counts(disk):
    box = Box().up()
    box.mail(origin=MailNoticeOrigin(ASKER, 1))
    packet = box.send()
    disk.take(box)
    again = restarted(disk)
    again.up()
    assert again.take() is None
    assert again.outbox.deadline == again.now + ACK_TIMEOUT
    assert again.routing(packet, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_a_mail_that_nobody_acknowledged_before_the_restart_has_as_many_tries_left(disk):
    box = Box().up()
    box.mail()
    for _ in range(2):
        box.routing(box.send(), "MAX_RETRANSMIT")
    disk.take(box)
    again = restarted(disk).up()
    again.routing(again.send(), "MAX_RETRANSMIT")
    again.routing(again.send(), "MAX_RETRANSMIT")
    assert again.outcomes[-1].status is DeliveryStatus.FAILED


def test_a_refused_packet_comes_back_under_its_new_id(disk):
    box = Box().up()
    box.add()
    box.status(box.take(), QUEUE_FULL)
    disk.take(box)
    again = restarted(disk).up()
    assert again.take_when_due().packet_id == 2


def test_the_other_parts_of_a_text_whose_first_went_come_back(disk):
    box = Box().up()
    box.add(LONG)
    box.send()
    disk.take(box)
    again = restarted(disk).up()
    assert [again.send().text[:5] for _ in range(2)] == ["(2/3)", "(3/3)"]


# -- expiry and the wall clock


def test_what_expired_meanwhile_is_dropped_and_told(disk):
    box = Box()
    box.add(origin=EchoOrigin(ASKER))
    disk.take(box)
    again = restarted(disk, after=121)
    assert [(o.status, o.message.origin) for o in again.outcomes] == [(DeliveryStatus.EXPIRED, EchoOrigin(ASKER))]


def test_what_was_sent_too_long_ago_is_not_repeated(disk):
    box = Box().up()
    box.mail()
    box.take()
    disk.take(box)
    again = restarted(disk, after=RECEIVERS_REMEMBER).up()
    again.later(SETTLE_TIME)
    assert again.take() is None
    assert again.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_clock_far_behind_gives_a_text_its_whole_life_and_no_more(disk):
    box = Box()
    box.add()
    disk.take(box)
    again = restarted(disk, wall=1_000_000_000.0)
    assert again.outcomes == []
    assert again.outbox.deadline == again.now + 120


def test_a_clock_far_behind_counts_a_sent_packet_as_just_sent(disk):
    box = Box().up()
    box.mail()
    packet = box.take()
    disk.take(box)
    again = restarted(disk, wall=1_000_000_000.0).up()
    assert again.take_when_due(within=EVIDENCE_TIME) == packet


def test_rows_are_written_anew_when_the_clock_was_put_right(disk):
    box = Box()
    box.add()
    disk.take(box, offset=0.0)
    box.outbox.touch()
    disk.take(box)
    again = restarted(disk)
    assert again.outcomes == []
    assert again.outbox.deadline == pytest.approx(again.now + 118)


# -- numbers


def test_a_row_whose_number_this_process_gave_too_gets_another(disk):
    box = Box()
    box.add("old")
    disk.take(box)
    again = Box(first_id=500, first_row=1).up()
    again.add("new")
    again.outbox.restore(disk.rows.values(), again.now, WALL + 101)
    assert {again.send().text for _ in range(2)} == {"new", "old"}
    assert {row_id for row_id, row in again.outbox.take_changes(WALL).items() if row is None} == {1, 2}


def test_a_restore_on_a_link_that_is_up_already_waits_for_evidence_all_the_same(disk):
    box = Box().up()
    box.add(want_ack=True)
    box.take()
    disk.take(box)
    again = Box(now=5.0, first_row=1000).up()
    again.outbox.restore(disk.rows.values(), 5.0, WALL + 101)
    again.take_when_due()
    assert again.now == 5 + EVIDENCE_TIME


def test_an_outcome_after_a_restart_tells_destination_and_origin(disk):
    box = Box()
    box.add(LONG, origin=EchoOrigin(ASKER))
    disk.take(box)
    (outcome,) = restarted(disk, after=1000).outcomes
    assert (outcome.message.to, outcome.message.origin) == (ASKER, EchoOrigin(ASKER))
    assert outcome.message.text.startswith("(1/3)"), "whole texts are not kept"
