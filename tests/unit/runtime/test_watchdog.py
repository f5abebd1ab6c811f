"""Which thread hangs is said by its pings; the machine's own pauses are no thread's fault."""

import pytest

from meshbot.runtime.watchdog import HUNG_AFTER, LOOK_EVERY, Watchdog


class Thread:
    """Answers pings as long as it is told to."""

    def __init__(self, name, *, answers=True):
        self.name = name
        self.answers = answers
        self.pings_answered = 0

    def tell(self, _ping):
        self.pings_answered += self.answers


@pytest.mark.parametrize("interval", [None, 5.0, 30.0, 300.0])
def test_a_thread_that_hangs_is_named_after_90_s(interval):
    well, hung = Thread("Sender"), Thread("publishing")
    watchdog = Watchdog(interval, [well, hung])
    ended = []
    for second in range(400):
        hung.answers = second < 100
        if reason := watchdog.look(1000.0 + second):
            ended.append((second, str(reason)))
            break
    period = min(interval or LOOK_EVERY, 30.0)
    assert ended[0][1] == "publishing"
    assert 100 + HUNG_AFTER - period <= ended[0][0] <= 100 + HUNG_AFTER + 2 * period


def test_a_pause_of_the_whole_process_ends_nothing():
    thread = Thread("Sender", answers=False)
    watchdog = Watchdog(None, [thread])
    assert watchdog.look(0.0) is None
    assert watchdog.look(100_000.0) is None
    thread.pings_answered += 1
    assert not any(watchdog.look(100_000.0 + second) for second in range(1, 60))


def test_a_disk_that_stalls_for_ever_ends_nothing_and_is_said_once(caplog):
    watchdog = Watchdog(None, [Thread("Sender")], disk_bound=[Thread("Housekeeping", answers=False)])
    assert not any(watchdog.look(float(second)) for second in range(1000))
    assert caplog.messages == ["❌ Ne répond plus: Housekeeping, qui attend le disque; la radio continue"]


def test_without_systemd_a_silent_thread_is_said_once(caplog):
    watchdog = Watchdog(None, [Thread("Sender", answers=False)])
    for second in range(80):
        watchdog.look(float(second))
    assert caplog.messages == ["❌ Ne répond plus: Sender; le bot s'arrête si cela dure 90 s"]
