"""Settings that are read again: what differs, what holds at once, and that every setting is of one kind."""

import logging
import socket
import threading
from dataclasses import asdict, is_dataclass

import pytest
from pydantic import SecretStr

import assembly
from assembly.reloading import MOST_PROBLEMS
from config import LIVE, ConfigError, Settings
from main_bot import MeshBot
from meshbot.commands.language import translator
from meshbot.runtime import log
from meshbot.settings import ReloadReport, merged
from tests.support.fake_clock import FakeClock

OTHER = {
    "packet_retention_days": 8,
    "answer_on_channels": (1,),
    "answer_max_bytes": 150,
    "send_interval": 3,
    "answer_ttl": 130,
    "mail_ttl": 90,
    "bridge_ttl": 90,
    "alert_ttl": 90,
    "air_time_limit": 5,
    "channel_utilization_limit": 30,
    "command_max_age": 200,
    "admin_nodes": ("!a1b2c3d4",),
    "known_nodes": ("!a1b2c3d4",),
    "rate_limit_commands": 6,
    "rate_limit_seconds": 301,
    "refuse_mqtt": True,
    "echo_channel": 2,
    "command_timeout": 31,
    "telegram_users": ("12 admin",),
    "telegram_groups": (-12,),
    "telegram_bridges": ("1 -12",),
    "telegram_alert_chats": (12,),
    "telegram_command_max_age": 200,
    "telegram_commands": 31,
    "telegram_seconds": 61,
    "telegram_max_bytes": 300,
    "log_level": "WARNING",
}


@pytest.fixture(autouse=True)
def _log_level():
    yield
    log.set_level("DEBUG")


def test_every_setting_that_changes_live_is_one_and_has_a_test():
    assert set(Settings.model_fields) >= LIVE
    assert set(OTHER) == LIVE


def shown(value):
    """Return a told message as something to compare."""
    if is_dataclass(value):
        return {name: shown(part) for name, part in asdict(value).items()} if not isinstance(value, type) else value
    return vars(value) if hasattr(value, "__dict__") else repr(value)


class Applied:
    """A bot that does not run, and what its parts are told."""

    def __init__(self, folder):
        self.settings = Settings(data_dir=folder, telegram_token=SecretStr("1:A"), tcp_port=1)
        self.bot = MeshBot(self.settings, FakeClock())
        self.told = []

    def tell(self, message):
        self.told.append(message)

    def effect_of(self, settings):
        """Return all that these settings make of the parts."""
        parts, self.told = self.bot._parts, []
        while not parts.sender._inbox.empty():
            parts.sender._inbox.get()
        assembly.apply_live(parts, settings, self, self)
        self.told.append(parts.sender._inbox.get())
        listed = parts.nodes._admins, parts.nodes.kept(), parts.settings.echo_channel
        kept = parts.memory._retention, parts.memory.mailbox._mail_ttl
        return [shown(message) for message in self.told], *map(str, (listed, kept, log.logging.getLogger().level))


def test_each_live_setting_reaches_its_part_and_no_other_changes_one(tmp_path):
    applied = Applied(tmp_path)
    before = applied.effect_of(applied.settings)
    assert applied.effect_of(applied.settings) == before
    for name, value in OTHER.items():
        changed = applied.settings.model_copy(update={name: value})
        assert applied.effect_of(changed) != before, name
    applied.bot._database.close()


def test_what_is_read_again_holds_or_is_named():
    in_force = Settings(tcp_host="a", log_level="INFO", air_time_limit=10)
    read = Settings(tcp_host="b", log_level="DEBUG", air_time_limit=10)
    new, report = merged(in_force, read, LIVE)
    assert report == ReloadReport(("log_level",), ("tcp_host",))
    assert (new.tcp_host, new.log_level) == ("a", "DEBUG")
    again, report = merged(new, read, LIVE)
    assert report == ReloadReport((), ("tcp_host",)), "what waits for a restart is named each time"
    assert again == new


class Reading:
    """A Reloader whose settings are what the test says."""

    def __init__(self):
        self.next = Settings()
        self.applied = []
        self.reloader = assembly.Reloader(Settings(), self._load, self.applied.append, FakeClock())

    def _load(self):
        if isinstance(self.next, Exception):
            raise self.next
        return self.next


@pytest.fixture
def notified(tmp_path, monkeypatch):
    """Return what systemd was told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield lambda: [ear.recv(1000).decode() for _ in range(2)]


@pytest.fixture
def reading():
    return Reading()


def test_a_bad_file_changes_nothing_and_the_log_says_why(reading, caplog):
    reading.next = ConfigError(("tcp_port (meshbot.toml) : 0 refusé",))
    assert reading.reloader.reload().problems == ("tcp_port (meshbot.toml) : 0 refusé",)
    assert reading.applied == []
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "rien n'a changé" in caplog.messages[-1]


def test_a_changed_secret_is_named_and_never_shown(reading, caplog):
    reading.next = Settings(telegram_token=SecretStr("77:new-secret"))
    assert reading.reloader.reload() == ReloadReport((), ("telegram_token",))
    assert "telegram_token" in caplog.text
    assert "new-secret" not in caplog.text
    assert "new-secret" not in log.LineFormatter(journald=False, tracebacks=False).format(
        logging.LogRecord("any", logging.INFO, "", 0, "%s", ("a URL with new-secret",), None)
    ), "whoever logs it later"


def test_what_holds_already_is_not_news_again(reading):
    reading.next = Settings(mail_ttl=90)
    assert reading.reloader.reload() == ReloadReport(("mail_ttl",))
    assert reading.reloader.reload() == ReloadReport()
    assert reading.applied == [reading.next]


def test_systemd_is_told_when_a_reading_begins_and_ends(reading, notified):
    reading.next = ConfigError(("bad",))
    reading.reloader.reload()
    begin, end = notified()
    assert begin.splitlines() == ["RELOADING=1", f"MONOTONIC_USEC={int(FakeClock().monotonic() * 1_000_000)}"]
    assert end == "READY=1"


def test_an_unexpected_error_is_a_problem_and_the_next_reading_works(reading, notified):
    reading.next = MemoryError()
    assert reading.reloader.reload().problems == ("MemoryError: ",)
    assert notified()[-1] == "READY=1"
    reading.next = Settings(mail_ttl=90)
    assert reading.reloader.reload() == ReloadReport(("mail_ttl",))


def test_many_problems_are_not_all_in_the_log(reading, caplog):
    reading.next = ConfigError(tuple(f"x{number}" for number in range(3000)))
    assert len(reading.reloader.reload().problems) == 3000
    assert len(caplog.messages) == MOST_PROBLEMS + 2
    assert "et 2990 autres" in caplog.text


def test_a_reading_that_must_wait_says_so_in_any_language(reading, monkeypatch):
    monkeypatch.setattr("assembly.reloading.PATIENCE", 0.01)
    with reading.reloader._reading:
        report = reading.reloader.reload()
    assert not report.ok
    assert report.text(translator("en")).startswith("The settings are being read already")
    assert report.text(translator("fr")).startswith("Les réglages sont déjà en train d'être relus")


def test_requests_during_a_reading_lead_to_one_more():
    begun, go_on, readings = threading.Event(), threading.Event(), []

    def load():
        readings.append(begun.set())
        assert go_on.wait(30)
        return Settings()

    reloader = assembly.Reloader(Settings(), load, bool, FakeClock())
    reloader.request()
    assert begun.wait(30)
    for _ in range(5):
        reloader.request()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "Settings-Reload":
            thread.join(30)
    assert len(readings) == 2
