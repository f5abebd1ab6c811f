"""Whatever goes to a channel fits a packet that our node signs, if it signs at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.messages import BROADCAST_NUM, LoraSettings
from meshbot.sending.outgoing import Priority
from tests.support.newer_protobufs import newer
from tests.support.send_queue import ASKER, QueueDriver

LONGEST_DATA = 255 - 16  # bytes behind the header
SIGNS, SIGNS_NOT = LoraSettings(signs=True), LoraSettings()
texts = st.one_of(st.text(min_size=1, max_size=400), st.integers(1, 500).map(lambda size: "x" * size))


def encoded(packet, *, signature):
    data = newer("Data")(portnum=1, payload=packet.text.encode(), reply_id=packet.reply_id, bitfield=3)
    data.xeddsa_signature = b"s" * signature
    return len(data.SerializeToString())


def packets_of(text, *, lora, **details):
    driver = QueueDriver(limit=200)
    if lora is not None:
        driver.up(lora=lora)
    driver.add(text, **details)
    return [part.packet for queued in driver.queue.texts for part in queued.parts]


@settings(deadline=None)
@given(texts, st.sampled_from(Priority), st.sampled_from([0, 7]), st.sampled_from([SIGNS, None]))
def test_every_text_to_a_channel_still_gets_signed(text, priority, reply_id, lora):
    for packet in packets_of(text, lora=lora, to=BROADCAST_NUM, priority=priority, reply_id=reply_id):
        assert encoded(packet, signature=64) <= LONGEST_DATA


@pytest.mark.parametrize(("reply_id", "longest"), [(0, 166), (7, 161)])
def test_the_room_beside_the_signature_is_used(reply_id, longest):
    details = {"lora": SIGNS, "to": BROADCAST_NUM, "reply_id": reply_id}
    (packet,) = packets_of("x" * longest, **details)
    assert encoded(packet, signature=64) == LONGEST_DATA
    assert len(packets_of("x" * (longest + 1), **details)) == 2


@settings(deadline=None)
@given(texts, st.sampled_from([0, 7]))
def test_other_texts_are_cut_as_ever(text, reply_id):
    before = packets_of(text, lora=SIGNS_NOT, to=ASKER, reply_id=reply_id)
    for details in ({"lora": SIGNS, "to": ASKER}, {"lora": SIGNS_NOT, "to": BROADCAST_NUM}):
        assert [each.text for each in packets_of(text, reply_id=reply_id, **details)] == [each.text for each in before]


def test_a_smaller_setting_holds():
    driver = QueueDriver(limit=80).up(lora=SIGNS)
    driver.add("x" * 200, to=BROADCAST_NUM)
    assert all(len(part.packet.text) <= 80 for queued in driver.queue.texts for part in queued.parts)
