"""What the asker of an /echo is answered when it was not sent."""

import pytest

from meshbot.commands.builtin.echo import EchoReports
from meshbot.commands.language import translator
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, OutgoingText
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from tests.support.fake_clock import FakeClock

ALICE = 0x20001EEF
NOT_SENT = "❌ Your /echo did not go out on channel 3. Try again later."


def answers(status, origin, language="en"):
    sent, clock = [], FakeClock()
    reports = EchoReports(clock, sent.append, translator(language), lambda: 120.0)
    reports.on_delivery_report(DeliveryReport(OutgoingText("📣 ALI: salut", BROADCAST_NUM, 3, origin=origin), status))
    assert all(message.expires_at == clock.monotonic() + 120.0 for message in sent)
    return [(message.text, message.to, message.want_ack, message.origin) for message in sent]


@pytest.mark.parametrize(
    "status", [DeliveryStatus.EXPIRED, DeliveryStatus.REFUSED, DeliveryStatus.FAILED, DeliveryStatus.QUEUE_FULL]
)
def test_an_echo_that_was_not_sent_is_answered_directly_and_once(status):
    assert answers(status, EchoOrigin(ALICE)) == [(NOT_SENT, ALICE, True, None)]


def test_an_unconfirmed_echo_is_answered_as_such():
    ((text, *_),) = answers(DeliveryStatus.UNCONFIRMED, EchoOrigin(ALICE))
    assert text.startswith("❔ Your /echo perhaps did not go out on channel 3")


@pytest.mark.parametrize(
    "status",
    [
        DeliveryStatus.QUEUED,
        DeliveryStatus.ACCEPTED,
        DeliveryStatus.POSTPONED,
        DeliveryStatus.RELAYED,
        DeliveryStatus.UNANSWERED,
    ],
)
def test_an_echo_that_was_or_may_be_sent_has_no_answer(status):
    assert answers(status, EchoOrigin(ALICE)) == []


@pytest.mark.parametrize("origin", [None, MailNoticeOrigin(0x1234, 1)])
def test_a_text_of_another_origin_has_no_answer(origin):
    assert answers(DeliveryStatus.EXPIRED, origin) == []


@pytest.mark.parametrize("status", [DeliveryStatus.EXPIRED, DeliveryStatus.UNCONFIRMED])
def test_the_answer_fits_one_packet_in_french(status):
    ((text, *_),) = answers(status, EchoOrigin(ALICE), "fr")
    assert len(text.encode()) <= 200
