"""The message queue: order, limits, and what it does after each failure."""

from itertools import pairwise
from math import inf

import pytest

from meshbot.telegram_bot.failures import Failure, FailureKind
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.queue import BYTES_LIMIT, CHATS_REMEMBERED, MOST_TRIES, WAITING_LIMIT, MessageQueue

ANN, BOB, GROUP = Chat(1), Chat(2), Chat(-5)
UNREACHABLE = Failure(FailureKind.UNREACHABLE, "")


@pytest.fixture
def queue():
    return MessageQueue(lambda count: f"{count} lost")


def add(queue, *texts, chat=ANN, key="", now=0.0, **fields):
    for text in texts:
        queue.add(OutgoingMessage(chat, text, key, **fields), now)


def send_all(queue, now=0.0, until=1000.0):
    """Send everything, as fast as it may go; return (when, chat, text, edited message)."""
    sent, ids = [], iter(range(101, 10_000))
    while now <= until:
        while (delivery := queue.next(now)) is not None:
            sent.append((now, delivery.chat_id, delivery.message.text, delivery.edits))
            queue.sent(delivery, next(ids))
        if queue.deadline() == inf:
            break
        now = max(now, queue.deadline())
    return sent


def texts(sent):
    return [text for _, _, text, _ in sent]


def test_messages_of_a_chat_are_sent_in_order(queue):
    add(queue, "a", "b", "c")
    assert texts(send_all(queue)) == ["a", "b", "c"]
    assert len(queue) == 0


def test_each_chat_has_one_request_in_flight_and_delays_no_other(queue):
    add(queue, "a", "b")
    add(queue, "x", chat=BOB)
    first, second = queue.next(0.0), queue.next(0.0)
    assert (first.message.text, second.message.text, queue.next(0.0)) == ("a", "x", None)
    queue.sent(first, 1)
    assert queue.next(0.0).message.text == "b"


def test_a_newer_message_replaces_a_waiting_one_of_its_key(queue):
    add(queue, "old", key="k")
    add(queue, "other")
    add(queue, "new", key="k")
    assert texts(send_all(queue)) == ["new", "other"]


def test_a_later_message_of_a_key_edits_the_first(queue):
    add(queue, "one", key="k")
    send_all(queue)
    add(queue, "two", key="k", now=5.0)
    assert send_all(queue, 5.0) == [(5.0, 1, "two", 101)]


def test_the_same_key_in_another_topic_is_another_message(queue):
    add(queue, "one", key="k")
    send_all(queue)
    add(queue, "two", key="k", chat=Chat(1, 7), now=5.0)
    assert send_all(queue, 5.0)[0][3] is None


def test_a_remembered_message_is_edited(queue):
    queue.remember(ANN, "message:9", 9)
    add(queue, "refreshed", key="message:9")
    assert queue.next(0.0).edits == 9


@pytest.mark.parametrize(("chat", "minute"), [(ANN, 60), (GROUP, 20)])
def test_no_chat_exceeds_telegram_s_limits(queue, chat, minute):
    add(queue, *map(str, range(150)), chat=chat)
    times = [when for when, *_ in send_all(queue)]
    assert len(times) == 150
    for start in times:
        assert sum(start <= when < start + 3 for when in times) <= 3
        assert sum(start <= when < start + 60 for when in times) <= minute


def test_all_chats_together_stay_within_telegram_s_limit(queue):
    for number in range(1, 101):
        add(queue, "a", chat=Chat(number))
    times = [when for when, *_ in send_all(queue)]
    assert max(sum(start <= when < start + 1 for when in times) for start in times) <= 30
    assert times[-1] < 5


def test_messages_that_can_wait_are_sent_after_the_others(queue):
    add(queue, "status", key="f", can_wait=True)
    add(queue, "status 2", can_wait=True)
    add(queue, "text", "answer")
    assert texts(send_all(queue)) == ["text", "answer", "status", "status 2"]


@pytest.mark.parametrize("chat", [ANN, GROUP])
def test_many_messages_that_can_wait_do_not_delay_urgent_ones(queue, chat):
    add(queue, *map(str, range(100)), chat=chat, can_wait=True)
    sent_before = send_all(queue, until=55.0)
    add(queue, *"abcdefghij", chat=chat, now=55.0)
    sent = send_all(queue, 55.0, 70.0)
    assert (len(sent_before) < 11) == (chat is GROUP)
    assert [text for when, _, text, _ in sent if text.isalpha()] == list("abcdefghij")


def test_reactions_and_messages_of_a_chat_do_not_delay_each_other(queue):
    for number in range(100):
        add(queue, "", chat=GROUP, key=f"r{number}", reply_to=number, reaction="👌")
    add(queue, *"ab", chat=GROUP)
    sent = [(when, text) for when, _, text, _ in send_all(queue)]
    assert [each for each in sent if each[1]] == [(0.0, "a"), (1.2, "b")]
    assert len(sent) == 102
    assert sent[-1][0] < 101


def test_a_reaction_neither_edits_a_message_nor_is_edited(queue):
    queue.remember(GROUP, "k", 9)
    add(queue, "", chat=GROUP, key="k", reply_to=5, reaction="👎")
    assert send_all(queue) == [(0.0, -5, "", None)]
    add(queue, "failed", chat=GROUP, key="k", reply_to=5, now=5.0)
    assert send_all(queue, 5.0)[0][3] == 9


def test_a_newer_reaction_replaces_one_that_waits(queue):
    for emoji in "👀👌👍":
        add(queue, "", chat=GROUP, key="k", reply_to=5, reaction=emoji)
    assert queue.next(0.0).message.reaction == "👍"
    assert len(queue) == 1


def test_a_full_queue_drops_messages_that_can_wait_first_without_a_note(queue):
    queue.hold(inf)
    for number in range(WAITING_LIMIT):
        add(queue, f"text {number}")
    for number in range(100):
        add(queue, "status", key=f"f{number}", can_wait=True)
    queue.hold(-inf)
    assert texts(send_all(queue, until=inf)) == [f"text {number}" for number in range(WAITING_LIMIT)]


def test_a_failed_message_is_sent_first_again(queue):
    add(queue, "a", "b")
    queue.failed(queue.next(0.0), UNREACHABLE, 0.0)
    assert texts(send_all(queue)) == ["a", "b"]


def test_a_failed_message_is_replaced_by_its_successor(queue):
    add(queue, "old", key="k")
    delivery = queue.next(0.0)
    add(queue, "b")
    add(queue, "new", key="k")
    queue.failed(delivery, UNREACHABLE, 0.0)
    assert texts(send_all(queue)) == ["new", "b"]


def test_nothing_is_sent_during_a_hold(queue):
    add(queue, "a")
    queue.hold(30.0)
    assert queue.next(29.0) is None
    assert queue.deadline() == 30.0
    queue.hold(-inf)
    assert queue.next(1.0) is not None


def test_retry_after_holds_one_chat(queue):
    add(queue, "a")
    queue.failed(queue.next(0.0), Failure(FailureKind.FLOOD, "", wait=40.0), 0.0)
    add(queue, "x", chat=BOB)
    assert [(when, text) for when, _, text, _ in send_all(queue)] == [(0.0, "x"), (40.0, "a")]


def test_waiting_messages_for_a_user_who_blocked_the_bot_are_dropped(queue):
    add(queue, "a", "b", "c")
    assert queue.failed(queue.next(0.0), Failure(FailureKind.FORBIDDEN, ""), 0.0) == 3
    assert send_all(queue) == []
    add(queue, "d", now=60.0)
    assert texts(send_all(queue, 60.0)) == ["d"]


def test_a_deleted_topic_drops_no_messages_of_other_topics(queue):
    add(queue, "a", "b", chat=Chat(-5, 200))
    add(queue, "x", chat=Chat(-5, 300))
    add(queue, "y", chat=GROUP)
    assert queue.failed(queue.next(0.0), Failure(FailureKind.NO_TOPIC, ""), 0.0) == 2
    assert texts(send_all(queue)) == ["x", "y"]
    assert queue._size == 0


def test_an_edit_of_a_deleted_message_sends_a_new_one(queue):
    queue.remember(ANN, "k", 9)
    add(queue, "a", key="k")
    queue.failed(queue.next(0.0), Failure(FailureKind.NO_MESSAGE, ""), 0.0)
    assert send_all(queue) == [(0.0, 1, "a", None)]


def test_an_edit_without_a_change_is_a_success(queue):
    queue.remember(ANN, "k", 9)
    add(queue, "a", key="k")
    assert queue.failed(queue.next(0.0), Failure(FailureKind.UNCHANGED, ""), 0.0) == 0
    assert send_all(queue) == []


def test_a_reply_to_a_deleted_message_is_sent_without_it(queue):
    add(queue, "a", reply_to=5)
    queue.failed(queue.next(0.0), Failure(FailureKind.NO_REPLY_TARGET, ""), 0.0)
    assert queue.next(0.0).message.reply_to is None


def test_a_text_that_is_too_long_is_halved_until_it_fits(queue):
    add(queue, "x" * 9000)
    lengths = []
    while (delivery := queue.next(60.0 * len(lengths))) is not None:
        lengths.append(len(delivery.message.text))
        queue.failed(delivery, Failure(FailureKind.TOO_LONG, ""), 0.0)
    assert lengths == [9000, 4501, 2251, 1126, 564, 283, 142, 72]
    assert len(queue) == 0


def test_a_refused_message_is_dropped(queue):
    add(queue, "a", "b")
    assert queue.failed(queue.next(0.0), Failure(FailureKind.REFUSED, ""), 0.0) == 1
    assert texts(send_all(queue)) == ["b"]


def test_a_message_that_a_healthy_server_fails_on_is_dropped(queue):
    add(queue, "failing", "b")
    given_up = [queue.failed(queue.next(60.0 * n), Failure(FailureKind.SERVER, ""), 60.0 * n) for n in range(6)]
    assert given_up == [0, 0, 0, 0, 0, 1]
    assert texts(send_all(queue, 999.0)) == ["b"]


def test_an_outage_of_the_server_drops_no_message(queue):
    add(queue, "a")
    for n in range(500):
        queue.failed(queue.next(60.0 * n), Failure(FailureKind.SERVER, ""), 60.0 * n, is_well=False)
    assert len(queue) == 1


def test_messages_to_a_migrated_group_are_sent_in_order(queue):
    add(queue, "a", "b", chat=GROUP)
    queue.failed(queue.next(0.0), Failure(FailureKind.MIGRATED, "", chat_id=-1005), 0.0)
    assert [(chat, text) for _, chat, text, _ in send_all(queue)] == [(-1005, "a"), (-1005, "b")]


def test_a_long_outage_keeps_a_bounded_number_and_counts_the_rest(queue):
    queue.hold(inf)
    for number in range(3000):
        add(queue, f"text {number}")
    add(queue, "alert", key="alert")
    assert len(queue) == WAITING_LIMIT
    queue.hold(-inf)
    sent = texts(send_all(queue, until=inf))
    assert sent[0] == "2501 lost"
    assert sent[-2:] == ["text 2999", "alert"]


def test_failed_tries_keep_the_count_of_lost_messages(queue):
    for number in range(3000):
        add(queue, f"text {number}", key=f"mesh:{number}")
        if number % 100 == 0 and (delivery := queue.next(100.0 * number)) is not None:
            queue.failed(delivery, UNREACHABLE, 100.0 * number)
    sent = texts(send_all(queue, now=400_000.0, until=inf))
    assert sent[0] == "2500 lost"
    assert sent[1:] == [f"text {number}" for number in range(2500, 3000)]


def test_a_note_about_lost_messages_is_dropped_after_some_tries(queue):
    for number in range(WAITING_LIMIT + 1):
        add(queue, f"text {number}")
    for now in range(MOST_TRIES + 1):
        note = queue.next(10.0 * now)
        assert note.message.text == "1 lost"
        given_up = queue.failed(note, Failure(FailureKind.SERVER, ""), 10.0 * now)
    assert given_up == 1
    assert queue.next(100.0).message.text == "text 1"


def test_a_group_gets_no_bursts(queue):
    add(queue, "a", "b", "c", chat=GROUP)
    whens = [when for when, *_ in send_all(queue)]
    assert all(later - earlier > 1.0 for earlier, later in pairwise(whens))


def test_waiting_pictures_have_a_bound_in_bytes(queue):
    for _ in range(100):
        add(queue, "", photo=bytes(1_000_000))
    assert len(queue) == BYTES_LIMIT // 1_000_000


def test_messages_in_flight_are_put_back_after_a_crash(queue):
    add(queue, "a", "b")
    queue.next(0.0)
    queue.release(0.0)
    assert texts(send_all(queue)) == ["a", "b"]


def test_idle_chats_are_forgotten(queue):
    for number in range(1, 1000):
        add(queue, "a", chat=Chat(number), now=100.0 * number)
        send_all(queue, 100.0 * number, inf)
    assert len(queue._chat_queues) <= CHATS_REMEMBERED


def test_ending_a_delivery_twice_is_an_error(queue):
    add(queue, "a")
    delivery = queue.next(0.0)
    queue.sent(delivery, 1)
    with pytest.raises(ValueError, match="not in flight"):
        queue.sent(delivery, 1)


def test_nothing_invisible_goes_to_telegram(queue):
    add(queue, "Al\u202eice\x00 \x1b[2J\u200b👩\u200d👧\nfin")
    assert texts(send_all(queue)) == ["Alice [2J👩\u200d👧\nfin"]
