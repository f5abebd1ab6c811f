"""What the asker of an /echo hears of it."""

import pytest

from meshbot.commands.builtin.echo import EchoReports
from meshbot.commands.language import translator
from meshbot.mesh_link.packets import BROADCAST_NUM
from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, OutgoingText
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from tests.support.fake_clock import FakeClock

ALICE = 0x20001EEF
NOT_SENT = "❌ Your /echo did not go out on channel 3. Try again later."


def told(fate, origin, language="en"):
    sent, clock = [], FakeClock()
    fates = EchoReports(clock, sent.append, translator(language), 120.0)
    fates.on_delivery_report(DeliveryReport(OutgoingText("📣 ALI: salut", BROADCAST_NUM, 3, origin=origin), fate))
    assert all(message.expires_at == clock.monotonic() + 120.0 for message in sent)
    return [(message.text, message.to, message.want_ack, message.origin) for message in sent]


@pytest.mark.parametrize(
    "fate", [DeliveryStatus.EXPIRED, DeliveryStatus.REFUSED, DeliveryStatus.FAILED, DeliveryStatus.TURNED_AWAY]
)
def test_the_asker_is_told_directly_and_once_that_it_did_not_go_out(fate):
    assert told(fate, EchoOrigin(ALICE)) == [(NOT_SENT, ALICE, True, None)]


def test_a_doubt_is_told_as_one():
    ((text, *_),) = told(DeliveryStatus.UNCONFIRMED, EchoOrigin(ALICE))
    assert text.startswith("❔ Your /echo perhaps did not go out on channel 3")


@pytest.mark.parametrize(
    "fate",
    [
        DeliveryStatus.QUEUED,
        DeliveryStatus.ACCEPTED,
        DeliveryStatus.POSTPONED,
        DeliveryStatus.RELAYED,
        DeliveryStatus.UNANSWERED,
    ],
)
def test_what_may_still_go_out_or_did_is_not_told(fate):
    assert told(fate, EchoOrigin(ALICE)) == []


@pytest.mark.parametrize("origin", [None, MailNoticeOrigin(0x1234, 1)])
def test_what_somebody_else_sent_is_not_told(origin):
    assert told(DeliveryStatus.EXPIRED, origin) == []


@pytest.mark.parametrize("fate", [DeliveryStatus.EXPIRED, DeliveryStatus.UNCONFIRMED])
def test_it_fits_one_packet_in_french(fate):
    ((text, *_),) = told(fate, EchoOrigin(ALICE), "fr")
    assert len(text.encode()) <= 200
