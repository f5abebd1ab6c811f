"""What other settings change in parts that run: the Telegram side, the dispatcher, the sender's queue."""

import assembly
from meshbot.commands.rate_limit import Admission, RateLimiter
from meshbot.sending.limits import SendLimits
from meshbot.telegram_bot.models import Chat
from tests.support.configured import LIFETIMES, make_send_queue
from tests.support.telegram_bot import GUEST
from tests.support.telegram_handler import HandlerHarness

NEWCOMER = 777
CHAT = -1005


def reload(harness, **changes):
    harness.handler.take_options(assembly.telegram_options(harness.settings.model_copy(update=changes)))


def test_a_new_telegram_user_is_answered_and_a_removed_one_is_not():
    with HandlerHarness() as harness:
        assert "I do not know you" in harness.write("hello", NEWCOMER)[0].text
        reload(harness, telegram_users=(f"{NEWCOMER} known",))
        assert harness.handler.users.find(NEWCOMER) is not None
        assert harness.handler.users.find(GUEST) is None
        assert "I do not know you" in harness.write("hello", GUEST)[0].text


def test_a_new_bridge_carries_and_a_removed_one_does_not():
    with HandlerHarness(telegram_bridges=(f"1 {CHAT}",)) as harness:
        reload(harness, telegram_bridges=(f"2 {CHAT}",), telegram_alert_chats=(55,))
        harness.write("hello", GUEST, CHAT)
        assert [text.channel for text in harness.mesh_texts] == [2]
        assert harness.handler.alerts.chats == (Chat(55),)
        reload(harness, telegram_bridges=())
        assert not harness.handler.bridge.is_used


def test_a_group_s_new_id_outlives_a_reload():
    with HandlerHarness(telegram_bridges=(f"1 {CHAT}",)) as harness:
        harness.handler.on_migration(CHAT, -1009)
        reload(harness, telegram_bridges=(f"2 {CHAT}",))
        harness.write("hello", GUEST, -1009)
        assert [text.channel for text in harness.mesh_texts] == [2]


def test_other_bounds_of_a_rate_limit_keep_what_was_counted():
    limiter = RateLimiter(2, 60)
    assert [limiter.ask("a", 0.0) for _ in range(2)] == [Admission.ALLOWED] * 2
    limiter.set_bounds(3, 60)
    assert [limiter.ask("a", 1.0) for _ in range(2)] == [Admission.ALLOWED, Admission.REFUSED]


def test_other_limits_of_sending_keep_what_was_spent_and_what_waits():
    queue = make_send_queue(2.2, 200, lambda: 1, air_time_limit=10.0)
    before = queue.air.limit
    SendLimits(5.0, 100, LIFETIMES, 50.0, 1.0).apply(queue)
    assert (queue.interval, queue.limit, queue.hold.limit) == (5.0, 100, 50.0)
    assert queue.air.limit == before // 10
