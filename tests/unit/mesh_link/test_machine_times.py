"""The link machine: when a link is dead, and when it is tried again."""

import pytest

from meshbot.mesh_link.actions import (
    CloseLink,
    LinkContended,
    LinkReady,
    LinkSilent,
    SendProbe,
)
from meshbot.mesh_link.machine import (
    KEEPALIVE_EVERY,
)
from tests.support.link import T0, E, Link, lose_young, of, wait_of

# -- when is a link dead?


def test_a_quiet_link_is_probed_after_15_s(ready):
    assert ready.at(14.9) == []
    assert ready.at(15) == [SendProbe(1)]
    assert ready.machine.probes_sent == 1


def test_two_unanswered_probes_end_the_link_at_45_s(ready):
    assert ready.at(44.9) == [SendProbe(1), SendProbe(1)]
    assert ready.at(45) == [LinkSilent(45.0, 45.0), CloseLink(1)]


def test_one_missed_probe_is_forgiven(ready):
    # the first probe missed, the second under way
    ready.at(31)
    ready.heard()
    assert ready.at(45.9) == []
    assert ready.at(75.9) == [SendProbe(1), SendProbe(1)]
    assert of(LinkSilent, ready.at(76)) == [LinkSilent(45.0, 45.0)]


def test_any_bytes_push_the_probe(ready):
    ready.at(10)
    ready.heard()
    assert ready.at(24.9) == []
    assert ready.at(25) == [SendProbe(1)]


def test_bytes_of_an_older_session_push_nothing(ready):
    ready.lose()
    ready.await_attempt()
    before = ready.machine.deadline
    ready.machine.heard(1, ready.now + 5)
    assert ready.machine.deadline == before


def test_an_old_node_is_dead_after_exactly_120_s_of_silence():
    link = Link()
    link.start()
    link.become_ready(answers_probes=False)
    assert of(LinkSilent, link.at(119.9)) == []
    assert of((LinkSilent, CloseLink), link.at(120)) == [LinkSilent(120.0, 120.0), CloseLink(1)]


@pytest.mark.parametrize("answers", [True, False])
def test_without_probing_only_the_silent_timeout_decides(answers):
    link = Link(probe_after=0)
    link.start()
    link.become_ready(answers_probes=answers)
    assert link.at(119.9) == []
    assert link.at(120) == [LinkSilent(120.0, 120.0), CloseLink(1)]


def test_a_busy_link_sends_a_heartbeat_every_5_minutes(ready):
    """The node closes a client that sends nothing for 15 min, however much it sends itself."""
    probes = []
    for second in range(10, 1801, 10):
        probes += ready.at(second)
        ready.heard()
    assert probes == [SendProbe(1)] * int(1800 / KEEPALIVE_EVERY)


def test_an_unanswered_heartbeat_on_a_busy_link_is_no_miss(ready):
    for second in range(10, 300, 10):
        ready.at(second)
        ready.heard()
    assert ready.at(300) == [SendProbe(1)]
    assert of(LinkSilent, ready.at(290 + 44.9)) == []
    assert of(LinkSilent, ready.at(290 + 45)) == [LinkSilent(45.0, 45.0)]


# -- when to try again?


def test_a_link_that_lasted_is_tried_again_after_1_s(ready):
    ready.at(1)
    ready.heard()
    for second in range(10, 61, 10):
        ready.at(second)
        ready.heard()
    assert wait_of(ready.lose()) == 1.0


def test_the_cleanup_delay_is_the_wait_after_a_link_that_lasted():
    link = Link(cleanup_delay=15.0, stable_after=0.0)
    link.start()
    link.become_ready()
    assert wait_of(link.lose()) == 15.0


def test_refusals_are_tried_again_after_1_2_3_5_5_s(link):
    waits = []
    for _ in range(5):
        waits.append(wait_of(link.fail()))
        link.await_attempt()
    assert waits == [1, 2, 3, 5, 5]


def test_a_connect_timeout_is_a_refusal(link):
    link.at(10)
    assert wait_of(link.tell(E.CLOSED)) == 1.0
    link.await_attempt()
    assert wait_of(link.fail()) == 2.0


def fail_configuration(link):
    link.tell(E.ACCEPTED)
    return link.fail()


@pytest.mark.parametrize("trouble", [lose_young, fail_configuration])
def test_trouble_is_tried_again_after_1_5_and_the_specifications_ladder(link, trouble):
    waits = []
    for _ in range(6):
        waits.append(wait_of(trouble(link)))
        link.await_attempt()
    assert waits == [1, 5, 15, 30, 60, 60]


def test_refusals_between_two_troubles_do_not_forgive_them(link):
    assert wait_of(lose_young(link)) == 1
    link.await_attempt()
    assert wait_of(link.fail()) == 1
    link.await_attempt()
    assert wait_of(lose_young(link)) == 5


def test_a_trouble_forgives_the_refusals(link):
    for _ in range(3):
        link.fail()
        link.await_attempt()
    lose_young(link)
    link.await_attempt()
    assert wait_of(link.fail()) == 1


def keep_for_a_minute(link):
    link.become_ready()
    for _ in range(6):
        link.after(10)
        link.heard()


def test_a_link_that_lasts_a_minute_forgives_the_troubles(link):
    for _ in range(4):
        lose_young(link)
        link.await_attempt()
    keep_for_a_minute(link)
    assert wait_of(link.lose()) == 1
    link.await_attempt()
    assert wait_of(lose_young(link)) == 1


def test_a_requested_end_of_a_link_that_lasted_forgives_the_troubles(link):
    for _ in range(2):
        lose_young(link)
        link.await_attempt()
    keep_for_a_minute(link)
    link.tell(E.RECONNECT)
    assert wait_of(link.tell(E.CLOSED)) == 1
    link.await_attempt()
    assert of(LinkContended, lose_young(link)) == []


def test_a_ready_link_was_accepted_even_without_the_event(link):
    link.tell(E.CONNECTED)
    link.lose()
    link.await_attempt()
    # the second trouble
    assert wait_of(fail_configuration(link)) == 5


def test_three_troubles_in_a_row_are_reported_once(link):
    contended = []
    for _ in range(6):
        contended.append(of(LinkContended, lose_young(link)))
        link.await_attempt()
    assert contended == [[], [], [LinkContended(3)], [], [], []]


def test_a_refusal_after_three_troubles_repeats_nothing(link):
    for _ in range(3):
        lose_young(link)
        link.await_attempt()
    assert of(LinkContended, link.fail()) == []


def test_an_outage_by_silence_begins_with_the_last_byte(ready):
    (silent,) = of(LinkSilent, ready.at(45))
    assert silent.seconds == 45
    assert ready.machine.outage_since == T0
    ready.tell(E.CLOSED)
    ready.await_attempt()
    (back,) = of(LinkReady, ready.become_ready())
    assert back.outage == ready.now - T0
