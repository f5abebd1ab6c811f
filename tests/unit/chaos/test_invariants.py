"""What must hold: each rule passes what is right, and names what is not."""

import os
import socket
import threading
from contextlib import ExitStack

import pytest

from chaos.bot import Gauge, links_of
from chaos.invariants import (
    MORE_DESCRIPTORS,
    MORE_MEMORY,
    MORE_THREADS,
    Accepted,
    KeyRow,
    broken_keys,
    growth,
    lost_and_repeated,
)
from chaos.starvation import run_delays
from meshbot.virtual_node import VirtualNode

OLD, NEW = bytes(32), bytes(range(32))


def test_a_text_that_went_once_is_kept():
    assert lost_and_repeated([Accepted("a", 0.0)], {"a": 1}, ()) == []


def test_a_text_that_is_nowhere_is_lost():
    assert lost_and_repeated([Accepted("a", 0.0)], {}, ()) == ["accepted, and then neither sent nor refused: 'a'"]


@pytest.mark.parametrize("excuse", [{"may_be_lost": True}, {"refused": True}])
def test_a_refusal_or_a_kill_excuses_a_loss(excuse):
    assert lost_and_repeated([Accepted("a", 0.0, **excuse)], {}, ()) == []


def test_a_text_that_waits_in_the_database_is_not_lost():
    assert lost_and_repeated([Accepted("a", 0.0)], {}, {"a"}) == []


def test_a_text_under_two_ids_was_sent_twice():
    assert lost_and_repeated([Accepted("a", 0.0)], {"a": 2}, ()) == ["sent 2 times: 'a'"]
    assert lost_and_repeated([Accepted("a", 0.0, may_be_repeated=True)], {"a": 2}, ()) == []


def test_a_key_may_come_and_change_its_status():
    before = [KeyRow(1, OLD, "trusted")]
    after = [KeyRow(1, OLD, "superseded"), KeyRow(1, NEW, "trusted"), KeyRow(2, NEW, "trusted")]
    assert broken_keys(before, after, {1: {OLD, NEW}}) == []


def test_a_lost_an_empty_and_a_forged_key_are_named():
    before = [KeyRow(1, OLD, "trusted")]
    after = [KeyRow(1, NEW, "trusted"), KeyRow(3, b"", "trusted")]
    assert broken_keys(before, after, {1: {OLD}}) == [
        "the key of !00000001 was lost",
        "a key of !00000001 is trusted that it never had",
        "an empty key of !00000003",
    ]


@pytest.mark.parametrize("more", [Gauge(MORE_THREADS, 0, 0), Gauge(0, MORE_DESCRIPTORS, 0), Gauge(0, 0, MORE_MEMORY)])
def test_growth_beyond_the_allowance_is_named(more):
    first = Gauge(10, 20, 60_000)

    def after(extra):
        return Gauge(*(a + b + extra * bool(b) for a, b in zip(vars_of(first), vars_of(more), strict=True)))

    assert growth(first, after(0)) == []
    assert len(growth(first, after(1))) == 1


def vars_of(gauge):
    return gauge.threads, gauge.descriptors, gauge.memory


def test_two_sockets_to_one_port_are_seen():
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as clients:
        port = server.getsockname()[1]
        for count in range(3):
            assert len(links_of(os.getpid(), port)) == count
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))


def test_a_node_in_the_same_process_is_no_socket_to_it():
    with VirtualNode(nodes=2) as node, socket.create_connection(("127.0.0.1", node.port)) as client:
        node.wait_until(lambda: node.connected)
        assert len(links_of(os.getpid(), node.port)) == 1
        client.shutdown(socket.SHUT_RDWR)
        assert links_of(os.getpid(), node.port) == []


def test_each_thread_of_a_process_has_its_wait_for_a_processor():
    delays = run_delays(os.getpid())
    assert str(threading.get_native_id()) in delays
    assert min(delays.values()) >= 0
    assert run_delays(2**22 + 1) == {}
