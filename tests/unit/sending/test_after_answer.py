"""Actions that wait until their answer has left."""

from math import inf

import pytest

from meshbot.mesh_link.messages import TextPacket
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.sending.sender import AfterAnswer, PendingActions

ASKER, QUESTION = 0x1234, 77


@pytest.fixture
def done():
    return []


@pytest.fixture
def actions(done):
    waiting = PendingActions()
    waiting.add(AfterAnswer(ASKER, QUESTION, lambda: done.append("done"), until=110.0))
    return waiting


def report(to=ASKER, reply_id=QUESTION, status=DeliveryStatus.ACCEPTED):
    return DeliveryReport(TextPacket(1, "so be it", to, 0, reply_id, want_ack=True), status)


@pytest.mark.parametrize(
    "status", [DeliveryStatus.ACCEPTED, DeliveryStatus.REFUSED, DeliveryStatus.EXPIRED, DeliveryStatus.UNCONFIRMED]
)
def test_any_last_status_of_the_answer_runs_the_action_once(actions, done, status):
    actions.on_delivery_report(report(status=status))
    actions.on_delivery_report(report(status=DeliveryStatus.ACKNOWLEDGED))
    actions.on_deadline(1000.0)
    assert done == ["done"]
    assert actions.deadline == inf


@pytest.mark.parametrize("status", [DeliveryStatus.QUEUED, DeliveryStatus.POSTPONED])
def test_an_answer_still_to_be_sent_runs_no_action(actions, done, status):
    actions.on_delivery_report(report(status=status))
    assert done == []


@pytest.mark.parametrize("other", [{"to": 0x5678}, {"reply_id": 78}])
def test_another_packet_runs_no_action(actions, done, other):
    actions.on_delivery_report(report(**other))
    assert done == []
    assert actions.deadline == 110.0


def test_without_a_report_the_action_runs_at_its_time(actions, done):
    actions.on_deadline(109.9)
    assert done == []
    actions.on_deadline(110.0)
    assert done == ["done"]


def test_without_actions_there_is_no_deadline():
    assert PendingActions().deadline == inf
