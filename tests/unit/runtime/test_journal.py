"""Lines for journald: its protocol, read back as it reads it, over a socket of the test's own."""

import array
import logging
import os
import re
import socket
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.runtime import log
from meshbot.runtime.journal import about, datagram
from meshbot.runtime.log_writer import LogWriter, Waiting

LOGGER = logging.getLogger("tests.journal")
PATIENCE = 10.0  # real seconds


def parsed(data):
    """The fields of a datagram, as the protocol's description has one read it."""
    fields = {}
    while data:
        name, _, data = data.partition(b"\n") if b"=" not in data.partition(b"\n")[0] else (b"", b"", data)
        if name:
            (length,) = struct.unpack("<Q", data[:8])
            fields[name.decode()] = data[8 : 8 + length].decode()
            assert data[8 + length : 9 + length] == b"\n"
            data = data[9 + length :]
        else:
            line, _, data = data.partition(b"\n")
            name, _, value = line.partition(b"=")
            fields[name.decode()] = value.decode()
    return fields


class Journald:
    """Its socket, and the stream that systemd connects to it."""

    def __init__(self, folder):
        self.path = str(folder / "socket")
        self.stream = (folder / "stream").open("w", encoding="utf-8")
        self.listen()

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind(self.path)

    def stop(self):
        self.socket.close()
        Path(self.path).unlink()

    def set_up(self, level="INFO"):
        status = os.fstat(self.stream.fileno())
        log.set_up(level, self.stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, self.path)

    def entry(self):
        data, rights, _flags, _address = self.socket.recvmsg(1 << 20, socket.CMSG_LEN(struct.calcsize("i")))
        for _level, _kind, payload in rights:
            (descriptor,) = array.array("i", payload)
            with os.fdopen(descriptor, "rb") as file:
                file.seek(0)
                data = file.read()
                with pytest.raises(OSError, match=r"not permitted|Bad file"):
                    os.write(descriptor, b"x")
        return parsed(data)

    @property
    def written(self):
        log.flush()
        return Path(self.stream.name).read_text(encoding="utf-8")


@pytest.fixture
def journald(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "_secrets", set())
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    journald = Journald(tmp_path)
    journald.set_up()
    yield journald
    for handler in [each for each in root.handlers if isinstance(each, log.JournalHandler)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(before[0])
    journald.socket.close()
    journald.stream.close()


# -- the protocol


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), st.text(st.characters(codec="utf-8")), max_size=8
    )
)
def test_any_fields_are_read_back_as_they_were(fields):
    assert parsed(datagram(fields)) == fields


def test_half_a_character_is_written_as_an_escape():
    assert parsed(datagram({"MESSAGE": "\udcff"})) == {"MESSAGE": "\\udcff"}


# -- the log


def test_a_line_has_the_text_of_the_stream_and_its_fields(journald):
    LOGGER.warning("⚠️ SILENCE TCP: %ds sans paquet (max: %ds)", 45, 45, extra=about(link_state="CLOSING"))
    entry = journald.entry()
    assert entry["MESSAGE"] == "[WARNING] ⚠️ SILENCE TCP: 45s sans paquet (max: 45s)"
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"], entry["LINK_STATE"]) == ("4", "meshbot", "CLOSING")
    assert (entry["LOGGER"], entry["THREAD_NAME"]) == ("tests.journal", "MainThread")
    assert entry["CODE_FILE"] == __file__
    assert entry["CODE_FUNC"] == "test_a_line_has_the_text_of_the_stream_and_its_fields"
    assert entry["CODE_LINE"].isdigit()
    assert journald.written == ""


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.INFO, "6"), (logging.WARNING, "4"), (logging.ERROR, "3"), (logging.CRITICAL, "2")],
)
def test_each_level_has_its_priority(journald, level, priority):
    LOGGER.log(level, "x")
    assert journald.entry()["PRIORITY"] == priority


def test_what_a_line_is_about_is_a_field(journald):
    LOGGER.info("🛠️", extra=about(node=0x20001EEF, command="reboot"))
    entry = journald.entry()
    assert (entry["NODE"], entry["COMMAND"]) == ("!20001eef", "reboot")
    assert "LINK_STATE" not in entry


def test_each_line_of_a_record_is_an_entry_and_tracebacks_are_debug(journald):
    try:
        int("no number")
    except ValueError:
        LOGGER.exception("💥 first\nsecond")
    first, second, trace = (journald.entry() for _ in range(3))
    assert first["MESSAGE"] == "[ERROR] 💥 first"
    assert second["MESSAGE"] == "[ERROR]   | second"
    assert (trace["PRIORITY"], trace["MESSAGE"].startswith("[DEBUG]   | Traceback")) == ("7", True)


def test_no_secret_reaches_any_field(journald):
    log.mask(["12345:verysecret"])
    LOGGER.info("token %s", "12345:verysecret")
    assert not re.search("verysecret", repr(journald.entry()))


def test_the_order_of_lines_is_kept(journald):
    for number in range(100):
        LOGGER.info("line %d", number)
        assert journald.entry()["MESSAGE"] == f"[INFO] line {number}"


def test_a_line_too_long_for_a_datagram_comes_as_a_sealed_file(journald):
    LOGGER.info("%s", "é" * 200_000)
    entry = journald.entry()
    assert entry["MESSAGE"] == "[INFO] " + "é" * 200_000
    assert journald.written == ""


# -- when journald does not take it


def test_while_journald_is_away_lines_go_to_the_stream(journald):
    journald.stop()
    LOGGER.error("❌ %s", "away")
    assert journald.written == "<3>[ERROR] ❌ away\n"
    journald.listen()
    LOGGER.error("❌ back")
    assert journald.entry()["MESSAGE"] == "[ERROR] ❌ back"
    assert journald.written == "<3>[ERROR] ❌ away\n"


def test_what_it_refuses_of_a_record_goes_to_the_stream(tmp_path):
    class Refusing:
        def send(self, lines):
            return 1

        def close(self):
            pass

    with (tmp_path / "stream").open("w+", encoding="utf-8") as stream:
        writer = LogWriter(stream, lambda count: Waiting(str(count)), Refusing())
        writer.put(Waiting("<6>one\n<6>two\n<6>three", [{}, {}, {}]))
        writer.close()
        stream.seek(0)
        assert stream.read() == "<6>two\n<6>three\n"


def test_a_journald_that_hangs_holds_up_no_thread(journald):
    logged = threading.Event()

    def chatter():
        for number in range(2000):
            LOGGER.info("line %d", number)
        logged.set()

    threading.Thread(target=chatter).start()
    # nothing has been read of the socket, which takes some dozens of lines
    assert logged.wait(PATIENCE)
    for number in range(2000):
        assert journald.entry()["MESSAGE"] == f"[INFO] line {number}"
