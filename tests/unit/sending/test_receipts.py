"""Each delivery report goes to where its text came from."""

import pytest

from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, OutgoingText, TelegramOrigin
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus, ReportRouter


@pytest.mark.parametrize(
    ("origin", "listeners"),
    [(MailNoticeOrigin(7, 1), ["mail"]), (TelegramOrigin(1, None, 2), ["telegram"]), (EchoOrigin(7), []), (None, [])],
)
def test_a_report_goes_to_the_listener_of_its_origin(origin, listeners):
    reported = []
    router = ReportRouter()
    router.route(MailNoticeOrigin, lambda _: reported.append("mail"))
    router.route(TelegramOrigin, lambda _: reported.append("telegram"))
    router.on_delivery_report(DeliveryReport(OutgoingText("", 1, origin=origin), DeliveryStatus.ACCEPTED))
    assert reported == listeners
