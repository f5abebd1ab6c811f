"""No hour has more than its budget, whatever is sent when; and the queue's order is fair."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.mesh_link.messages import LoraSettings, RoutingAnswer, TextPacket
from meshbot.sending.air_budget import SHARES, Account, AirBudget, Spending, account_of
from meshbot.sending.outgoing import OutgoingText, Priority
from tests.support.configured import make_send_queue

HOUR = 3600.0
spendings = st.lists(st.tuples(st.floats(0, 2000), st.integers(1, 20_000)), max_size=60)
refunded = st.sets(st.integers(0, 60))


@given(spendings, st.integers(1, 60_000), refunded)
def test_no_hour_has_more_than_its_limit(wanted, limit, refunds):
    spending, now, sent = Spending(), 0.0, []
    for number, (wait, milliseconds) in enumerate(wanted):
        now += wait
        free_at = spending.free_at(milliseconds, limit)
        assert (milliseconds > limit) == (free_at == float("inf"))
        if free_at <= now:
            spending.add(milliseconds, now)
            if number in refunds:
                spending.refund(milliseconds, now)
            else:
                sent.append((now, milliseconds))
        in_hour = sum(ms for at, ms in sent if at > now - HOUR)
        assert in_hour <= spending.spent(now) <= limit


@given(spendings, st.integers(1, 60_000), st.integers(1, 60_000))
def test_what_is_free_later_is_so_at_that_time_and_not_before(wanted, limit, milliseconds):
    spending, now = Spending(), 0.0
    for wait, each in wanted:
        now += wait
        spending.add(each, now)
    free_at = spending.free_at(milliseconds, limit)
    if milliseconds <= limit and free_at > now:
        assert spending.spent(free_at + 1e-6) + milliseconds <= limit
        assert spending.spent(free_at - 1.0) + milliseconds > limit or free_at - 1.0 <= now


kinds = st.tuples(st.sampled_from(Priority), st.booleans(), st.integers(1, 5), st.integers(1, 200))
floods = st.lists(st.tuples(st.floats(0, 300), kinds), max_size=40)


@given(floods, st.sampled_from([1, 3]), st.floats(1, 100), st.integers(0, 16))
def test_a_queue_sends_no_more_than_its_budget_and_its_shares(texts, region, percent, preset):
    queue = make_send_queue(2.2, 200, count(1).__next__, air_time_limit=percent)
    now, sent = 0.0, []
    queue.link_up(now, lora=LoraSettings(region, preset=preset))
    limit = queue.air.limit
    assert limit <= 3_600_000 * (10 if region == 3 else 100) / 100
    for wait, (priority, for_stranger, to, length) in texts:
        queue.add(OutgoingText("x" * length, to, priority=priority, for_stranger=for_stranger), now)
        until = now + wait
        while now < until:
            if (packet := queue.take(now)) is not None:
                found = next(text for text, part in queue._parts() if part.packet is packet)
                sent.append((now, account_of(found.message), queue.air.cost(packet)))
                queue.on_queue_status(packet.packet_id, 0, now)
            else:
                now = min(until, max(now + 0.1, queue.deadline))
                queue.on_deadline(now)
    for begin, _, _ in sent:
        hour = [(account, ms) for at, account, ms in sent if begin <= at < begin + HOUR]
        assert sum(ms for _, ms in hour) <= limit
        for account in (Account.STRANGERS, Account.FORWARDED):
            assert sum(ms for each, ms in hour if each is account) <= limit * SHARES[account]


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=40))
def test_who_is_known_goes_first_then_who_had_least(askers):
    queue = make_send_queue(2.2, 200, count(1).__next__)
    queue.link_up(0.0)
    for person, for_stranger in askers:
        queue.add(OutgoingText("pong", person + 10 * for_stranger, for_stranger=for_stranger), 0.0)
    served = []
    now = 0.0
    while (packet := queue.take(now)) is not None:
        served.append(packet.to)
        queue.on_queue_status(packet.packet_id, 0, now)
        now += 2.2
    known = [to for to in served if to < 10]
    strangers = [to for to in served if to > 10]
    assert served[: len(known)] == known
    for group in (known, strangers):
        had = dict.fromkeys(group, 0)
        left = {to: group.count(to) for to in group}
        for to in group:
            assert had[to] == min(had[each] for each in had if left[each])
            had[to] += 1
            left[to] -= 1


def test_a_burst_from_telegram_leaves_air_for_answers():
    air = AirBudget(10)
    bridged = OutgoingText("x" * 200, 1, priority=Priority.BRIDGE)
    while air.free_at(bridged, 2000) <= 0.0:
        air.spend(bridged, 2000, 0.0)
    assert air.free_at(OutgoingText("pong", 2), 2000) <= 0.0
    assert air.spent(0.0) <= air.limit // 2


@pytest.mark.parametrize(("error", "times"), [("MAX_RETRANSMIT", 3), ("NONE", 1), ("NO_CHANNEL", 1), ("", 3)])
def test_a_packet_costs_three_until_somebody_was_heard_to_have_it(error, times):
    queue = make_send_queue(2.2, 200, count(1).__next__, air_time_limit=10)
    queue.link_up(0.0)
    text = OutgoingText("pong", 2, want_ack=True)
    queue.add(text, 0.0)
    packet = queue.take(0.0)
    once = queue.air.cost(packet)
    assert queue.air.spent(0.0) == queue.air.had_lately(text) == 3 * once
    queue.on_queue_status(packet.packet_id, 0, 0.1)
    for _ in range(2 if error else 0):
        queue.on_routing(RoutingAnswer(packet.packet_id, 9, error, is_own=True), 23.0)
    assert queue.air.spent(23.0) == queue.air.had_lately(text) == times * once


@given(st.lists(st.sampled_from(["MAX_RETRANSMIT", "NONE", ""]), min_size=1, max_size=60))
def test_the_repeats_of_what_is_under_way_stay_in_the_budget(outcomes):
    queue = make_send_queue(2.2, 200, count(1).__next__, air_time_limit=0.5)
    queue.link_up(0.0)
    now, on_air = 0.0, 0
    for number, outcome in enumerate(outcomes):
        queue.add(OutgoingText("x" * 50, number + 1, want_ack=True), now)
        if (packet := queue.take(now)) is not None:
            on_air += queue.air.cost(packet) * (1 if outcome == "NONE" else 3)
            queue.on_queue_status(packet.packet_id, 0, now + 0.1)
            if outcome:
                queue.on_routing(RoutingAnswer(packet.packet_id, 9, outcome, is_own=True), now + 1)
        now += 3.0
    assert on_air <= queue.air.limit


def test_what_the_node_refuses_costs_nothing():
    queue = make_send_queue(2.2, 200, count(1).__next__, air_time_limit=10)
    queue.link_up(0.0)
    now = 0.0
    for to in range(1, 6):
        queue.add(OutgoingText("pong", to, want_ack=True), now)
        queue.on_queue_status(queue.take(now).packet_id, 39 if to % 2 else 0, now + 0.1)
        now += 3.0
    cost = queue.air.cost(TextPacket(0, "pong", 1, 0, 0, want_ack=True))
    assert queue.air.spent(now) == 2 * 3 * cost
    assert [queue.air.had_lately(OutgoingText("", to)) for to in range(1, 6)] == [0, 3 * cost, 0, 3 * cost, 0]


def test_what_strangers_ask_under_a_number_leaves_its_owner_s_place():
    queue = make_send_queue(2.2, 200, count(1).__next__, air_time_limit=10)
    queue.link_up(0.0)
    now = 0.0
    for _ in range(4):
        queue.add(OutgoingText("pong", 1, want_ack=True, for_stranger=True), now)
        queue.on_queue_status(queue.take(now).packet_id, 0, now + 0.1)
        now += 3.0
    assert queue.air.had_lately(OutgoingText("", 1, for_stranger=True)) > 0
    assert queue.air.had_lately(OutgoingText("", 1)) == 0


def test_a_traceroute_is_paid_for_and_refused_beyond_the_budget():
    air = AirBudget(1)
    sent = 0
    while air.spend_on_traceroute(0.0, for_stranger=False):
        sent += 1
    assert 0 < air.spent(0.0) <= air.limit
    assert sent > 10
    assert air.spend_on_traceroute(3661.0, for_stranger=False)


def test_strangers_traceroutes_take_no_more_than_their_part():
    air = AirBudget(1)
    while air.spend_on_traceroute(0.0, for_stranger=True):
        pass
    assert 0 < air.spent(0.0) <= air.limit * SHARES[Account.STRANGERS]
    assert air.spend_on_traceroute(0.0, for_stranger=False)


def test_a_restart_begins_no_new_hour():
    air = AirBudget(10)
    # percent of the hour, as the node measured
    air.begin(9.0, 1000.0)
    text = OutgoingText("pong", 2, priority=Priority.MAIL)
    assert air.spent(1000.0) == 324_000
    assert air.free_at(text, 36_000) <= 1000.0 < air.free_at(text, 36_001)
    # half of it was sent in the first half of that hour
    assert air.spent(1000.0 + 1860) == pytest.approx(162_000, abs=30_000)
    assert air.spent(1000.0 + 3661) == 0
    air.begin(9.0, 5000.0)
    assert air.spent(5000.0) == 0


@pytest.mark.parametrize("air_tx", [None, 0.0])
def test_a_node_that_tells_nothing_leaves_the_whole_budget(air_tx):
    air = AirBudget(10)
    air.begin(air_tx, 0.0)
    assert air.free_at(OutgoingText("pong", 2, priority=Priority.MAIL), air.limit) <= 0.0
