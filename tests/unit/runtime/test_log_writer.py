"""The log's own thread and its bounded backlog, on real pipes."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.runtime.log_writer import LogWriter, Waiting

PATIENCE = 30.0
BACKLOG = 1000
FILLING = b"." * (1 << 20)


def dropped_line(count):
    return Waiting(f"{count} dropped")


class Pipe:
    """A stdout that nobody reads until `read` is called."""

    def __init__(self):
        self._read, write = os.pipe()
        self.stream = os.fdopen(write, "w")

    def fill(self):
        os.set_blocking(self.stream.fileno(), False)
        written = 0
        try:
            while True:
                written += os.write(self.stream.fileno(), FILLING)
        except BlockingIOError:
            os.set_blocking(self.stream.fileno(), True)
        return written

    def read(self, count):
        data = b""
        while len(data) < count:
            data += os.read(self._read, count - len(data))
        return data

    def rest(self):
        self.stream.close()
        data = b""
        while chunk := os.read(self._read, 1 << 16):
            data += chunk
        os.close(self._read)
        return data.decode()


@pytest.fixture
def pipe():
    return Pipe()


def numbers(text):
    """Check that each line is whole; return the lines' numbers and how many are said to be missing."""
    kept, dropped = [], 0
    for line in text.splitlines():
        word, what = line.split(" ", 1)
        if what == "dropped":
            dropped += int(word)
        else:
            assert what == "." * len(what)
            kept.append(int(word))
    return kept, dropped


def test_lines_leave_whole_and_in_order(pipe):
    writer = LogWriter(pipe.stream, dropped_line, backlog=BACKLOG)
    for number in range(100):
        writer.put(Waiting(f"{number} ."))
        assert writer.drain(PATIENCE)
    writer.close(PATIENCE)
    assert numbers(pipe.rest()) == (list(range(100)), 0)


def test_a_blocked_stdout_holds_nobody_up_and_the_backlog_is_bounded(pipe):
    filled = pipe.fill()
    writer = LogWriter(pipe.stream, dropped_line, backlog=BACKLOG)
    for number in range(500):
        writer.put(Waiting(f"{number:03} ......"))
    assert writer._size <= BACKLOG
    assert not writer.drain(0.0)
    pipe.read(filled)
    assert writer.drain(PATIENCE)
    writer.put(Waiting("500 ."))
    writer.close(PATIENCE)
    kept, dropped = numbers(pipe.rest())
    assert kept == [*range(BACKLOG // 11), 500]
    assert dropped == 500 - BACKLOG // 11


def test_a_blocked_stdout_does_not_hold_up_the_end(pipe):
    filled = pipe.fill()
    writer = LogWriter(pipe.stream, dropped_line, backlog=BACKLOG)
    writer.put(Waiting("1 ."))
    assert not writer.drain(0.0)
    # after a wait in vain there is no second one
    closing = threading.Thread(target=writer.close, args=(3600.0,))
    closing.start()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    pipe.read(filled)
    writer._thread.join(PATIENCE)
    assert pipe.rest() == "1 .\n"


def test_what_is_put_after_the_end_is_dropped(pipe):
    writer = LogWriter(pipe.stream, dropped_line, backlog=BACKLOG)
    writer.close(PATIENCE)
    writer.put(Waiting("1 ."))
    assert writer.drain(PATIENCE)
    assert pipe.rest() == ""


@given(sizes=st.lists(st.integers(0, 400), max_size=40), pauses=st.sets(st.integers(0, 40)))
def test_every_line_is_written_or_counted(sizes, pauses):
    pipe = Pipe()
    writer = LogWriter(pipe.stream, dropped_line, backlog=BACKLOG)
    for number, size in enumerate(sizes):
        writer.put(Waiting(f"{number} {'.' * size}"))
        assert writer._size <= BACKLOG + len(dropped_line(len(sizes)).text) + 1
        if number in pauses:
            assert writer.drain(PATIENCE)
    writer.close(PATIENCE)
    kept, dropped = numbers(pipe.rest())
    assert kept == sorted(kept)
    assert len(kept) + dropped == len(sizes)


@pytest.mark.parametrize("text", ["\ud800", "\0", "é" * 10])
def test_any_text_is_a_line(pipe, text):
    writer = LogWriter(pipe.stream, dropped_line, backlog=BACKLOG)
    writer.put(Waiting(text))
    writer.put(Waiting("1 ."))
    writer.close(PATIENCE)
    assert pipe.rest().endswith("\n1 .\n")
