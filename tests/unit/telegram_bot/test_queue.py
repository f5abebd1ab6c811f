"""The queue of posts: what it gives, when, and what becomes of what Telegram refuses."""

from itertools import pairwise
from math import inf

import pytest

from meshbot.telegram_bot import queue
from meshbot.telegram_bot.failures import Failure, Kind
from meshbot.telegram_bot.models import Chat, Post
from meshbot.telegram_bot.queue import PostQueue

ANN, BOB, GROUP = Chat(1), Chat(2), Chat(-5)
UNREACHABLE = Failure(Kind.UNREACHABLE, "")


@pytest.fixture
def posts():
    return PostQueue(lambda count: f"{count} lost")


def add(posts, *texts, chat=ANN, key="", now=0.0, **fields):
    for text in texts:
        posts.add(Post(chat, text, key, **fields), now)


def send_all(posts, now=0.0, until=1000.0):
    """Send everything, as fast as it may go; return (when, chat, text, edited message)."""
    sent, ids = [], iter(range(101, 10_000))
    while now <= until:
        while (delivery := posts.next(now)) is not None:
            sent.append((now, delivery.chat_id, delivery.post.text, delivery.edits))
            posts.sent(delivery, next(ids))
        if posts.deadline() == inf:
            break
        now = max(now, posts.deadline())
    return sent


def texts(sent):
    return [text for _, _, text, _ in sent]


def test_posts_of_a_chat_go_in_their_order(posts):
    add(posts, "a", "b", "c")
    assert texts(send_all(posts)) == ["a", "b", "c"]
    assert len(posts) == 0


def test_one_request_at_a_time_goes_to_a_chat_and_others_do_not_wait_for_it(posts):
    add(posts, "a", "b")
    add(posts, "x", chat=BOB)
    first, second = posts.next(0.0), posts.next(0.0)
    assert (first.post.text, second.post.text, posts.next(0.0)) == ("a", "x", None)
    posts.sent(first, 1)
    assert posts.next(0.0).post.text == "b"


def test_a_newer_post_replaces_one_of_its_key_that_waits_and_keeps_its_place(posts):
    add(posts, "old", key="k")
    add(posts, "other")
    add(posts, "new", key="k")
    assert texts(send_all(posts)) == ["new", "other"]


def test_a_later_post_of_a_key_edits_the_message_of_the_first(posts):
    add(posts, "one", key="k")
    send_all(posts)
    add(posts, "two", key="k", now=5.0)
    assert send_all(posts, 5.0) == [(5.0, 1, "two", 101)]


def test_the_same_key_in_another_topic_is_another_message(posts):
    add(posts, "one", key="k")
    send_all(posts)
    add(posts, "two", key="k", chat=Chat(1, 7), now=5.0)
    assert send_all(posts, 5.0)[0][3] is None


def test_a_button_s_message_is_edited_without_having_been_sent_by_us(posts):
    posts.remember(ANN, "message:9", 9)
    add(posts, "refreshed", key="message:9")
    assert posts.next(0.0).edits == 9


@pytest.mark.parametrize(("chat", "minute"), [(ANN, 60), (GROUP, 20)])
def test_no_chat_gets_more_than_telegram_lets_it(posts, chat, minute):
    add(posts, *map(str, range(150)), chat=chat)
    times = [when for when, *_ in send_all(posts)]
    assert len(times) == 150
    for start in times:
        assert sum(start <= when < start + 3 for when in times) <= 3
        assert sum(start <= when < start + 60 for when in times) <= minute


def test_all_chats_together_get_no_more_than_telegram_lets_them(posts):
    for number in range(1, 101):
        add(posts, "a", chat=Chat(number))
    times = [when for when, *_ in send_all(posts)]
    assert max(sum(start <= when < start + 1 for when in times) for start in times) <= 30
    assert times[-1] < 5


def test_what_can_wait_goes_after_the_rest_of_its_chat(posts):
    add(posts, "fate", key="f", can_wait=True)
    add(posts, "fate 2", can_wait=True)
    add(posts, "said", "answered")
    assert texts(send_all(posts)) == ["said", "answered", "fate", "fate 2"]


@pytest.mark.parametrize("chat", [ANN, GROUP])
def test_many_posts_that_can_wait_leave_a_place_for_one_that_cannot(posts, chat):
    add(posts, *map(str, range(100)), chat=chat, can_wait=True)
    told = send_all(posts, until=55.0)
    add(posts, *"abcdefghij", chat=chat, now=55.0)
    sent = send_all(posts, 55.0, 70.0)
    assert (len(told) < 11) == (chat is GROUP)
    assert [text for when, _, text, _ in sent if text.isalpha()] == list("abcdefghij")


def test_reactions_neither_delay_a_chat_s_messages_nor_wait_for_them(posts):
    for number in range(100):
        add(posts, "", chat=GROUP, key=f"r{number}", reply_to=number, reaction="👌")
    add(posts, *"ab", chat=GROUP)
    sent = [(when, text) for when, _, text, _ in send_all(posts)]
    assert [each for each in sent if each[1]] == [(0.0, "a"), (1.2, "b")]
    assert len(sent) == 102
    assert sent[-1][0] < 101


def test_a_reaction_is_never_an_edit_nor_what_a_later_reply_of_its_key_edits(posts):
    posts.remember(GROUP, "k", 9)
    add(posts, "", chat=GROUP, key="k", reply_to=5, reaction="👎")
    assert send_all(posts) == [(0.0, -5, "", None)]
    add(posts, "failed", chat=GROUP, key="k", reply_to=5, now=5.0)
    assert send_all(posts, 5.0)[0][3] == 9


def test_a_newer_reaction_replaces_one_that_waits(posts):
    for emoji in "👀👌👍":
        add(posts, "", chat=GROUP, key="k", reply_to=5, reaction=emoji)
    assert posts.next(0.0).post.reaction == "👍"
    assert len(posts) == 1


def test_where_there_is_no_room_fates_go_before_texts_and_nobody_is_told(posts):
    posts.hold(inf)
    for number in range(queue.WAITING_LIMIT):
        add(posts, f"text {number}")
    for number in range(100):
        add(posts, "fate", key=f"f{number}", can_wait=True)
    posts.hold(-inf)
    assert texts(send_all(posts, until=inf)) == [f"text {number}" for number in range(queue.WAITING_LIMIT)]


def test_what_did_not_arrive_goes_first_again(posts):
    add(posts, "a", "b")
    posts.failed(posts.next(0.0), UNREACHABLE, 0.0)
    assert texts(send_all(posts)) == ["a", "b"]


def test_what_did_not_arrive_gives_way_to_its_successor(posts):
    add(posts, "old", key="k")
    delivery = posts.next(0.0)
    add(posts, "b")
    add(posts, "new", key="k")
    posts.failed(delivery, UNREACHABLE, 0.0)
    assert texts(send_all(posts)) == ["new", "b"]


def test_while_telegram_is_away_nothing_goes(posts):
    add(posts, "a")
    posts.hold(30.0)
    assert posts.next(29.0) is None
    assert posts.deadline() == 30.0
    posts.hold(-inf)
    assert posts.next(1.0) is not None


def test_a_pause_that_telegram_asks_for_is_the_chat_s(posts):
    add(posts, "a")
    posts.failed(posts.next(0.0), Failure(Kind.FLOOD, "", wait=40.0), 0.0)
    add(posts, "x", chat=BOB)
    assert [(when, text) for when, _, text, _ in send_all(posts)] == [(0.0, "x"), (40.0, "a")]


def test_who_blocked_the_bot_gets_nothing_of_what_waits(posts):
    add(posts, "a", "b", "c")
    assert posts.failed(posts.next(0.0), Failure(Kind.FORBIDDEN, ""), 0.0) == 3
    assert send_all(posts) == []
    add(posts, "d", now=60.0)
    assert texts(send_all(posts, 60.0)) == ["d"]


def test_a_topic_that_is_gone_costs_the_group_s_other_topics_nothing(posts):
    add(posts, "a", "b", chat=Chat(-5, 200))
    add(posts, "x", chat=Chat(-5, 300))
    add(posts, "y", chat=GROUP)
    assert posts.failed(posts.next(0.0), Failure(Kind.NO_TOPIC, ""), 0.0) == 2
    assert texts(send_all(posts)) == ["x", "y"]
    assert posts._size == 0


def test_a_message_to_edit_that_is_gone_is_sent_anew(posts):
    posts.remember(ANN, "k", 9)
    add(posts, "a", key="k")
    posts.failed(posts.next(0.0), Failure(Kind.NO_MESSAGE, ""), 0.0)
    assert send_all(posts) == [(0.0, 1, "a", None)]


def test_a_message_that_looks_so_already_is_well(posts):
    posts.remember(ANN, "k", 9)
    add(posts, "a", key="k")
    assert posts.failed(posts.next(0.0), Failure(Kind.UNCHANGED, ""), 0.0) == 0
    assert send_all(posts) == []


def test_an_answer_to_a_question_that_is_gone_stands_alone(posts):
    add(posts, "a", reply_to=5)
    posts.failed(posts.next(0.0), Failure(Kind.NO_QUESTION, ""), 0.0)
    assert posts.next(0.0).post.reply_to is None


def test_what_is_too_long_is_cut_until_it_is_not(posts):
    add(posts, "x" * 9000)
    lengths = []
    while (delivery := posts.next(60.0 * len(lengths))) is not None:
        lengths.append(len(delivery.post.text))
        posts.failed(delivery, Failure(Kind.TOO_LONG, ""), 0.0)
    assert lengths == [9000, 4501, 2251, 1126, 564, 283, 142, 72]
    assert len(posts) == 0


def test_what_telegram_refuses_for_its_own_sake_is_given_up(posts):
    add(posts, "a", "b")
    assert posts.failed(posts.next(0.0), Failure(Kind.REFUSED, ""), 0.0) == 1
    assert texts(send_all(posts)) == ["b"]


def test_a_post_that_a_server_in_good_health_does_not_take_is_given_up_after_a_while(posts):
    add(posts, "poison", "b")
    given_up = [posts.failed(posts.next(60.0 * n), Failure(Kind.SERVER, ""), 60.0 * n) for n in range(6)]
    assert given_up == [0, 0, 0, 0, 0, 1]
    assert texts(send_all(posts, 999.0)) == ["b"]


def test_an_outage_of_the_server_costs_no_post(posts):
    add(posts, "a")
    for n in range(500):
        posts.failed(posts.next(60.0 * n), Failure(Kind.SERVER, ""), 60.0 * n, is_well=False)
    assert len(posts) == 1


def test_a_group_with_a_new_id_is_written_to_there_and_keeps_its_order(posts):
    add(posts, "a", "b", chat=GROUP)
    posts.failed(posts.next(0.0), Failure(Kind.MOVED, "", chat_id=-1005), 0.0)
    assert [(chat, text) for _, chat, text, _ in send_all(posts)] == [(-1005, "a"), (-1005, "b")]


def test_hours_without_telegram_keep_a_bounded_number_and_tell_of_the_rest(posts):
    posts.hold(inf)
    for number in range(3000):
        add(posts, f"text {number}")
    add(posts, "alert", key="alert")
    assert len(posts) == queue.WAITING_LIMIT
    posts.hold(-inf)
    sent = texts(send_all(posts, until=inf))
    assert sent[0] == "2501 lost"
    assert sent[-2:] == ["text 2999", "alert"]


def test_tries_in_vain_lose_nothing_of_the_count_of_what_was_lost(posts):
    for number in range(3000):
        add(posts, f"text {number}", key=f"mesh:{number}")
        if number % 100 == 0 and (delivery := posts.next(100.0 * number)) is not None:
            posts.failed(delivery, UNREACHABLE, 100.0 * number)
    sent = texts(send_all(posts, now=400_000.0, until=inf))
    assert sent[0] == "2500 lost"
    assert sent[1:] == [f"text {number}" for number in range(2500, 3000)]


def test_a_note_of_what_was_lost_that_a_server_in_good_health_never_takes_is_given_up(posts):
    for number in range(queue.WAITING_LIMIT + 1):
        add(posts, f"text {number}")
    for now in range(queue.MOST_TRIES + 1):
        note = posts.next(10.0 * now)
        assert note.post.text == "1 lost"
        given_up = posts.failed(note, Failure(Kind.SERVER, ""), 10.0 * now)
    assert given_up == 1
    assert posts.next(100.0).post.text == "text 1"


def test_a_group_gets_no_bursts(posts):
    add(posts, "a", "b", "c", chat=GROUP)
    whens = [when for when, *_ in send_all(posts)]
    assert all(later - earlier > 1.0 for earlier, later in pairwise(whens))


def test_pictures_that_wait_have_a_bound_in_bytes(posts):
    for _ in range(100):
        add(posts, "", photo=bytes(1_000_000))
    assert len(posts) == queue.BYTES_LIMIT // 1_000_000


def test_whoever_died_sending_leaves_it_to_the_next(posts):
    add(posts, "a", "b")
    posts.next(0.0)
    posts.release(0.0)
    assert texts(send_all(posts)) == ["a", "b"]


def test_chats_that_are_quiet_are_forgotten(posts):
    for number in range(1, 1000):
        add(posts, "a", chat=Chat(number), now=100.0 * number)
        send_all(posts, 100.0 * number, inf)
    assert len(posts._lanes) <= queue.CHATS_REMEMBERED


def test_an_end_of_what_was_not_begun_is_a_fault(posts):
    add(posts, "a")
    delivery = posts.next(0.0)
    posts.sent(delivery, 1)
    with pytest.raises(ValueError, match="not on its way"):
        posts.sent(delivery, 1)
