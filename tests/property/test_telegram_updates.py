"""Whatever the Bot API answers, a poll has updates that can be confirmed, or says that it has none."""

from hypothesis import example, given
from hypothesis import strategies as st

from meshbot.telegram_bot.failures import InvalidAnswerError
from meshbot.telegram_bot.updates import MOST_UPDATE, read_batch

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
IDS = st.integers(-2, 2**33) | st.integers(0, 1000)
PEOPLE = st.fixed_dictionaries({"id": IDS | ANYTHING, "is_bot": st.booleans(), "first_name": st.text() | ANYTHING})
CHATS = st.fixed_dictionaries({"id": st.integers() | ANYTHING, "type": st.sampled_from(["private", "supergroup"])})
MESSAGES = st.fixed_dictionaries(
    {"message_id": IDS, "date": st.integers() | ANYTHING, "chat": CHATS | ANYTHING},
    optional={
        "from": PEOPLE,
        "text": st.text() | ANYTHING,
        "caption": ANYTHING,
        "photo": ANYTHING,
        "entities": ANYTHING,
        "reply_to_message": ANYTHING,
        "migrate_to_chat_id": st.integers() | ANYTHING,
        "message_thread_id": IDS | ANYTHING,
    },
)
QUERIES = st.fixed_dictionaries(
    {"id": st.text() | ANYTHING, "from": PEOPLE | ANYTHING},
    optional={"data": ANYTHING, "message": MESSAGES | ANYTHING, "chat_instance": st.text()},
)
UPDATES = st.fixed_dictionaries(
    {"update_id": IDS | ANYTHING},
    optional={"message": MESSAGES | ANYTHING, "edited_message": MESSAGES, "callback_query": QUERIES | ANYTHING},
)


@given(st.lists(UPDATES | ANYTHING, max_size=5) | ANYTHING)
@example([{"update_id": MOST_UPDATE}])
@example([{"update_id": True}])
def test_any_answer_to_a_poll_is_read_or_refused(raw):
    try:
        batch = read_batch(raw)
    except InvalidAnswerError:
        return
    assert len(batch.updates) + batch.malformed == len(raw)
    if raw:
        assert batch.next_offset > max((update.update_id for update in batch.updates), default=-1)


@given(UPDATES, st.integers(1, 1000))
def test_an_update_that_cannot_be_read_loses_no_other(odd, number):
    person = {"id": 5, "is_bot": False, "first_name": "Gus"}
    message = {"message_id": 7, "date": 1, "chat": {"id": 5, "type": "private"}, "from": person, "text": "/ping"}
    batch = read_batch([odd, {"update_id": number, "message": message}])
    assert batch.updates[-1].update_id == number
    assert batch.updates[-1].text == "/ping"
