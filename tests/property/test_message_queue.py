"""The message queue under any order of additions and failures: nothing is lost, out of order, or in flight twice."""

from collections import defaultdict
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.telegram_bot.failures import Failure, FailureKind
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.queue import IN_FLIGHT, MessageQueue

CHATS = st.sampled_from([Chat(1), Chat(2), Chat(-3), Chat(-3, 7)])
KEYS = st.sampled_from(["", "", "k", "l"])
PASSING = [
    FailureKind.UNREACHABLE,
    FailureKind.CONFLICT,
    FailureKind.FLOOD,
    FailureKind.MIGRATED,
    FailureKind.NO_MESSAGE,
    FailureKind.NO_REPLY_TARGET,
    FailureKind.TOKEN,
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), CHATS, KEYS),
        st.tuples(st.just("react"), CHATS, st.sampled_from("👀👌")),
        st.tuples(st.just("next"), st.floats(0, 10)),
        st.tuples(st.just("sent"), st.integers(0, 5)),
        st.tuples(st.just("failed"), st.integers(0, 5), st.sampled_from(PASSING)),
        st.tuples(st.just("release")),
    ),
    max_size=80,
)


class Chats:
    """The messages that Telegram shows, and those that it is to show."""

    def __init__(self):
        self.queue = MessageQueue(str)
        self.now = 0.0
        self.in_flight = []
        self.newest = {}  # text by (chat, key), of keyed messages
        self.expected = defaultdict(list)  # unkeyed texts by chat id
        self.shown = defaultdict(list)
        self.messages = {}
        self.reactions = {}  # expected
        self.reacted = {}
        self.count = 0

    def add(self, chat, key):
        self.count += 1
        text = f"{self.count}"
        if key:
            self.newest[chat, key] = text
        else:
            self.expected[chat.id].append(text)
        self.queue.add(OutgoingMessage(chat, text, key, reply_to=1), self.now)

    def react(self, chat, emoji):
        self.reactions[chat] = emoji
        self.queue.add(OutgoingMessage(chat, "", "k", reply_to=1, reaction=emoji), self.now)

    def next(self, seconds):
        self.now += seconds
        delivery = self.queue.next(self.now)
        if delivery is not None:
            ids = [(each.message.chat.id, bool(each.message.reaction)) for each in (delivery, *self.in_flight)]
            assert len(set(ids)) == len(ids)
            self.in_flight.append(delivery)
            assert len(self.in_flight) <= IN_FLIGHT
        return delivery

    def sent(self, number):
        if self.in_flight:
            delivery = self.in_flight.pop(number % len(self.in_flight))
            message = delivery.message
            self.count += 1
            self.queue.sent(delivery, self.count)
            if message.reaction:
                self.reacted[message.chat] = message.reaction
            elif message.key:
                self.messages[message.chat, message.key] = message.text
            else:
                self.shown[message.chat.id].append(message.text)

    def failed(self, number, kind):
        if self.in_flight:
            delivery = self.in_flight.pop(number % len(self.in_flight))
            impossible = {
                FailureKind.NO_MESSAGE: delivery.edits is None,
                FailureKind.NO_REPLY_TARGET: delivery.message.reply_to is None,
                # private chats keep their ids
                FailureKind.MIGRATED: delivery.chat_id == -99 or delivery.message.chat.id > 0,
            }
            kind = FailureKind.UNREACHABLE if impossible.get(kind, False) else kind
            assert self.queue.failed(delivery, Failure(kind, "", 5.0, -99), self.now) == 0

    def release(self):
        self.queue.release(self.now)
        self.in_flight.clear()


@settings(deadline=None)
@given(STEPS)
def test_all_messages_arrive_in_order_and_the_newest_of_each_key_last(steps):
    chats = Chats()
    for name, *arguments in steps:
        getattr(chats, name)(*arguments)
    while chats.in_flight:
        chats.sent(0)
    while (due := chats.queue.deadline()) < inf:
        chats.now = max(chats.now, due)
        assert chats.next(0.0) is not None
        chats.sent(0)
    assert len(chats.queue) == 0
    assert chats.shown == {chat: texts for chat, texts in chats.expected.items() if texts}
    assert chats.messages == chats.newest
    assert chats.reacted == chats.reactions
