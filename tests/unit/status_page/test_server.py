"""The page's thread: a thousand odd requests, slow and silent clients, a taken port, and a quick end."""

import errno
import random
import socket
import threading
import time
from contextlib import ExitStack, closing, suppress
from queue import SimpleQueue

import pytest
from waitress import wasyncore

from meshbot.runtime.clock import SystemClock
from meshbot.runtime.service import PING
from meshbot.status_page.listener import BACKLOG, IDLE, LOOK_EVERY, MOST_BODY, MOST_HEADERS, MOST_SOCKETS, Listener
from meshbot.status_page.server import StatusServer

PATIENCE = 30.0  # real seconds: only a failure waits so long
GOOD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def until(condition):
    """Look again and again; the server's thread tells nobody what it has done."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def crashed():
    return SimpleQueue()


@pytest.fixture
def server(bench, crashed):
    server = StatusServer(SystemClock(), "127.0.0.1", 0, bench.application)
    server.start(crashed)
    until(lambda: server.address)
    yield server
    server.stop()
    assert server.join(PATIENCE)
    assert crashed.empty()


def connect(server):
    return closing(socket.create_connection(server.address, PATIENCE))


def ask(server, request):
    """What is answered until the server closes or has nothing more to say."""
    with connect(server) as sock:
        sock.sendall(request)
        parts = []
        try:
            sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(65536):
                parts.append(part)
        except OSError:
            pass
        return b"".join(parts)


def is_well(server):
    return b"200 OK" in ask(server, GOOD)


class Turned:
    """The listening socket without its thread: time and turns are the test's."""

    def __init__(self, application):
        self.sockets = {}
        self.server = Listener(application, socket.create_server(("127.0.0.1", 0)), self.sockets)
        self.address = (self.server.effective_host, int(self.server.effective_port))

    def turn(self, second):
        """Take what has come, at that second."""
        for _ in range(4):
            wasyncore.loop(timeout=0.01, use_poll=True, map=self.sockets, count=1)
            self.server.look_after(second)

    def turn_until(self, condition, second=0.0):
        until(lambda: self.turn(second) or condition())

    def moves(self):
        """Return whether an answer's bytes still go somewhere."""
        before = [each.total_outbufs_len for each in self.server.active_channels.values()]
        self.turn(1)
        return before != [each.total_outbufs_len for each in self.server.active_channels.values()]

    def close(self):
        self.server.task_dispatcher.shutdown(timeout=PATIENCE)
        wasyncore.close_all(self.sockets)


@pytest.fixture
def listener(bench):
    with closing(Turned(bench.application)) as turned:
        yield turned


@pytest.fixture
def clients(listener):
    """Return what connects one more and sends that; all are closed at the end."""
    with ExitStack() as stack:

        def connect_one(data):
            sock = stack.enter_context(socket.create_connection(listener.address, PATIENCE))
            sock.sendall(data)
            return sock

        yield connect_one


def _is_answered(sock):
    sock.settimeout(0.01)
    try:
        return sock.recv(15) == b"HTTP/1.1 200 OK"
    except TimeoutError:
        return False


def odd_requests():
    rng = random.Random(7)
    whole = [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * (MOST_HEADERS + 10) + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /?lang=%ff%00&sort=%&page=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%2e%2e/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: \xff\xfe\r\nAccept-Language: \xff;q=\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        GOOD * 30,
    ]
    yield from whole
    while True:
        source = bytearray(rng.choice(whole)[:400])
        for _ in range(rng.randrange(1, 6)):
            if source:
                place = rng.randrange(len(source))
                source[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        yield bytes(source)


def test_a_thousand_odd_requests_get_an_answer_or_a_refusal(server, caplog):
    for _, request in zip(range(1000), odd_requests(), strict=False):
        answer = ask(server, request)
        assert not answer or answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), request
        assert b"Traceback" not in answer, request
    assert is_well(server)
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


def test_a_large_body_is_refused_before_it_is_read(server):
    length = str(MOST_BODY + 1).encode()
    answer = ask(server, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + b"\r\n\r\n")
    assert b" 413 " in answer.splitlines()[0]


def test_who_says_nothing_is_cut_off(bench, crashed, monkeypatch):
    monkeypatch.setattr("meshbot.status_page.listener.IDLE", 0.3)
    monkeypatch.setattr("meshbot.status_page.server.LOOK_EVERY", 0.1)
    server = StatusServer(SystemClock(), "127.0.0.1", 0, bench.application)
    server.start(crashed)
    until(lambda: server.address)
    with connect(server) as silent:
        silent.sendall(b"GET / HT")
        with suppress(ConnectionResetError):
            assert silent.recv(10) == b""
    server.stop()
    assert server.join(PATIENCE)


def test_who_sends_a_byte_now_and_then_is_cut_off(listener, clients):
    slow, idle = clients(b"GET / HTTP/1.1\r\nX: "), clients(GOOD)
    for second in range(int(IDLE)):
        slow.sendall(b"a")
        listener.turn(second)
    assert idle.recv(15) == b"HTTP/1.1 200 OK"
    listener.turn(IDLE + 1)
    with suppress(ConnectionResetError):
        assert slow.recv(10) == b""


def test_who_never_reads_an_answer_is_cut_off(listener, clients, bench):
    bench.hear_town(300)
    deaf = clients(b"")
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
    listener.turn_until(lambda: any(each.total_outbufs_len for each in listener.server.active_channels.values()))
    listener.turn_until(lambda: not listener.moves(), second=1)
    # a worker may still have had an answer to hand over, and the socket room for some of it
    for number in range(1, 4):
        listener.turn(number * (IDLE + 1))
    assert not listener.server.active_channels


def test_a_crowd_that_asks_nothing_makes_room_for_who_asks(listener, clients):
    for number in range(2 * MOST_SOCKETS):
        clients(b"GET / HT")
        listener.turn(number / 100)
    asks = clients(GOOD)
    listener.turn_until(lambda: _is_answered(asks), second=1)
    assert len(listener.server.active_channels) < MOST_SOCKETS


def test_without_descriptors_it_waits_instead_of_trying_at_once(listener, clients, monkeypatch):
    def refuse(_self):
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    tries = []
    with monkeypatch.context() as patched:
        patched.setattr("waitress.wasyncore.dispatcher.accept", refuse)
        asks = clients(GOOD)
        listener.turn_until(lambda: tries)
        for _ in range(20):
            listener.turn(1)
        assert len(tries) == 1
    listener.turn(1 + LOOK_EVERY)
    listener.turn_until(lambda: _is_answered(asks), second=1 + LOOK_EVERY)


def test_many_connections_keep_others_out_and_then_let_them_in(server):
    before = threading.active_count()
    crowd = [socket.create_connection(server.address, PATIENCE) for _ in range(MOST_SOCKETS + BACKLOG // 2)]
    assert threading.active_count() == before
    for sock in crowd:
        sock.close()
    assert is_well(server)


def test_a_reader_that_stops_reading_holds_up_nobody(server, bench):
    bench.hear_town(300)
    with connect(server) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        assert all(is_well(server) for _ in range(5))


def test_it_answers_the_watchdog(server):
    server.tell(PING)
    until(lambda: server.pings_answered == 1)


def test_it_ends_at_once_also_with_clients(server):
    with connect(server) as waiting:
        waiting.sendall(b"GET /")
        began = time.monotonic()
        server.stop()
        assert server.join(PATIENCE)
        assert time.monotonic() - began < PATIENCE / 2


def test_a_taken_port_is_one_line_and_tried_again(bench, crashed, caplog, monkeypatch):
    monkeypatch.setattr("meshbot.status_page.server.LISTEN_AGAIN", 0.05)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        server = StatusServer(SystemClock(), *taken.getsockname(), bench.application)
        server.start(crashed)
        server.tell(PING)
        until(lambda: server.pings_answered)
        time.sleep(0.2)
        assert server.address is None
        assert len([line for line in caplog.messages if "status_port" in line]) == 1
    until(lambda: server.address)
    assert is_well(server)
    server.stop()
    assert server.join(PATIENCE)


def test_ipv6_is_served_too(bench, crashed):
    server = StatusServer(SystemClock(), "::1", 0, bench.application)
    server.start(crashed)
    until(lambda: server.address)
    assert is_well(server)
    server.stop()
    assert server.join(PATIENCE)


@pytest.mark.parametrize("host", ["no-such-name.invalid", "203.0.113.9"])
def test_an_address_of_another_machine_stops_nothing(bench, crashed, caplog, host):
    server = StatusServer(SystemClock(), host, 0, bench.application)
    server.start(crashed)
    until(lambda: "Page d'état" in caplog.text)
    server.stop()
    assert server.join(PATIENCE)
    assert crashed.empty()
