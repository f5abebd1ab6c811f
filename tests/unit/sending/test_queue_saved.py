"""What a restart keeps: rows out of one queue and into the next one."""

import pytest

from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, Priority, TelegramOrigin
from meshbot.sending.queue import SAVE_TIME
from meshbot.sending.queued_text import EVIDENCE_TIME, SETTLE_TIME, PartState
from meshbot.sending.receipts import DeliveryStatus
from meshbot.sending.retry_policy import PARTLY_SENT
from tests.support.send_queue import ASKER, EVERYBODY, INTERVAL, QUEUE_FULL, QueueDriver

ACK_TIMEOUT = 60.0  # seconds
RECEIVERS_REMEMBER = 300.0  # seconds in which receivers drop a copy

WALL = 1_800_000_000.0  # seconds since 1970, at monotonic 0 of the first process
LONG = "mot " * 20
ORIGIN = TelegramOrigin(1, None, 3)


class Disk:
    """Rows as the last process left them."""

    def __init__(self):
        self.rows = {}

    def take(self, driver, offset=WALL):
        changes = driver.queue.rows.take(offset)
        self.rows.update(changes)
        self.rows = {row_id: row for row_id, row in self.rows.items() if row is not None}
        return changes


@pytest.fixture
def disk():
    return Disk()


def restarted(disk, after=2.0, *, wall=None, first_row=1000):
    """The next process, `after` seconds of wall time (or at `wall`), with a monotonic clock of its own."""
    driver = QueueDriver(now=5.0, first_id=10_000, first_row=first_row)
    driver.queue.restore(disk.rows.values(), driver.now, WALL + 100 + after if wall is None else wall)
    driver.look()
    return driver


def test_a_row_has_everything_about_its_packet(disk):
    driver = QueueDriver().up()
    driver.add(
        "bonjour", channel=2, reply_id=7, want_ack=True, priority=Priority.BRIDGE, origin=TelegramOrigin(1, None, 3)
    )
    packet = driver.take()
    disk.take(driver)
    (row,) = disk.rows.values()
    assert (row.to, row.channel, row.text, row.reply_id, row.want_ack) == (ASKER, 2, "bonjour", 7, True)
    assert (row.priority, row.origin, row.packet_id) == (Priority.BRIDGE, ORIGIN, packet.packet_id)
    assert (row.created, row.expires_at, row.sent_at) == (WALL + 100, WALL + 3700, WALL + 100)
    assert (row.state, row.attempts) == (PartState.SENT, 0)


def test_rows_change_only_with_their_packets(disk):
    driver = QueueDriver().up()
    driver.add()
    assert len(disk.take(driver)) == 1
    assert disk.take(driver) == {}
    packet = driver.take()
    assert len(disk.take(driver)) == 1
    driver.status(packet)
    assert list(disk.take(driver).values()) == [None]
    assert disk.rows == {}


@pytest.mark.parametrize("end", ["expired", "refused", "acknowledged", "turned away"])
def test_a_text_that_has_ended_leaves_no_row(disk, end):
    driver = QueueDriver().up()
    driver.add(LONG, want_ack=True)
    match end:
        case "expired":
            driver.later(1000).look()
        case "refused":
            driver.status(driver.take(), 7)
        case "acknowledged":
            for packet in [driver.send() for _ in range(3)]:
                driver.routing(packet, sender=ASKER)
        case "turned away":
            driver.later(1000).look()
            driver.add(LONG * 100)
    disk.take(driver)
    assert disk.rows == {}


def test_waiting_texts_survive_in_order_under_their_ids(disk):
    driver = QueueDriver()
    driver.add(LONG)
    driver.mail("lettre")
    driver.add("b", origin=EchoOrigin(ASKER))
    disk.take(driver)
    again = restarted(disk).up()
    sent = [again.send() for _ in range(5)]
    assert [packet.text[:5] for packet in sent] == ["(1/3)", "(2/3)", "(3/3)", "b", "lettr"]
    assert [packet.packet_id for packet in sent] == [1, 2, 3, 5, 4]
    accepted = [o.message.origin for o in again.reports if o.status is DeliveryStatus.ACCEPTED]
    assert accepted == [
        None,
        EchoOrigin(ASKER),
        None,
    ]


def test_a_restored_text_waits_for_evidence_while_new_ones_go(disk):
    """The last second before a kill is not written: it may have been sent."""
    driver = QueueDriver().up()
    driver.add("old", want_ack=True)
    disk.take(driver)
    again = restarted(disk).up()
    again.add("new")
    assert again.send().text == "new"
    assert again.now == 5 + INTERVAL, "the process before may have sent just before its end"
    assert again.take_when_due().text == "old"
    assert again.now >= 5 + SETTLE_TIME


def test_evidence_for_a_restored_text_makes_its_repeat_needless(disk):
    driver = QueueDriver().up()
    driver.add(want_ack=True)
    disk.take(driver)
    packet = driver.take()
    again = restarted(disk).up()
    assert again.routing(packet, sender=ASKER) == [DeliveryStatus.ACCEPTED, DeliveryStatus.ACKNOWLEDGED]
    assert len(again.queue) == 0
    disk.take(again)
    assert disk.rows == {}


def test_a_packet_known_to_be_sent_waits_longer_for_evidence(disk):
    driver = QueueDriver().up()
    driver.add(want_ack=True)
    packet = driver.take()
    disk.take(driver)
    again = restarted(disk).up()
    assert again.take_when_due() == packet
    assert again.now == 5 + EVIDENCE_TIME


def test_an_accepted_packet_is_not_sent_again_and_its_acknowledgement_still_counts(disk):
    driver = QueueDriver().up()
    driver.mail(origin=MailNoticeOrigin(ASKER, 1))
    packet = driver.send()
    disk.take(driver)
    again = restarted(disk)
    again.up()
    assert again.take() is None
    assert again.queue.deadline == again.now + ACK_TIMEOUT
    assert again.routing(packet, sender=ASKER) == [DeliveryStatus.ACKNOWLEDGED]


def test_a_restart_keeps_the_number_of_a_mail_s_retries(disk):
    driver = QueueDriver().up()
    driver.mail()
    for _ in range(2):
        driver.routing(driver.send(), "MAX_RETRANSMIT")
    disk.take(driver)
    again = restarted(disk).up()
    again.routing(again.send(), "MAX_RETRANSMIT")
    again.routing(again.send(), "MAX_RETRANSMIT")
    assert again.reports[-1].status is DeliveryStatus.FAILED


def test_a_refused_packet_comes_back_under_its_new_id(disk):
    driver = QueueDriver().up()
    driver.add()
    driver.status(driver.take(), QUEUE_FULL)
    disk.take(driver)
    again = restarted(disk).up()
    assert again.take_when_due().packet_id == 2


def test_the_other_parts_of_a_text_whose_first_went_come_back(disk):
    driver = QueueDriver().up()
    driver.add(LONG)
    driver.send()
    disk.take(driver)
    again = restarted(disk).up()
    assert [again.send().text[:5] for _ in range(2)] == ["(2/3)", "(3/3)"]


# -- expiry and the wall clock


def test_what_expired_during_a_restart_is_dropped_and_reported(disk):
    driver = QueueDriver()
    driver.add(origin=EchoOrigin(ASKER))
    disk.take(driver)
    again = restarted(disk, after=121)
    assert [(o.status, o.message.origin) for o in again.reports] == [(DeliveryStatus.EXPIRED, EchoOrigin(ASKER))]


def test_what_was_sent_too_long_ago_is_not_repeated(disk):
    driver = QueueDriver().up()
    driver.mail()
    driver.take()
    disk.take(driver)
    again = restarted(disk, after=RECEIVERS_REMEMBER).up()
    again.later(SETTLE_TIME)
    assert again.take() is None
    assert again.look() == [DeliveryStatus.UNCONFIRMED]


def test_a_clock_far_behind_gives_a_text_its_lifetime_once_more(disk):
    driver = QueueDriver()
    driver.add()
    disk.take(driver)
    again = restarted(disk, wall=1_000_000_000.0)
    assert again.reports == []
    assert again.queue.deadline == again.now + 120


def test_a_clock_far_behind_counts_a_sent_packet_as_just_sent(disk):
    driver = QueueDriver().up()
    driver.mail()
    packet = driver.take()
    disk.take(driver)
    again = restarted(disk, wall=1_000_000_000.0).up()
    assert again.take_when_due(within=EVIDENCE_TIME) == packet


def test_rows_are_written_again_when_the_clock_was_set(disk):
    driver = QueueDriver()
    driver.add()
    disk.take(driver, offset=0.0)
    driver.queue.save_all()
    disk.take(driver)
    again = restarted(disk)
    assert again.reports == []
    assert again.queue.deadline == pytest.approx(again.now + 118)


# -- killed between sending and writing


def waiting_row(disk, driver, add):
    """Have a text wait, and its row written while it waits."""
    add(driver)
    disk.take(driver)
    assert [row.state for row in disk.rows.values()] == [PartState.WAITING]


LONG_LIVED = {
    "mail": lambda driver: driver.mail(),
    "bridge": lambda driver: driver.add(priority=Priority.BRIDGE, to=EVERYBODY),
}
AGES = [2, RECEIVERS_REMEMBER - 10, RECEIVERS_REMEMBER + 10, 3000]


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("kind", LONG_LIVED)
def test_what_may_have_been_sent_goes_again_while_receivers_know_it(disk, kind, age):
    driver = QueueDriver().up()
    waiting_row(disk, driver, LONG_LIVED[kind])
    packet = driver.take()
    again = restarted(disk, after=age).up()
    if age < RECEIVERS_REMEMBER:
        assert again.take_when_due(SETTLE_TIME + 1).packet_id == packet.packet_id
    else:
        again.run_until_quiet()
        assert [report.status for report in again.reports] == [DeliveryStatus.UNCONFIRMED]


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("kind", LONG_LIVED)
def test_what_waited_for_a_link_until_the_kill_goes_at_any_age(disk, kind, age):
    driver = QueueDriver().up()
    driver.down()
    waiting_row(disk, driver, LONG_LIVED[kind])
    assert restarted(disk, after=min(age, 3000)).up().take_when_due(SETTLE_TIME + 1)


@pytest.mark.parametrize("kind", LONG_LIVED)
def test_what_waited_for_a_link_is_written_as_sendable_before_it_goes(disk, kind):
    driver = QueueDriver()
    waiting_row(disk, driver, LONG_LIVED[kind])
    driver.up()
    assert driver.take() is None
    disk.take(driver)
    packet = driver.take_when_due(SAVE_TIME)
    # killed before what was sent could be written
    again = restarted(disk, after=RECEIVERS_REMEMBER + 10).up()
    again.run_until_quiet()
    assert again.statuses() == [(packet.text, DeliveryStatus.UNCONFIRMED)]


@pytest.mark.parametrize("kind", LONG_LIVED)
def test_a_link_that_goes_makes_what_waits_unsendable_again(disk, kind):
    driver = QueueDriver().up()
    waiting_row(disk, driver, LONG_LIVED[kind])
    driver.down()
    disk.take(driver)
    assert restarted(disk, after=3000).up().take_when_due(SETTLE_TIME + 1)


def test_what_waits_long_for_a_free_channel_survives_a_kill(disk):
    driver = QueueDriver().up()
    driver.load(60.0)
    waiting_row(disk, driver, LONG_LIVED["bridge"])
    for _ in range(8):
        driver.now = driver.queue.deadline
        driver.look()
        disk.take(driver)
    waited = driver.now - 100
    assert waited > RECEIVERS_REMEMBER
    assert restarted(disk, after=waited + 60).up().take_when_due(SETTLE_TIME + 1)


def test_what_expires_in_a_restart_and_may_have_been_sent_is_unconfirmed(disk):
    driver = QueueDriver().up()
    driver.add()
    disk.take(driver)
    assert [report.status for report in restarted(disk, after=121).reports] == [DeliveryStatus.UNCONFIRMED]


def test_the_rest_of_a_text_is_known_as_such_after_a_restart(disk):
    driver = QueueDriver().up()
    driver.add(LONG)
    driver.send()
    driver.down()
    disk.take(driver)
    (report,) = restarted(disk, after=121).reports
    assert (report.status, report.reason) == (DeliveryStatus.FAILED, PARTLY_SENT)


# -- numbers


def test_a_restored_row_whose_number_is_taken_gets_another(disk):
    driver = QueueDriver()
    driver.add("old")
    disk.take(driver)
    again = QueueDriver(first_id=500, first_row=1).up()
    again.add("new")
    again.queue.restore(disk.rows.values(), again.now, WALL + 101)
    assert {again.send().text for _ in range(2)} == {"new", "old"}
    assert {row_id for row_id, row in again.queue.rows.take(WALL).items() if row is None} == {1, 2}


def test_a_restore_with_the_link_up_waits_for_evidence_too(disk):
    driver = QueueDriver().up()
    driver.add(want_ack=True)
    driver.take()
    disk.take(driver)
    again = QueueDriver(now=5.0, first_row=1000).up()
    again.queue.restore(disk.rows.values(), 5.0, WALL + 101)
    again.take_when_due()
    assert again.now == 5 + EVIDENCE_TIME


def test_a_report_after_a_restart_has_destination_and_origin(disk):
    driver = QueueDriver()
    driver.add(LONG, origin=EchoOrigin(ASKER))
    disk.take(driver)
    (report,) = restarted(disk, after=1000).reports
    assert (report.message.to, report.message.origin) == (ASKER, EchoOrigin(ASKER))
    assert report.message.text.startswith("(1/3)"), "whole texts are not kept"
