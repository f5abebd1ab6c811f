"""Which thread hangs is said by its pings; the machine's own pauses are no thread's fault."""

import pytest

from meshbot.runtime.watchdog import HUNG_AFTER, LOOK_EVERY, HealthCheck, Watchdog


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


@pytest.mark.parametrize("interval", [None, 5.0])
def test_what_answers_no_pings_is_asked_whether_it_is_well(interval):
    state = {"well": True}
    watchdog = Watchdog(interval, [HealthCheck("Commands", lambda: state["well"])])
    assert not any(watchdog.look(float(second)) for second in range(300))
    state["well"] = False
    ended = [str(reason) for second in range(300, 450) if (reason := watchdog.look(float(second)))]
    assert ended[0] == "Commands"
    state["well"] = True
    assert not any(watchdog.look(float(second)) for second in range(450, 800))


def test_what_hangs_with_the_disk_ends_the_process_only_after_it():
    disk, commands = Thread("Housekeeping", answers=False), Thread("Commands", answers=False)
    watchdog = Watchdog(None, [Thread("Sender")], disk_bound=[disk], disk_users=[commands])
    assert not any(watchdog.look(float(second)) for second in range(1000))
    disk.answers, disk.pings_answered = True, 1000
    ended = [second for second in range(1000, 1200) if watchdog.look(float(second))]
    assert 1000 + HUNG_AFTER - LOOK_EVERY <= ended[0] <= 1000 + HUNG_AFTER + 2 * LOOK_EVERY


def test_without_systemd_a_silent_thread_is_said_once(caplog):
    watchdog = Watchdog(None, [Thread("Sender", answers=False)])
    for second in range(80):
        watchdog.look(float(second))
    assert caplog.messages == ["❌ Ne répond plus: Sender; le bot s'arrête si cela dure 90 s"]
