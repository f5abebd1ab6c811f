"""Logs as an interface: one line a record on stdout, readable by people, grep and journald; never a secret."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, TextIO

from meshbot.runtime.journal import SOCKET, Journal, fields_of
from meshbot.runtime.journal import about as about  # noqa: PLC0414 - for who logs
from meshbot.runtime.log_writer import LogWriter, Waiting
from meshbot.runtime.site_limit import SiteLimit

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
    # its echo holds what is written: letters, and texts that wait to go on air
    "sqlalchemy": logging.WARNING,
    # prints whole answers at ERROR, and raises what went wrong as well
    "telegram": logging.CRITICAL + 1,
}
PASSWORD_COMMANDS: Final = ("/login", "/password", "/passwd", "/mdp")
PRIORITIES: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
# Whatever moves the cursor or reorders text: a mesh message must not forge or hide a line
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# What hides inside a word, and what passes for a slash: a keyboard's, or put there on purpose
UNSEEN: Final = (
    "[\\x00-\\x08\\x0e-\\x1b\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f"
    "\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f\\ufeff]"
)
SLASH: Final = "[/\uff0f\u2044\u2215]"
FULL_WIDTH: Final = 0xFF01 - ord("!")  # from an ASCII character to its wide form
# Marks what belongs to the line above, so that it cannot pass for a record
CONTINUED: Final = "  | "
# Where foreign text gets a backslash: within the words that the specification's commands look for and operators rely
# on, and before what separates a line's fields
OWN_WORDS: Final = re.compile(
    r"(?<=S)(?=YNC)|(?<=[rR])(?=econnexion)|(?<=c)(?=lés)|(?<=p)(?=ubkey)|(?<=S)(?=ILENCE TCP)|(?<=M)(?=ESSAGE BRUT)"
    r"|(?<!\\)(?=\|)|(?:(?<=from)|(?<=to)|(?<=broadcast))(?==)"
)
# Their whole messages are foreign: they put what they heard into them
FOREIGN_LOGGERS: Final = frozenset({*LIBRARIES, "py", "google"})

SHOWN_OF_A_LINE: Final = 60  # characters, where it stands for many

_secrets: set[str] = set()


def set_up(
    level: str, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ, journal: str = SOCKET
) -> None:
    """Send every record of `level` and above to `stream` (stdout), and uncaught exceptions too; may be repeated.

    Where the stream is the journal's, records go with their fields to its socket `journal`.
    """
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, JournalHandler)]:
        root.removeHandler(handler)
        handler.close()
    stream = sys.stdout if stream is None else stream
    # None when the process was started with its stdout closed
    if stream is not None:
        use_utf8(stream)
        journald = under_journald(stream, environ)
        formatter = LineFormatter(journald=journald, tracebacks=journald)
        root.addHandler(JournalHandler(stream, formatter, Journal(journal) if journald else None))
    set_level(level)
    capture()


def set_level(level: str) -> None:
    """Log records of `level` and above from now on; any thread may ask."""
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, JournalHandler):
            handler.setLevel(level)
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    hush()


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
    written = rf"(?is)(?<!\w)((?:{_as_written(commands)})(?:@\w+)?(?:[\s:=.,;!?]|{UNSEEN})+)\S.*"
    return re.sub(written, rf"\g<1>{MASK}", text)


def _as_written(commands: Iterable[str]) -> str:
    """Return the pattern of commands as people and keyboards write them: `/ login`, with unseen or in wide letters."""
    return "|".join(
        rf"{SLASH}(?:\s|{UNSEEN})*" + f"{UNSEEN}*".join(map(_any_width, command.removeprefix("/")))
        for command in commands
    )


def _any_width(char: str) -> str:
    return f"[{char}{chr(ord(char) + FULL_WIDTH)}]" if char.isascii() and char.isalnum() else re.escape(char)


# In a line of a library's the text stands between quotes; one of ours has been masked as a whole already
COMMAND_IN_LINE: Final = re.compile(
    rf"(?i)(?<![^\s'\"])((?:{_as_written(PASSWORD_COMMANDS)})(?:@\w+)?[\s:=]++)(?!\*{{3}}(?:['\"]|$))\S.*"
)


def escaped(text: str) -> str:
    """Return text from outside so that no line with it passes for another: a backslash breaks each of OWN_WORDS.

    What is formatted into a line by %s comes so by itself; text that a line is built from in another way needs it.
    """
    return OWN_WORDS.sub(r"\\", text)


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


def use_utf8(*streams: TextIO) -> None:
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


class Line(NamedTuple):
    """One line of a record."""

    text: str
    priority: int  # syslog's


class LineFormatter(logging.Formatter):
    """`HH:MM:SS [LEVEL] message`, under journald `<N>[LEVEL] message`; further lines repeat the prefix, marked."""

    def __init__(self, *, journald: bool, tracebacks: bool) -> None:
        super().__init__()
        self._journald = journald
        # they have the lowest priority: under journald `-p info` leaves them out, elsewhere log_level does
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's lines, without the last line's end."""
        return "\n".join(self.with_head(record, line) for line in self.lines(record))

    def lines(self, record: logging.LogRecord) -> list[Line]:
        """Return the record's lines, each with `[LEVEL]` before it."""
        lines = self._lines(record.levelno, _message_of(record))
        with_traceback = self._tracebacks or logging.getLogger().level <= logging.DEBUG
        if with_traceback and record.exc_info and record.exc_info[1]:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            lines += self._lines(logging.DEBUG, _foreign(trace), CONTINUED)
        return lines

    def with_head(self, record: logging.LogRecord, line: Line) -> str:
        """Return a line as stdout gets it."""
        time_of_day = time.strftime("%H:%M:%S ", time.localtime(record.created))
        return (f"<{line.priority}>" if self._journald else time_of_day) + line.text

    @staticmethod
    def _lines(level: int, text: str, first: str = "") -> list[Line]:
        head, priority = f"[{logging.getLevelName(level)}] ", _priority(level)
        lines = [line for line in _masked(text).split("\n") if line.strip()] or [""]
        shown = (CONTROLS.sub(lambda match: ascii(match[0])[1:-1], line) for line in lines)
        return [Line(head + (CONTINUED if number else first) + line, priority) for number, line in enumerate(shown)]


class JournalHandler(logging.Handler):
    """Has the thread Log write lines; a bad record becomes a line about it, a stdout that is gone is left in peace."""

    def __init__(self, stream: TextIO, formatter: LineFormatter, journal: Journal | None = None) -> None:
        """With `journal` lines go there, and to the stream what it refuses."""
        super().__init__()
        self.setFormatter(formatter)
        self._lines = formatter
        self._has_journal = journal is not None
        self._writer = LogWriter(stream, lambda count: self._waiting(_dropped(count)), journal)
        self._limit = SiteLimit()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; never waits for the stream."""
        self._report_held_back(record.created)
        if self._limit.admits(record):
            self._write(record)

    def _report_held_back(self, now: float = inf) -> None:
        for count, line in self._limit.due(now):
            text = "🔁 Journal: %d lignes de plus comme «%s», non écrites"
            shown = line if len(line) <= SHOWN_OF_A_LINE else line[:SHOWN_OF_A_LINE] + "…"
            about = logging.LogRecord(LOGGER.name, logging.WARNING, "", 0, text, (count, shown), None)
            self._writer.put(self._waiting(about))

    def _write(self, record: logging.LogRecord) -> None:
        try:
            waiting = self._waiting(record)
        except Exception as error:  # noqa: BLE001 - a log call with wrong arguments must not end what it reports on
            about = "⚠️ Ligne de journal incorrecte (%s: %s): %r"
            details = type(error).__name__, error, record.msg
            record = logging.LogRecord(record.name, logging.ERROR, record.pathname, record.lineno, about, details, None)
            waiting = self._waiting(record)
        self._writer.put(waiting)

    def _waiting(self, record: logging.LogRecord) -> Waiting:
        lines = self._lines.lines(record)
        text = "\n".join(self._lines.with_head(record, line) for line in lines)
        return Waiting(text, [fields_of(record, *line) for line in lines] if self._has_journal else ())

    def flush(self) -> None:
        """Wait for the lines so far, within LogWriter's bound; logging.shutdown does it at the end of the process."""
        self._writer.drain()

    def close(self) -> None:
        """End the thread, within the same bound."""
        self._report_held_back()
        self._writer.close()
        super().close()


def _dropped(count: int) -> logging.LogRecord:
    text = "⚠️ Journal: %d lignes perdues, personne ne lisait la sortie"
    return logging.LogRecord(LOGGER.name, logging.WARNING, "", 0, text, (count,), None)


class _Prints(io.TextIOBase):
    """What a library prints, as log lines: a print into a blocked stdout would hold up its thread."""

    def __init__(self) -> None:
        self._unfinished = threading.local()

    def writable(self) -> bool:
        """See io.TextIOBase."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that this completes; each thread has its own."""
        *lines, rest = (getattr(self._unfinished, "text", "") + text).split("\n")
        self._unfinished.text = rest
        for line in lines:
            if line.strip():
                LOGGER.warning("🖨️ %s", line)
        return len(text)


def take_prints() -> None:
    """Have all that is printed from now on logged; `set_up` comes before."""
    sys.stdout = sys.stderr = _Prints()


def flush() -> None:
    """Wait until what was logged is written, at most LogWriter's bound."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, JournalHandler):
            handler.flush()


def _priority(level: int) -> int:
    return next((PRIORITIES[known] for known in sorted(PRIORITIES, reverse=True) if level >= known), 7)


def _message_of(record: logging.LogRecord) -> str:
    """Return the record's text; our own words are its format, foreign ones its arguments."""
    is_foreign = record.name.partition(".")[0] in FOREIGN_LOGGERS
    if not record.args and not is_foreign:
        return record.getMessage()
    # a single dictionary stands there itself
    if is_foreign or not isinstance(record.args, tuple):
        return _foreign(record.getMessage())
    return str(record.msg) % tuple(map(_argument, record.args))


def _argument(value: Any) -> Any:
    match value:
        case str() | BaseException():
            return _foreign(str(value))
        case list() | tuple() | dict() | set() | bytes():
            return _Shown(repr(value))
    return value


class _Shown:
    """Any container as its representation, safe for a line."""

    def __init__(self, text: str) -> None:
        self._text = _foreign(text)

    def __repr__(self) -> str:
        return self._text


def _foreign(text: str) -> str:
    # first masked: an escaped secret would not be found
    return escaped(_without_secrets(text))


def _without_secrets(text: str) -> str:
    # the longest first: one may contain another
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _masked(text: str) -> str:
    text = _without_secrets(text)
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
