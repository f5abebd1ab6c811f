"""Each delivery report goes to where its text came from."""

import pytest

from meshbot.mesh_link.messages import BROADCAST_NUM
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


@pytest.mark.parametrize(
    ("to", "status", "who"),
    [
        (7, DeliveryStatus.ACKNOWLEDGED, [7]),
        (7, DeliveryStatus.RELAYED, []),
        (BROADCAST_NUM, DeliveryStatus.ACKNOWLEDGED, []),
    ],
)
def test_who_acknowledges_a_direct_message_is_told(to, status, who):
    told = []
    ReportRouter(told.append).on_delivery_report(DeliveryReport(OutgoingText("", to), status))
    assert told == who
