"""Orders that wait for an answer to have left."""

from math import inf

import pytest

from meshbot.mesh_link.packets import TextPacket
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from meshbot.sending.sender import AfterAnswer, Afterwards

ASKER, QUESTION = 0x1234, 77


@pytest.fixture
def done():
    return []


@pytest.fixture
def afterwards(done):
    waiting = Afterwards()
    waiting.add(AfterAnswer(ASKER, QUESTION, lambda: done.append("done"), until=110.0))
    return waiting


def outcome(to=ASKER, reply_id=QUESTION, fate=DeliveryStatus.ACCEPTED):
    return DeliveryReport(TextPacket(1, "so be it", to, 0, reply_id, want_ack=True), fate)


@pytest.mark.parametrize(
    "fate", [DeliveryStatus.ACCEPTED, DeliveryStatus.REFUSED, DeliveryStatus.EXPIRED, DeliveryStatus.UNCONFIRMED]
)
def test_whatever_becomes_of_the_answer_ends_the_wait_once(afterwards, done, fate):
    afterwards.on_outcome(outcome(fate=fate))
    afterwards.on_outcome(outcome(fate=DeliveryStatus.ACKNOWLEDGED))
    afterwards.on_deadline(1000.0)
    assert done == ["done"]
    assert afterwards.deadline == inf


@pytest.mark.parametrize("fate", [DeliveryStatus.QUEUED, DeliveryStatus.POSTPONED])
def test_an_answer_that_is_yet_to_be_sent_does_not(afterwards, done, fate):
    afterwards.on_outcome(outcome(fate=fate))
    assert done == []


@pytest.mark.parametrize("other", [{"to": 0x5678}, {"reply_id": 78}])
def test_another_packet_does_not(afterwards, done, other):
    afterwards.on_outcome(outcome(**other))
    assert done == []
    assert afterwards.deadline == 110.0


def test_an_answer_that_never_leaves_is_waited_for_until_the_time_given(afterwards, done):
    afterwards.on_deadline(109.9)
    assert done == []
    afterwards.on_deadline(110.0)
    assert done == ["done"]


def test_without_orders_there_is_nothing_to_wait_for():
    assert Afterwards().deadline == inf
