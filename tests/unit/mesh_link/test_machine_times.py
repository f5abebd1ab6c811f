"""The link machine: when a link is dead, and when it is tried again."""

import pytest

from meshbot.mesh_link.actions import (
    CloseLink,
    LinkContended,
    LinkFailure,
    LinkReady,
    LinkSilent,
    SendProbe,
)
from meshbot.mesh_link.machine import KEEPALIVE_EVERY
from meshbot.mesh_link.states import Evidence
from meshbot.runtime.incidents import LinkCause
from tests.support.link import T0, E, Link, lose_young, of, wait_of

# -- when is a link dead?


def test_a_quiet_link_is_probed_after_5_s(ready):
    assert ready.at(4.9) == []
    assert ready.at(5) == [SendProbe(1)]
    assert ready.machine.probes_sent == 1


def test_two_misses_end_the_link_at_17_s(ready):
    assert ready.at(16.9) == [SendProbe(1)] * 8
    assert ready.at(17) == [LinkSilent(17.0, 17.0), CloseLink(1)]


def test_one_missed_probe_is_forgiven_and_remembered(ready):
    ready.at(13)
    ready.heard()
    # alive after 8 s of doubt: the next doubt lasts 1.4 times as long if that is more than 12 s
    assert ready.at(13 + 16.9) == [SendProbe(1)] * 8
    assert of(LinkSilent, ready.at(13 + 17)) == [LinkSilent(17.0, 17.0)]


def test_any_bytes_push_the_probe(ready):
    ready.at(4)
    ready.heard()
    assert ready.at(8.9) == []
    assert ready.at(9) == [SendProbe(1)]


def test_unacknowledged_bytes_end_the_link_at_the_first_miss(ready):
    ready.at(10.9)
    ready.now = T0 + 11
    actions = ready.tell(E.DEADLINE, evidence=Evidence(unacknowledged=True))
    assert of(LinkSilent, actions) == [LinkSilent(11.0, 11.0)]


def answer_after(link, seconds):
    link.after(5)
    link.after(seconds)
    link.heard()
    link.tell(E.ANSWERED)


def test_a_slow_link_is_given_nine_of_its_round_trips_twice(ready):
    for _ in range(60):
        answer_after(ready, 2)
    (silent,) = of(LinkSilent, ready.after(41.01))
    assert silent.maximum == pytest.approx(5 + 2 * 9 * 2, abs=0.01)


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
    for second in range(4, 1801, 4):
        probes += ready.at(second)
        ready.heard()
    assert probes == [SendProbe(1)] * int(1800 / KEEPALIVE_EVERY)


def test_an_unanswered_heartbeat_on_a_busy_link_is_no_miss(ready):
    for second in range(4, 300, 4):
        ready.at(second)
        ready.heard()
    assert ready.at(300) == [SendProbe(1)]
    assert of(LinkSilent, ready.at(296 + 16.9)) == []
    assert of(LinkSilent, ready.at(296 + 17)) == [LinkSilent(17.0, 17.0)]


# -- when to try again?


def test_a_link_that_lasted_10_s_is_tried_again_after_1_s(ready):
    ready.at(5)
    ready.heard()
    ready.at(10)
    assert wait_of(ready.lose()) == 1.0


def test_the_cleanup_delay_is_the_wait_after_a_link_that_lasted():
    link = Link(cleanup_delay=15.0, stable_after=0.0)
    link.start()
    link.become_ready()
    assert wait_of(link.lose()) == 15.0


def test_a_node_that_refuses_is_tried_every_second_at_first(link):
    waits = []
    while link.now < T0 + 120:
        waits.append(wait_of(link.fail()))
        link.await_attempt()
    assert set(waits) == {1.0}
    assert wait_of(link.fail()) == 2
    waits = []
    for _ in range(3):
        link.await_attempt()
        waits.append(wait_of(link.fail()))
    assert waits == [3, 5, 5]


def test_a_connect_timeout_is_a_refusal(link):
    link.at(10)
    assert wait_of(link.tell(E.CLOSED)) == 1.0
    link.await_attempt()
    assert wait_of(link.fail()) == 1.0


def fail_configuration(link):
    link.tell(E.ACCEPTED)
    return link.fail()


def be_mute(link):
    """READY, then nothing."""
    link.become_ready()
    link.after(17)
    return link.tell(E.CLOSED)


@pytest.mark.parametrize("trouble", [fail_configuration, be_mute])
def test_a_node_that_does_not_deliver_is_tried_by_the_specifications_ladder(link, trouble):
    waits = []
    for _ in range(6):
        waits.append(wait_of(trouble(link)))
        link.await_attempt()
    assert waits == [1, 5, 15, 30, 60, 60]


def test_from_the_fourth_loss_a_rival_keeps_the_node_longer(link):
    waits = []
    for _ in range(7):
        waits.append(wait_of(lose_young(link)))
        link.await_attempt()
    assert waits == [1, 1, 1, 5, 15, 30, 60]


def test_refusals_between_two_troubles_do_not_forgive_them(link):
    assert wait_of(fail_configuration(link)) == 1
    link.await_attempt()
    assert wait_of(link.fail()) == 1
    link.await_attempt()
    assert wait_of(fail_configuration(link)) == 5


def keep_for_10_s(link):
    link.become_ready()
    link.after(4)
    link.heard()
    link.after(4)
    link.heard()
    link.after(2)


def test_a_link_that_lasts_10_s_forgives_the_troubles(link):
    for _ in range(4):
        fail_configuration(link)
        link.await_attempt()
    keep_for_10_s(link)
    assert wait_of(link.lose()) == 1
    link.await_attempt()
    assert wait_of(fail_configuration(link)) == 1


def test_a_requested_end_of_a_link_that_lasted_forgives_the_troubles(link):
    for _ in range(3):
        fail_configuration(link)
        link.await_attempt()
    keep_for_10_s(link)
    link.tell(E.RECONNECT)
    assert wait_of(link.tell(E.CLOSED)) == 1
    link.await_attempt()
    assert wait_of(fail_configuration(link)) == 1


def test_a_link_that_fell_silent_after_it_had_answered_is_no_trouble(link):
    for _ in range(5):
        link.become_ready()
        link.after(3)
        link.heard()
        link.after(17)
        assert wait_of(link.tell(E.CLOSED)) == 1
        link.await_attempt()


def ready_again(link, **details):
    link.await_attempt()
    return link.become_ready(**details)


def test_another_client_is_named_once_when_three_links_were_taken(link):
    link.become_ready()
    named = []
    for _ in range(6):
        link.after(1)
        link.lose()
        named.append(of(LinkContended, ready_again(link)))
    assert named == [[], [], [LinkContended(3)], [], [], []]


def taken_after(link, *lasted, cause=LinkCause.CLOSED, **details):
    """Lose the link after each of these times from READY; return how many losses were said each time."""
    said = []
    for seconds in lasted:
        for _ in range(10):
            link.after(seconds / 10)
            link.heard()
        lost = link.tell(E.LOST, failure=LinkFailure(cause)) + link.tell(E.CLOSED)
        assert wait_of(lost) == 1
        said.append([each.losses for each in of(LinkContended, ready_again(link, **details))])
    return said


@pytest.mark.parametrize("rhythm", [6, 8, 12, 20, 45])
def test_a_client_that_comes_back_in_its_rhythm_is_named_once(link, rhythm):
    link.become_ready()
    lasted = [rhythm, rhythm + 1.5, rhythm, rhythm + 1.9, rhythm, rhythm, rhythm + 1]
    assert taken_after(link, *lasted) == [[], [], [], [], [5], [], []]


def test_a_link_closed_at_any_time_is_not_called_taken(link):
    link.become_ready()
    assert not any(taken_after(link, 6, 6, 6, 6, 9, 9, 9, 20, 40, 40, 40, 40, 59, 70, 70, 70, 70, 70, 70))


def test_another_end_of_the_link_interrupts_the_rhythm(link):
    link.become_ready()
    assert not any(taken_after(link, 8, 8, 8, 8))
    assert not any(taken_after(link, 8, cause=LinkCause.OTHER))
    assert not any(taken_after(link, 8, 8, 8, 8))
    link.after(8)
    link.lose()
    link.await_attempt()
    link.fail()
    assert of(LinkContended, ready_again(link)) == []


def test_a_node_that_was_away_is_not_said_to_be_taken(link):
    """FIN, RST and a reboot, 3 s apart."""
    link.become_ready()
    for _ in range(3):
        link.after(3)
        link.lose()
        link.await_attempt()
        if link.machine.generation == 4:
            link.fail()
            link.await_attempt()
        assert of(LinkContended, link.become_ready()) == []
    link.after(3)
    assert wait_of(link.lose()) == 1


def test_a_node_that_counts_another_restart_is_not_said_to_be_taken(link):
    link.become_ready(boots=1)
    for boots in range(2, 8):
        link.after(1)
        assert wait_of(link.lose()) == 1
        assert of(LinkContended, ready_again(link, boots=boots)) == []


def test_a_frozen_node_is_no_other_client(link):
    for _ in range(5):
        assert of(LinkContended, be_mute(link) + link.await_attempt()) == []


def test_an_outage_by_silence_begins_with_the_last_byte(ready):
    (silent,) = of(LinkSilent, ready.at(17))
    assert silent.seconds == 17
    assert ready.machine.outage_since == T0
    ready.tell(E.CLOSED)
    ready.await_attempt()
    (back,) = of(LinkReady, ready.become_ready())
    assert back.outage == ready.now - T0
