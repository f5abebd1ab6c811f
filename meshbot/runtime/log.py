"""Logs as an interface: one line a record on stdout, readable by people, grep and journald; never a secret."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

LOGGER = logging.getLogger(__name__)
MASK: Final = "***"
# The libraries that would fill the journal; any other one follows log_level
LIBRARIES: Final = (
    "meshtastic",
    "pubsub",
    "sqlalchemy",
    "alembic",
    "bleak",
    "telegram",
    "httpx",
    "httpcore",
    "asyncio",
    "urllib3",
)
# What these log at DEBUG must not be read: every message whole with the node's private key and each password
# command; every address, and Telegram's have the bot's token in them
TOO_VERBOSE: Final = {
    "meshtastic": logging.INFO,
    "httpx": logging.WARNING,
    # prints whole answers at ERROR, and raises what went wrong as well
    "telegram": logging.CRITICAL + 1,
}
PASSWORD_COMMANDS: Final = ("/login", "/password", "/passwd", "/mdp")
PRIORITIES: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
# Whatever moves the cursor or reorders text: a mesh message must not forge or hide a line
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# In a line of a library's the text stands between quotes; one of ours has been masked as a whole already
COMMAND_IN_LINE: Final = re.compile(
    rf"(?i)(?<![^\s'\"])((?:{'|'.join(PASSWORD_COMMANDS)})(?:@\w+)?[\s:=]++)(?!\*{{3}}(?:['\"]|$))\S.*"
)
# Marks what belongs to the line above, so that it cannot pass for a record
CONTINUED: Final = "  | "

_secrets: set[str] = set()


def set_up(level: str, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Send every record of `level` and above to `stream` (stdout), and uncaught exceptions too; may be repeated."""
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, JournalHandler)]:
        root.removeHandler(handler)
    stream = sys.stdout if stream is None else stream
    # None when the process was started with its stdout closed
    if stream is not None:
        speak_utf8(stream)
        journald = under_journald(stream, environ)
        handler = JournalHandler(stream)
        handler.setLevel(level)
        # Tracebacks have the lowest priority: under journald `-p info` leaves them out, elsewhere log_level does
        handler.setFormatter(LineFormatter(journald=journald, tracebacks=journald or level == "DEBUG"))
        root.addHandler(handler)
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    hush()
    capture()


def hush() -> None:
    """Keep the libraries from logging secrets, whatever level the log has."""
    for name, least in TOO_VERBOSE.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, least))


def mask(secrets: Iterable[str]) -> None:
    """Write `***` for each of these texts in every later record, exceptions included."""
    # In a traceback or a repr() a secret's special characters appear escaped
    _secrets.update(form for secret in secrets for form in (secret, repr(secret)[1:-1]) if secret.strip())


def mask_command(text: str, commands: Iterable[str] = PASSWORD_COMMANDS) -> str:
    """Return the text with all that follows a password command (`/login`, `/login@bot`, any case) as `***`."""
    names = "|".join(re.escape(command) for command in commands)
    return re.sub(rf"(?is)(?<!\S)((?:{names})(?:@\w+)?[\s:=]+)\S.*", rf"\g<1>{MASK}", text)


def capture() -> None:
    """Log what no thread caught as one CRITICAL line, the traceback below it."""
    sys.excepthook = _uncaught_in_main
    threading.excepthook = _uncaught_in_thread


def end_quietly() -> None:
    """Print no traceback for a KeyboardInterrupt that ends the process, which a shell then sees as 130.

    For the imports, before `capture`: a Ctrl-C comes before the program listens to signals.
    """
    previous = sys.excepthook

    def print_unless_interrupted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            previous(kind, error, trace)

    sys.excepthook = print_unless_interrupted


def speak_utf8(*streams: TextIO) -> None:
    """Let the streams take any text, whatever the locale: a service often has none."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def under_journald(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether the stream is the one that systemd connected to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(stream.fileno())
    # a stream without a file, or a closed one
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class LineFormatter(logging.Formatter):
    """`HH:MM:SS [LEVEL] message`, under journald `<N>[LEVEL] message`; further lines repeat the prefix, marked."""

    def __init__(self, *, journald: bool, tracebacks: bool) -> None:
        super().__init__()
        self._journald = journald
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, without the last line's end."""
        lines = self._prefixed(record, record.levelno, record.getMessage())
        if self._tracebacks and record.exc_info and record.exc_info[1]:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            lines += self._prefixed(record, logging.DEBUG, trace, CONTINUED)
        return "\n".join(lines)

    def _prefixed(self, record: logging.LogRecord, level: int, text: str, first: str = "") -> list[str]:
        head = f"<{_priority(level)}>" if self._journald else time.strftime("%H:%M:%S ", time.localtime(record.created))
        head += f"[{logging.getLevelName(level)}] "
        lines = [line for line in _masked(text).split("\n") if line.strip()] or [""]
        shown = (CONTROLS.sub(lambda match: ascii(match[0])[1:-1], line) for line in lines)
        return [head + (CONTINUED if number else first) + line for number, line in enumerate(shown)]


class JournalHandler(logging.StreamHandler[TextIO]):
    """Writes lines; a bad record becomes a line about it, a stdout that is gone is left in peace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write and flush one record."""
        try:
            lines = self.format(record)
        except Exception as error:  # noqa: BLE001 - a log call with wrong arguments must not end what it reports on
            about = f"⚠️ Ligne de journal incorrecte ({type(error).__name__}: {error}): {record.msg!r}"
            record = logging.LogRecord(record.name, logging.ERROR, record.pathname, record.lineno, about, None, None)
            lines = self.format(record)
        try:
            self.stream.write(lines + "\n")
            self.stream.flush()
        except BrokenPipeError:
            self._write_nowhere()
        # a full disk may have room later; a closed file takes nothing, and has no reader
        except (OSError, ValueError):
            return

    def _write_nowhere(self) -> None:
        """There is no reader any more: write to /dev/null, or the flush at exit turns the exit code into 120."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


def _priority(level: int) -> int:
    return next((PRIORITIES[known] for known in sorted(PRIORITIES, reverse=True) if level >= known), 7)


def _masked(text: str) -> str:
    # the longest first: one may contain another
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return COMMAND_IN_LINE.sub(rf"\g<1>{MASK}", text)


def _uncaught_in_main(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    _log_uncaught(threading.current_thread().name, kind, value, trace)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    # as Python's own hook: a thread may end so
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        _log_uncaught(name, args.exc_type, args.exc_value, args.exc_traceback)


def _log_uncaught(
    thread: str, kind: type[BaseException], value: BaseException | None, trace: TracebackType | None
) -> None:
    frames = traceback.extract_tb(trace)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    error = kind() if value is None else value
    LOGGER.critical("💥 %s: %s: %s%s", thread, kind.__name__, value, place, exc_info=(kind, error, trace))
