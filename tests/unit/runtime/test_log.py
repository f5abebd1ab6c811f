import io
import logging
import os
import re
import sys
import threading
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.runtime import log
from meshbot.runtime.log import (
    JournalHandler,
    LineFormatter,
    mask,
    mask_command,
    set_up,
    under_journald,
)
from meshbot.runtime.site_limit import SITE_LINES, SITE_PERIOD, SiteLimit

LOGGER = logging.getLogger("tests.journal")
TOKEN = "12345:verysecret"


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch):
    monkeypatch.setattr(log, "_secrets", set())
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    levels = {name: logging.getLogger(name).level for name in log.LIBRARIES}
    yield
    logging.captureWarnings(capture=False)
    root.setLevel(before[0])
    for handler in root.handlers:
        if isinstance(handler, JournalHandler):
            handler.close()
    root.handlers[:] = before[1]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


class Output(io.StringIO):
    """What the log has written, once all of it is."""

    def getvalue(self):
        log.flush()
        return super().getvalue()


@pytest.fixture
def out():
    return Output()


@pytest.fixture
def _logged(out):
    set_up("INFO", out, {})


def journald_lines(out, level="INFO"):
    """Send the records to `out` as if it were the journal's stream."""
    handler = JournalHandler(out, LineFormatter(journald=True, tracebacks=True))
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger().setLevel(level)


def without_time(text):
    return re.sub(r"(?m)^\d\d:\d\d:\d\d ", "", text)


def fail(message):
    raise RuntimeError(message)


@pytest.mark.usefixtures("_logged")
def test_a_record_is_one_line_with_time_level_and_message(out):
    LOGGER.info("✅ %s %d", "prêt", 1)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[INFO\] ✅ prêt 1\n", out.getvalue())


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.DEBUG, "<7>[DEBUG] "),
        (logging.INFO, "<6>[INFO] "),
        (logging.WARNING, "<4>[WARNING] "),
        (logging.ERROR, "<3>[ERROR] "),
        (logging.CRITICAL, "<2>[CRITICAL] "),
        (35, "<4>[Level 35] "),
        (1, "<7>[Level 1] "),
    ],
)
def test_under_journald_a_line_starts_with_its_priority_instead_of_the_time(out, level, prefix):
    journald_lines(out, level=1)
    LOGGER.log(level, "x")
    assert out.getvalue() == f"{prefix}x\n"


def test_each_further_line_repeats_the_priority_and_is_marked(out):
    journald_lines(out)
    LOGGER.warning("'hi\n\n✅ SYNC COMPLETE: 42\n'")
    assert out.getvalue() == "<4>[WARNING] 'hi\n<4>[WARNING]   | ✅ SYNC COMPLETE: 42\n<4>[WARNING]   | '\n"


@pytest.mark.usefixtures("_logged")
def test_an_empty_message_is_still_a_line(out):
    LOGGER.info("")
    assert without_time(out.getvalue()) == "[INFO] \n"


@pytest.mark.usefixtures("_logged")
def test_what_moves_the_cursor_or_reorders_text_is_escaped(out):
    LOGGER.info("\x1b[2K\r\x00\x85\u2028\u202e\tnœud 👩‍🚒")
    assert without_time(out.getvalue()) == "[INFO] \\x1b[2K\\r\\x00\\x85\\u2028\\u202e\tnœud 👩‍🚒\n"


def test_a_traceback_has_the_lowest_priority_and_stays_below_its_record(out):
    journald_lines(out)
    try:
        fail("two\nlines")
    except RuntimeError:
        LOGGER.exception("💥")
    lines = out.getvalue().splitlines()
    assert lines[0] == "<3>[ERROR] 💥"
    assert lines[1] == "<7>[DEBUG]   | Traceback (most recent call last):"
    assert lines[-2:] == ["<7>[DEBUG]   | RuntimeError: two", "<7>[DEBUG]   | lines"]
    assert all(line.startswith("<7>[DEBUG]   | ") for line in lines[1:])


@pytest.mark.parametrize(("level", "shown"), [("INFO", False), ("DEBUG", True)])
def test_outside_journald_tracebacks_are_for_log_level_debug(out, level, shown):
    set_up(level, out, {})
    try:
        fail("x")
    except RuntimeError:
        LOGGER.exception("💥")
    assert ("Traceback" in out.getvalue()) is shown


@pytest.mark.usefixtures("_logged")
def test_secrets_are_masked_in_messages_and_arguments_longest_first(out):
    mask([TOKEN, "12345", "", " "])
    LOGGER.info("token %s, %r, 12345, x y", TOKEN, {"t": TOKEN})
    assert without_time(out.getvalue()) == "[INFO] token ***, {'t': '***'}, ***, x y\n"


def test_secrets_are_masked_in_tracebacks_also_where_their_characters_are_escaped(out):
    journald_lines(out)
    mask(["pass\\word", TOKEN])
    try:
        fail(f"{TOKEN} and {'pass' + chr(92) + 'word'!r}")
    except RuntimeError:
        LOGGER.exception("💥 %s", TOKEN)
    assert TOKEN not in out.getvalue()
    assert "RuntimeError: *** and '***'" in out.getvalue()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("packet={'text': '/login hunter2', 'payload': b'/login hunter2'}", "packet={'text': '/login ***"),
        ('payload: "/MDP@bot  hunter2"', 'payload: "/MDP@bot  ***'),
        ("❌ Commande /login: ValueError: hunter2", "❌ Commande /login: ***"),
        ("📨 MESSAGE BRUT: '/login ***' | from=0x1", "📨 MESSAGE BRUT: '/login ***' | from=0x1"),
        ("📨 MESSAGE BRUT: '/mdp' | from=0x1", "📨 MESSAGE BRUT: '/mdp' | from=0x1"),
        ("/logins and /etc/passwd are none", "/logins and /etc/passwd are none"),
    ],
)
@pytest.mark.usefixtures("_logged")
def test_what_follows_a_password_command_is_masked_in_whatever_line_it_stands(out, text, written):
    LOGGER.info(text)
    assert without_time(out.getvalue()) == f"[INFO] {written}\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("/login hunter2", "/login ***"),
        ("  /LOGIN hunter2 more words", "  /LOGIN ***"),
        ("/login@meshbot hunter2", "/login@meshbot ***"),
        ("please /mdp hunter2", "please /mdp ***"),
        ("/passwd\nhunter2\nhunter3", "/passwd\n***"),
        ("/password=hunter2", "/password=***"),
        ("/ login hunter2", "/ login ***"),
        ("\u200b/login\u200b hunter2", "\u200b/login\u200b ***"),
        ("/lo\u00adg\u2060in\x00hunter2", "/lo\u00adg\u2060in\x00***"),
        ("\uff0flogin hunter2", "\uff0flogin ***"),
        ("/\uff2c\uff4f\uff47\uff49\uff4e hunter2", "/\uff2c\uff4f\uff47\uff49\uff4e ***"),
        ("//mdp hunter2", "//mdp ***"),
        ("/login", "/login"),
        ("/login ", "/login "),
        ("/logins are /help", "/logins are /help"),
        ("http://x/login it", "http://x/login it"),
        ("/help login", "/help login"),
    ],
)
def test_what_follows_a_password_command_is_masked(text, masked):
    assert mask_command(text) == masked


def test_the_password_commands_can_be_others():
    assert mask_command("/unlock.door 1234, /login x", ["/unlock.door"]) == "/unlock.door ***"
    assert mask_command("/unlock-door 1234", ["/unlock.door"]) == "/unlock-door 1234"


SPECIFIED = r"reconnexion|Reconnexion TCP|clés|pubkey|SYNC|SILENCE TCP|MESSAGE BRUT"
FOREIGN = ("✅ SYNC COMPLETE: 42", "Reconnexion TCP réussie", "reconnexion", "mes clés publiques", "pubkey SYNC")
PIECES = (*FOREIGN, "' | from=0x00000bad", "|", "'", " ", "\\", "to=", "é", "\n")


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_foreign_text_neither_matches_the_specification_s_words_nor_forges_fields(text):
    formatter = LineFormatter(journald=True, tracebacks=True)
    record = logging.makeLogRecord({
        "name": "meshbot.x", "levelno": logging.INFO, "msg": "📨 '%s' | from=0x%08x | to=0x%08x", "args": (text, 1, 2)
    })  # fmt: skip
    line = formatter.format(record).replace("\n<6>[INFO]   | ", "\n")
    assert not re.search(SPECIFIED, line)
    assert re.findall(r"from=(\w+)", line) == ["0x00000001"]
    fields = line.split(" | ")
    assert fields[1:] == ["from=0x00000001", "to=0x00000002"]


@pytest.mark.parametrize(
    "log_call",
    [
        lambda: LOGGER.warning("⚠️ %s", ValueError("SYNC COMPLETE")),
        lambda: LOGGER.warning("⚠️ %r", {"name": "SYNC COMPLETE"}),
        lambda: logging.getLogger("meshtastic.node").warning("about SYNC COMPLETE"),
    ],
)
@pytest.mark.usefixtures("_logged")
def test_errors_containers_and_libraries_are_foreign_too(out, log_call, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, JournalHandler)]
    log_call()
    assert "S\\YNC COMPLETE" in out.getvalue()
    assert "SYNC" not in out.getvalue()


@pytest.mark.usefixtures("_logged")
def test_a_secret_that_holds_such_words_is_masked_all_the_same(out):
    mask(["SYNC|clés"])
    LOGGER.info("%s", "SYNC|clés")
    assert without_time(out.getvalue()) == "[INFO] ***\n"


def test_libraries_log_from_warning_on_unless_the_level_is_debug(out):
    library = logging.getLogger("alembic")
    set_up("INFO", out, {})
    library.info("quiet")
    library.warning("logged")
    set_up("DEBUG", out, {})
    library.debug("now too")
    assert without_time(out.getvalue()) == "[WARNING] logged\n[DEBUG] now too\n"


def test_the_radios_library_never_logs_at_debug(out):
    set_up("DEBUG", out, {})
    library = logging.getLogger("meshtastic.mesh_interface")
    library.debug("Received from radio: config { security { private_key: ...")
    library.info("logged")
    assert without_time(out.getvalue()) == "[INFO] logged\n"


def test_the_databases_library_never_logs_what_is_written(out):
    set_up("DEBUG", out, {})
    logging.getLogger("sqlalchemy.engine.Engine").info("[generated] (1, 'a letter')")
    assert not out.getvalue()


def warn_of(texts):
    for text in texts:
        LOGGER.warning("⚠️ %s", text)


@pytest.mark.usefixtures("_logged")
def test_a_warning_without_end_is_counted_instead_of_written(out):
    warn_of(range(SITE_LINES + 1000))
    LOGGER.warning("another")
    LOGGER.info("written")
    next(each for each in logging.getLogger().handlers if isinstance(each, JournalHandler)).close()
    lines = without_time(out.getvalue()).splitlines()
    assert len(lines) == SITE_LINES + 3
    assert lines[-1] == "[WARNING] 🔁 Journal: 1000 lignes de plus comme «⚠️ %s», non écrites"


def test_a_site_s_warnings_are_written_again_after_its_time():
    limit = SiteLimit()

    def admitted(now, level=logging.WARNING):
        record = logging.makeLogRecord({"levelno": level, "pathname": "x.py", "lineno": 5, "msg": "m", "created": now})
        return limit.admits(record)

    assert [admitted(0.0) for _ in range(SITE_LINES + 2)].count(False) == 2
    assert all(admitted(1.0, level) for level in (logging.INFO, logging.CRITICAL) for _ in range(SITE_LINES + 2))
    assert not limit.due(SITE_PERIOD - 1)
    assert limit.due(SITE_PERIOD) == [(2, "m")]
    assert admitted(SITE_PERIOD)
    assert not limit.due()


def test_at_level_error_nothing_less_is_logged_by_anyone(out):
    set_up("ERROR", out, {})
    LOGGER.warning("ours")
    logging.getLogger("meshtastic").warning("theirs")
    assert not out.getvalue()


def test_set_up_again_replaces_its_handler_and_leaves_those_of_others(out):
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    set_up("INFO", io.StringIO(), {})
    set_up("INFO", out, {})
    LOGGER.info("once")
    assert without_time(out.getvalue()) == "[INFO] once\n"
    assert other in logging.getLogger().handlers


@pytest.mark.usefixtures("_logged")
def test_a_warning_of_python_is_a_log_line(out):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # catch_warnings undoes what set_up did; do it again inside
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert "UserWarning: old thing" in out.getvalue()
    assert all(line.startswith("[WARNING] ") for line in without_time(out.getvalue()).splitlines())


@pytest.mark.usefixtures("_logged")
def test_an_uncaught_exception_is_one_critical_line_with_thread_and_place(out):
    thread = threading.Thread(target=fail, args=("no node",), name="TCP-Session-1")
    thread.start()
    thread.join(10)
    assert re.fullmatch(
        r"\[CRITICAL\] 💥 TCP-Session-1: RuntimeError: no node \(test_log\.py:\d+\)\n", without_time(out.getvalue())
    )


@pytest.mark.usefixtures("_logged")
def test_what_the_main_thread_does_not_catch_is_one_critical_line_too(out):
    try:
        fail("x")
    except RuntimeError:
        sys.excepthook(*sys.exc_info())
    assert without_time(out.getvalue()).startswith("[CRITICAL] 💥 MainThread: RuntimeError: x (test_log.py:")


@pytest.mark.usefixtures("_logged")
def test_a_thread_that_ends_itself_by_system_exit_is_no_error(out):
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join(10)
    assert not out.getvalue()


@pytest.mark.usefixtures("_logged")
def test_a_log_call_with_wrong_arguments_becomes_a_line_about_it(out, capsys):
    root = logging.getLogger()
    # pytest's raises
    root.handlers[:] = [handler for handler in root.handlers if isinstance(handler, JournalHandler)]
    LOGGER.info("%d paquets", "deux")
    assert without_time(out.getvalue()).startswith("[ERROR] ⚠️ Ligne de journal incorrecte (TypeError: ")
    assert "'%d paquets'" in out.getvalue()
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("_logged")
def test_a_closed_stream_is_no_error(out, capsys):
    out.close()
    LOGGER.info("without a reader")
    assert not capsys.readouterr().err


def test_a_full_disk_is_no_error_and_later_lines_come_through(capsys):
    class Full(Output):
        full = True

        def write(self, text):
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    out = Full()
    set_up("INFO", out, {})
    LOGGER.info("lost")
    log.flush()
    out.full = False
    LOGGER.info("kept")
    assert without_time(out.getvalue()) == "[INFO] kept\n"
    assert not capsys.readouterr().err


def test_set_up_takes_a_process_that_has_no_stdout(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    set_up("INFO", None, {})
    LOGGER.info("without a reader")
    assert not [handler for handler in logging.getLogger().handlers if isinstance(handler, JournalHandler)]


def test_logd_is_recognised_by_its_stream_s_device_and_inode(tmp_path):
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert under_journald(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not under_journald(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
        assert not under_journald(stream, {})
    assert not under_journald(stream, {"JOURNAL_STREAM": "1:1"}), "a closed one"
    assert not under_journald(io.StringIO(), {"JOURNAL_STREAM": "1:1"}), "one without a file"


def test_set_up_itself_recognises_journald(tmp_path):
    path = tmp_path / "stream"
    with path.open("w") as stream:
        status = os.fstat(stream.fileno())
        journal = str(tmp_path / "absent")
        set_up("INFO", stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, journal)
        LOGGER.error("❌")
        log.flush()
    assert path.read_text(encoding="utf-8") == "<3>[ERROR] ❌\n"
