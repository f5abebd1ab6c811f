"""Five commands in five minutes, one refusal, then no answer."""

from hypothesis import given
from hypothesis import strategies as st

from meshbot.commands.rate_limit import USERS_REMEMBERED, Admission, RateLimiter

ALLOWED, REFUSED, IGNORED = Admission.ALLOWED, Admission.REFUSED, Admission.IGNORED


def asked(limiter, times, user="a"):
    return [limiter.ask(user, now) for now in times]


def test_the_sixth_is_refused_once_and_the_rest_ignored():
    assert asked(RateLimiter(5, 300.0), range(8)) == [ALLOWED] * 5 + [REFUSED, IGNORED, IGNORED]


def test_once_the_oldest_expires_a_command_is_allowed_again():
    limiter = RateLimiter(2, 300.0)
    assert asked(limiter, [0, 100, 299.9, 299.95]) == [ALLOWED, ALLOWED, REFUSED, IGNORED]
    assert asked(limiter, [300, 301, 302]) == [ALLOWED, REFUSED, IGNORED]
    assert asked(limiter, [400]) == [ALLOWED]


def test_what_was_ignored_does_not_prolong_the_wait():
    limiter = RateLimiter(1, 300.0)
    asked(limiter, range(300))
    assert asked(limiter, [300]) == [ALLOWED]


def test_each_user_has_a_window_of_their_own():
    limiter = RateLimiter(1, 300.0)
    assert asked(limiter, [0, 1], "a") + asked(limiter, [2, 3], "b") == [ALLOWED, REFUSED] * 2


def test_zero_is_no_limit():
    assert set(asked(RateLimiter(0, 300.0), range(100))) == {ALLOWED}


def test_the_user_idle_for_longest_is_forgotten_first():
    limiter = RateLimiter(1, 300.0)
    for number in range(USERS_REMEMBERED):
        limiter.ask(str(number), 0.0)
    limiter.ask("0", 1.0)  # again: now "1" has been quiet for longest
    limiter.ask("newcomer", 2.0)
    assert (limiter.ask("0", 3.0), limiter.ask("1", 3.0)) == (IGNORED, ALLOWED)


@given(
    commands=st.integers(1, 6),
    steps=st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 200)), max_size=60),
)
def test_no_window_holds_more_commands_than_allowed(commands, steps):
    limiter, now, log = RateLimiter(commands, 300.0), 0.0, []
    for user, pause in steps:
        now += pause
        log.append((user, now, limiter.ask(user, now)))
    for user in "ab":
        own = [(at, admission) for asker, at, admission in log if asker == user]
        allowed = [at for at, admission in own if admission is ALLOWED]
        assert all(later - earlier >= 300.0 for earlier, later in zip(allowed, allowed[commands:], strict=False))
        kinds = "".join(admission.name[0] for _, admission in own)
        assert "RR" not in kinds.replace("I", "")
        assert not kinds.startswith(("R", "I"))
