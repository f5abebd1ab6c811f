"""The link machine, row by row of the architecture's tables; time is an argument."""

from math import inf

import pytest

from meshbot.mesh_link.actions import (
    AbandonLink,
    CloseLink,
    FetchNodes,
    LinkAlert,
    LinkDown,
    LinkReady,
    OpenLink,
)
from meshbot.mesh_link.failures import LinkFailure
from meshbot.mesh_link.machine import STOP_CLOSE_TIMEOUT, LinkProtocolError
from meshbot.mesh_link.states import FROM_SESSION, TRANSITIONS, Evidence, LinkEvent
from meshbot.runtime.incidents import LinkCause
from tests.support.link import T0, E, Link, S, lose_young, of, wait_of

CLOSED = LinkFailure(LinkCause.CLOSED)

# -- the path


def test_start_opens_the_first_session():
    assert Link().start() == [OpenLink(1, attempt=1, reconnection=False, alerted=False)]


def test_an_accepted_connection_alone_is_not_ready(link):
    assert link.tell(E.ACCEPTED) == []
    assert link.machine.state is S.CONNECTING


def test_ready_has_the_length_of_the_outage(link):
    link.after(3)
    assert link.become_ready() == [LinkReady(1, reconnection=False, outage=3.0, attempts=1)]


def test_the_second_ready_is_a_reconnection(ready):
    ready.lose()
    ready.await_attempt()
    ready.after(2)
    assert ready.become_ready() == [LinkReady(2, reconnection=True, outage=3.0, attempts=1)]


def test_a_lost_session_is_closed_before_the_next_one_opens(ready):
    assert ready.tell(E.LOST, failure=CLOSED) == [CloseLink(1)]
    assert ready.machine.state is S.CLOSING
    assert of(LinkDown, ready.tell(E.CLOSED)) == [LinkDown(CLOSED, first=True, was_ready=True, retry_in=1.0)]
    assert of(OpenLink, ready.after(1.0)) == [OpenLink(2, attempt=1, reconnection=True, alerted=False)]


def test_the_first_reason_of_an_end_is_kept(ready):
    ready.tell(E.LOST, failure=CLOSED)
    later = ready.tell(E.FAILED, failure=LinkFailure(detail="later")) + ready.tell(E.CLOSED)
    assert of(LinkDown, later)[0].failure == CLOSED


def test_a_session_may_end_without_a_failure(ready):
    (down,) = of(LinkDown, ready.tell(E.CLOSED))
    assert down.failure == LinkFailure()


def test_a_node_that_reboots_on_the_same_connection_is_asked_again(ready):
    assert ready.tell(E.RESTARTED) == []
    assert ready.machine.state is S.CONNECTING
    ready.after(4)
    assert ready.tell(E.CONNECTED) == [LinkReady(1, reconnection=True, outage=4.0, attempts=0)]


def test_a_restarted_node_has_its_time_to_deliver_from_then_on(ready):
    ready.at(14)
    ready.tell(E.RESTARTED)
    assert ready.at(33.9) == []
    assert ready.at(34) == [CloseLink(1)]


def test_a_node_that_restarts_repeatedly_is_left_alone_for_longer(ready):
    waits = []
    for _ in range(3):
        ready.tell(E.RESTARTED)
        ready.tell(E.CONNECTED)
        ready.after(9)
        assert ready.tell(E.RESTARTED) == [CloseLink(ready.machine.generation)]
        (down,) = of(LinkDown, ready.tell(E.CLOSED))
        assert (down.failure, down.was_ready) == (LinkFailure(LinkCause.RESTARTS), True)
        waits.append(down.retry_in)
        ready.after(down.retry_in)
        ready.become_ready()
    assert waits == [1.0, 5.0, 15.0]


def test_a_restart_that_we_ordered_keeps_the_connection(ready):
    for _ in range(3):
        assert ready.tell(E.RESTARTED, evidence=Evidence(ordered=True)) == []
        ready.tell(E.CONNECTED)
    assert ready.machine.generation == 1


def test_a_node_that_restarts_now_and_then_keeps_its_connection(ready):
    for _ in range(5):
        assert ready.tell(E.RESTARTED) == []
        ready.tell(E.CONNECTED, evidence=Evidence(answers_probes=True))
        ready.after(10)
        ready.machine.heard(1, ready.now)
        ready.machine.heard(1, ready.now + 50)
        ready.now += 51
    assert ready.machine.generation == 1


def test_a_probe_from_before_a_restart_is_forgotten(ready):
    # a probe is under way
    ready.at(6)
    ready.tell(E.RESTARTED)
    ready.tell(E.CONNECTED, evidence=Evidence(answers_probes=True))
    assert ready.machine.deadline == ready.now + 5


def test_a_repeated_connected_changes_nothing(ready):
    ready.after(5)
    assert ready.tell(E.CONNECTED, evidence=Evidence(answers_probes=True)) == []
    assert ready.machine.ready_since == T0


def test_ready_since_and_outage_since_exclude_each_other(ready):
    assert (ready.machine.ready_since, ready.machine.outage_since) == (T0, None)
    ready.after(2)
    ready.tell(E.LOST)
    assert (ready.machine.ready_since, ready.machine.outage_since) == (None, T0 + 2)


# -- events out of place


@pytest.mark.parametrize("event", sorted(FROM_SESSION, key=lambda e: e.name))
def test_an_event_of_an_older_session_is_counted_and_dropped(ready, event):
    ready.lose()
    ready.await_attempt()
    before = (ready.machine.state, ready.machine.deadline)
    assert ready.machine.handle(event, ready.now, 1) == []
    assert (ready.machine.state, ready.machine.deadline) == before
    assert ready.machine.stale == 1


@pytest.mark.parametrize("event", sorted(FROM_SESSION, key=lambda e: e.name))
def test_after_closed_a_session_may_not_speak(ready, event):
    ready.lose()
    assert ready.tell(event) == []
    assert ready.machine.state is S.BACKOFF


@pytest.mark.parametrize("event", sorted(FROM_SESSION, key=lambda e: e.name))
def test_a_session_event_without_generation_is_dropped(event):
    assert Link().machine.handle(event, T0) == []


def test_an_event_of_ours_that_no_row_names_raises(link, monkeypatch):
    monkeypatch.delitem(TRANSITIONS[S.CONNECTING], E.RECONNECT)
    with pytest.raises(LinkProtocolError, match="RECONNECT in CONNECTING"):
        link.tell(E.RECONNECT)


def test_an_early_deadline_does_nothing(ready):
    assert ready.tell(E.DEADLINE) == []


def test_start_of_a_started_link_does_nothing(ready):
    assert ready.tell(E.START) == []
    assert ready.machine.state is S.READY


# -- bounds of the waits


def test_a_connection_that_is_not_accepted_is_closed_after_10_s(link):
    assert link.at(9.9) == []
    assert link.at(10) == [CloseLink(1)]


def test_a_configuration_that_falls_silent_is_given_up_after_20_s(link):
    link.at(5)
    link.tell(E.ACCEPTED)
    assert link.at(24.9) == []
    assert link.at(25) == [CloseLink(1)]


def drip(link, seconds, every=10):
    """A configuration that keeps arriving, a few bytes at a time."""
    link.tell(E.ACCEPTED)
    actions = []
    for _ in range(int(seconds / every)):
        actions += link.after(every)
        link.heard()
    return actions


def test_a_configuration_that_keeps_arriving_has_five_minutes(link):
    assert drip(link, 299, every=13) == []
    assert link.at(300) == [CloseLink(1)]


# -- a configuration that does not complete


def next_session(link):
    (opened,) = of(OpenLink, link.await_attempt())
    return opened


def test_after_two_incomplete_configurations_the_next_is_without_the_other_nodes(link):
    for _ in range(2):
        drip(link, 290)
        link.after(10)
        link.tell(E.CLOSED)
        opened = next_session(link)
    assert (opened.generation, opened.without_nodes) == (3, True)


@pytest.mark.parametrize("end", ["lost", "silent"])
def test_a_configuration_cut_off_in_its_middle_counts_however_it_ended(link, end):
    without = []
    for _ in range(3):
        drip(link, 20)
        if end == "lost":
            link.lose()
        else:
            link.after(20)
            link.tell(E.CLOSED)
        without.append(next_session(link).without_nodes)
    assert without == [False, True, True]


def test_a_node_that_sends_nothing_at_all_is_asked_for_everything(link):
    for _ in range(4):
        link.tell(E.ACCEPTED)
        link.after(20)
        link.tell(E.CLOSED)
        assert not next_session(link).without_nodes


def test_a_complete_configuration_in_between_starts_the_count_again(link):
    drip(link, 20)
    link.lose()
    link.await_attempt()
    link.become_ready()
    link.lose()
    link.await_attempt()
    drip(link, 20)
    link.lose()
    assert not next_session(link).without_nodes


def ready_without_nodes(link):
    for _ in range(2):
        drip(link, 20)
        link.lose()
        link.await_attempt()
    link.become_ready()


def listen_for(link, seconds):
    actions = []
    for _ in range(int(seconds)):
        actions += link.after(1)
        link.heard()
    return actions


def test_the_other_nodes_are_fetched_half_a_minute_after_ready(link):
    ready_without_nodes(link)
    assert of(FetchNodes, listen_for(link, 29)) == []
    assert of(FetchNodes, listen_for(link, 1)) == [FetchNodes(3)]
    assert of(FetchNodes, listen_for(link, 600)) == []


def test_once_fetched_the_next_configuration_is_a_whole_one(link):
    ready_without_nodes(link)
    listen_for(link, 40)
    link.tell(E.FETCHED)
    link.lose()
    assert not next_session(link).without_nodes


def test_a_fetch_that_costs_the_link_is_tried_ever_later(link):
    ready_without_nodes(link)
    after = []
    for _ in range(4):
        began = link.now
        while not of(FetchNodes, listen_for(link, 1)):
            assert link.now - began < 4000
        after.append(round(link.now - began))
        link.lose()
        assert next_session(link).without_nodes
        link.become_ready()
    assert after == [30, 300, 3000, 3600]


def test_a_session_that_does_not_close_in_5_s_is_abandoned(ready):
    ready.tell(E.LOST, failure=CLOSED)
    assert ready.at(4.9) == []
    assert ready.at(5)[:2] == [AbandonLink(1), LinkDown(CLOSED, first=True, was_ready=True, retry_in=1.0)]


def test_an_abandoned_session_may_not_speak(ready):
    ready.tell(E.LOST)
    ready.at(5)
    assert ready.tell(E.CLOSED) == []
    assert ready.machine.stale == 1


# -- reconnection on request


def test_a_request_ends_a_ready_link(ready):
    assert ready.tell(E.RECONNECT) == [CloseLink(1)]
    assert of(LinkDown, ready.tell(E.CLOSED)) == [LinkDown(LinkFailure(LinkCause.REQUESTED), True, True, 1.0)]  # noqa: FBT003 - first, was_ready


def test_a_request_counts_as_no_failure(ready):
    ready.tell(E.RECONNECT)
    ready.tell(E.CLOSED)
    ready.await_attempt()
    # the first trouble
    assert wait_of(lose_young(ready)) == 1


def test_a_reboot_that_we_ordered_counts_as_no_failure(link):
    for _ in range(6):
        link.tell(E.ACCEPTED)
        link.fail()
        link.await_attempt()
    link.become_ready()
    link.after(2)
    link.tell(E.LOST, failure=CLOSED, evidence=Evidence(ordered=True))
    assert wait_of(link.tell(E.CLOSED)) == 1
    link.await_attempt()
    assert wait_of(link.fail()) == 1


def test_a_request_during_the_wait_tries_at_once(ready):
    ready.lose()
    assert of(OpenLink, ready.tell(E.RECONNECT)) == [OpenLink(2, attempt=1, reconnection=True, alerted=False)]


@pytest.mark.parametrize("prepare", [lambda _: None, lambda link: link.tell(E.FAILED)], ids=["connecting", "closing"])
def test_a_request_while_one_is_under_way_does_nothing(link, prepare):
    prepare(link)
    before = link.machine.state
    assert link.tell(E.RECONNECT) == []
    assert link.machine.state is before


def test_a_request_does_not_wake_a_stopped_link():
    assert Link().tell(E.RECONNECT) == []


# -- what is reported of an outage


def test_the_loss_and_the_first_failed_attempt_of_an_outage_are_first(ready):
    downs = of(LinkDown, ready.lose())
    for _ in range(3):
        ready.await_attempt()
        downs += of(LinkDown, ready.fail())
    assert [down.first for down in downs] == [True, True, False, False]


def test_the_next_outage_has_its_own_first(ready):
    ready.lose()
    ready.await_attempt()
    ready.become_ready()
    assert of(LinkDown, ready.lose())[0].first


def fail_until(link, seconds):
    actions = []
    while link.machine.deadline < T0 + seconds:
        actions += link.await_attempt() + link.fail()
    return actions + link.at(seconds)


def test_an_outage_is_alerted_once_after_60_s_and_3_failures(link):
    assert of(LinkAlert, fail_until(link, 59.9)) == []
    (alert,) = of(LinkAlert, fail_until(link, 600))
    assert alert.failures >= 3
    assert alert.outage >= 60


def test_after_the_alert_attempts_know_of_it(link):
    opened = of(OpenLink, fail_until(link, 120))
    assert not opened[0].alerted
    assert opened[-1].alerted


def test_two_long_attempts_are_no_alert_yet():
    link = Link(connect_timeout=50)
    link.start()
    actions = link.at(50) + link.tell(E.CLOSED) + link.await_attempt() + link.after(50) + link.tell(E.CLOSED)
    assert of(LinkAlert, actions) == []
    link.await_attempt()
    assert of(LinkAlert, link.fail()) == [LinkAlert(3, link.now - T0)]


def test_each_outage_has_its_own_alert(link):
    fail_until(link, 120)
    link.await_attempt()
    link.become_ready()
    began = link.now - T0
    actions = link.lose() + fail_until(link, began + 120)
    assert len(of(LinkAlert, actions)) == 1


def test_the_alert_does_not_wait_for_the_end_of_an_attempt(link):
    for _ in range(3):
        link.fail()
        link.await_attempt()
    link.tell(E.ACCEPTED)
    while link.now < T0 + 55:
        link.after(5)
        link.heard()
    assert of(LinkAlert, link.at(60)) == [LinkAlert(3, 60.0)]


# -- stopping


def test_stop_without_a_link_is_immediate(ready):
    ready.lose()
    assert ready.tell(E.STOP) == []
    assert (ready.machine.state, ready.machine.deadline) == (S.STOPPED, inf)


def test_stop_closes_the_session_first(ready):
    assert ready.tell(E.STOP) == [CloseLink(1)]
    assert ready.tell(E.CLOSED) == []
    assert ready.machine.state is S.STOPPED


def test_stop_waits_no_longer_than_its_bound(ready):
    ready.tell(E.STOP)
    assert ready.after(STOP_CLOSE_TIMEOUT) == [AbandonLink(1)]
    assert ready.machine.state is S.STOPPED


def test_stop_does_not_wait_longer_than_a_close_may_take():
    link = Link(close_timeout=0.2)
    link.start()
    link.tell(E.STOP)
    assert link.after(0.2) == [AbandonLink(1)]


def test_stop_cuts_the_wait_for_a_close_short(ready):
    ready.tell(E.LOST)
    ready.after(1)
    ready.tell(E.STOP)
    assert ready.after(0.5) == [AbandonLink(1)]


def test_a_stopped_link_that_is_started_again_comes_back_after_a_loss(ready):
    ready.tell(E.STOP)
    ready.tell(E.CLOSED)
    assert of(OpenLink, ready.start()) == [OpenLink(2, attempt=1, reconnection=True, alerted=False)]
    ready.become_ready()
    ready.lose()
    assert ready.machine.state is S.BACKOFF


# -- the table


def test_every_state_knows_every_event_of_ours():
    ours = set(LinkEvent) - FROM_SESSION - {E.DEADLINE}
    assert all(ours <= set(row) for row in TRANSITIONS.values())


def test_every_state_with_a_session_knows_all_its_events():
    assert all(set(TRANSITIONS[state]) >= FROM_SESSION for state in (S.CONNECTING, S.READY, S.CLOSING))
