"""What the Telegram side keeps over its own crashes, its start and its end; without a radio."""

from queue import SimpleQueue

import pytest

import assembly
from config import Settings
from meshbot.commands.builtin.ping import ping_command
from meshbot.persistence.update_writer import HandledBefore, UpdatesHandled
from meshbot.runtime.clock import SystemClock
from meshbot.telegram_bot import service
from meshbot.telegram_bot.models import Chat, OutgoingMessage
from meshbot.telegram_bot.options import TelegramDependencies
from meshbot.telegram_bot.service import TelegramService
from tests.support import bot_api_faults as faults
from tests.support.bot_api import BotApi
from tests.support.configured import make_limits
from tests.support.mesh_commands import MeshCommands
from tests.support.telegram_bot import GUEST, telegram_settings, wait_for_poll
from tests.support.waiting import PATIENCE, LogWatch

ALERT = "alert:1:1"


class Side:
    """The Telegram side alone; the messages that it saves are in `saved`. `loaded`: no earlier process left any."""

    def __init__(self, api, data_dir, *, loaded=True):
        settings = Settings(tcp_host="127.0.0.1", data_dir=data_dir, **telegram_settings(api))
        self.saved = SimpleQueue()
        dependencies = TelegramDependencies(
            SystemClock(),
            [ping_command(lambda: None)],
            make_limits(),
            MeshCommands().memory,
            lambda: 1,
            lambda _text: None,
            self._save,
        )
        self.service = TelegramService(assembly.telegram_options(settings), dependencies)
        self.tell = self.service.tell
        self.crashed = SimpleQueue()
        if loaded:
            self.tell(HandledBefore([], {}))

    def _save(self, handled):
        """Keep what was posted; who has a menu is saved too."""
        if handled.messages:
            self.saved.put(handled)

    def __enter__(self):
        self.service.start(self.crashed)
        return self

    def __exit__(self, *_):
        self.end()
        assert self.crashed.empty()

    def end(self):
        self.service.stop()
        assert self.service.join(PATIENCE)


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


@pytest.fixture
def guest(api):
    return api.user(GUEST, "Gus")


def test_a_crash_loses_no_message(api, guest, tmp_path):
    with Side(api, tmp_path) as side, LogWatch() as log:
        with api.trouble(faults.hangs, "sendMessage"):
            side.tell(OutgoingMessage(Chat(GUEST), "in flight"))
            api.wait_until(lambda: api.counts["sendMessage"], PATIENCE)
            # not iterable: handling it crashes the service
            side.tell(HandledBefore(None, {}))
            log.wait_for("💥 Telegram: TypeError")
            side.tell(OutgoingMessage(Chat(GUEST), "between two loops"))
        api.wait_for("in flight", guest, timeout=PATIENCE)
        api.wait_for("between two loops", guest, timeout=PATIENCE)


def test_no_update_is_handled_before_the_handled_ones_are_loaded(api, guest, tmp_path):
    guest.says("/ping")
    with Side(api, tmp_path, loaded=False) as side:
        api.wait_until(lambda: api.counts["setMyCommands"] >= 3, PATIENCE)
        assert api.counts["getUpdates"] == 0
        side.tell(HandledBefore([api.world.last_update], {}))
        guest.says("/id")
        api.wait_for("Your id", guest, timeout=PATIENCE)
    assert len(api.messages(guest, by_bot=True)) == 1


def test_at_the_end_a_message_in_flight_arrives_and_is_saved(api, guest, tmp_path, monkeypatch):
    monkeypatch.setattr(service, "FINISH_TIMEOUT", PATIENCE)
    with Side(api, tmp_path) as side, LogWatch() as log:
        wait_for_poll(api)
        with api.trouble(answers_when_over, "sendMessage"):
            side.tell(OutgoingMessage(Chat(GUEST), "🔴", ALERT))
            shown = api.wait_for("🔴", guest)
            side.service.stop()
            # the poll is cancelled: the service is stopping
            log.wait_for("receive_response_headers.failed exception=CancelledError")
        side.end()
        assert side.saved.get_nowait() == UpdatesHandled((), {(GUEST, 0, ALERT): shown.message_id})


def answers_when_over(exchange):
    reply = exchange.execute()
    exchange.wait(faults.PATIENCE)
    exchange.line.send(reply.on_wire())


def test_a_message_of_an_earlier_process_is_edited(api, guest, tmp_path):
    with Side(api, tmp_path) as side:
        side.tell(OutgoingMessage(Chat(GUEST), "🔴", ALERT))
        shown = api.wait_for("🔴", guest)
        messages = side.saved.get(timeout=PATIENCE).messages
    with Side(api, tmp_path, loaded=False) as side:
        side.tell(HandledBefore([], messages))
        side.tell(OutgoingMessage(Chat(GUEST), "🟢", ALERT))
        assert api.wait_for("🟢", guest).message_id == shown.message_id
    assert side.saved.empty()
