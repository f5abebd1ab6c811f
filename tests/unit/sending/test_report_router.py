"""Each fate goes to where its text came from."""

import pytest

from meshbot.sending.outgoing import DeliveryReport, DeliveryStatus, OutgoingText
from meshbot.sending.report_router import ReportRouter


@pytest.mark.parametrize(
    ("origin", "told"), [("mail:7:1", ["mail"]), ("telegram:1:0:2", ["telegram"]), ("x:1", []), ("mailbox:1", [])]
)
def test_a_fate_goes_to_the_listener_of_its_origin_s_word(origin, told):
    heard = []
    router = ReportRouter()
    router.route("mail", lambda _: heard.append("mail"))
    router.route("telegram", lambda _: heard.append("telegram"))
    router.on_delivery_report(DeliveryReport(OutgoingText("", 1, origin=origin), DeliveryStatus.ACCEPTED))
    assert heard == told
