"""Lines for journald by its native protocol: each with fields to search by (systemd, JOURNAL_NATIVE_PROTOCOL)."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Final

SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "meshbot"
# Attribute of a LogRecord that holds the fields of its subject
SUBJECT: Final = "journal_fields"
SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
EVERYBODY: Final = 0xFFFFFFFF  # the address of a broadcast is no node
Fields = Mapping[str, str]


def about(*, node: int | None = None, command: str | None = None, link_state: str | None = None) -> dict[str, Fields]:
    """Return the `extra` of a log call: what its line is about, for `journalctl NODE=!a1b2c3d4` and the like."""
    is_node = node not in {None, EVERYBODY}
    named = {"NODE": f"!{node:08x}" if is_node else None, "COMMAND": command, "LINK_STATE": link_state}
    return {SUBJECT: {name: value for name, value in named.items() if value is not None}}


def fields_of(record: logging.LogRecord, message: str, priority: int) -> dict[str, str]:
    """Return the fields of one line of a record."""
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(priority),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "LOGGER": record.name,
        "THREAD_NAME": str(record.threadName),
    }
    if record.pathname:
        fields |= {"CODE_FILE": record.pathname, "CODE_LINE": str(record.lineno), "CODE_FUNC": str(record.funcName)}
    return fields | getattr(record, SUBJECT, {})


def datagram(fields: Fields) -> bytes:
    """Return the fields as journald takes them; a value with a line's end carries its length."""
    parts = []
    for name, value in fields.items():
        data = value.encode("utf-8", "backslashreplace")
        is_long = b"\n" in data
        start = name.encode() + (b"\n" + struct.pack("<Q", len(data)) if is_long else b"=")
        parts.append(start + data + b"\n")
    return b"".join(parts)


class Journal:
    """journald's socket; for one thread, which it may hold up. journald may be restarted meanwhile."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def send(self, lines: Sequence[Fields]) -> int:
        """Send the lines; return how many it took before it refused. Raises nothing."""
        for sent, fields in enumerate(lines):
            try:
                self._send(datagram(fields))
            except OSError:
                return sent
        return len(lines)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendto(data, self._path)
        except OSError as exc:
            if exc.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                raise
            self._send_as_file(data)

    def _send_as_file(self, data: bytes) -> None:
        """Hand over what no datagram holds as a sealed file in memory."""
        descriptor = os.memfd_create("meshbot-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
            rights = socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", descriptor)
            self._socket.sendmsg([b""], [rights], 0, self._path)
