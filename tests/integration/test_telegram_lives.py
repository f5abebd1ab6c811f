"""What the Telegram side keeps over its own crashes, and at its beginning and end; without a radio."""

from queue import SimpleQueue

import pytest

from commands.ping import ping_command
from config import Settings
from runtime.clock import SystemClock
from telegram_bot import bot as bot_module
from telegram_bot.building import Surroundings, telegram_side
from telegram_bot.posts import Chat, Post
from tests.support import bot_api_faults as faults
from tests.support.bot_api import BotApi
from tests.support.configured import make_limits
from tests.support.mesh_commands import MeshCommands
from tests.support.telegram_bot import GUEST, telegram_settings, wait_for_poll
from tests.support.waiting import PATIENCE, LogWatch
from update_keeper import HandledBefore

ALERT = "alert:1:1"


class Side:
    """The Telegram side alone; what it has written down is in `kept`."""

    def __init__(self, api, data_dir, *, keeps_handled=False):
        settings = Settings(tcp_host="127.0.0.1", data_dir=data_dir, **telegram_settings(api))
        self.kept = SimpleQueue()
        around = Surroundings(
            SystemClock(),
            [ping_command(lambda: None)],
            make_limits(),
            MeshCommands().memory,
            lambda: 1,
            lambda _text: None,
            on_handled=lambda ids, messages: self.kept.put((list(ids), dict(messages))),
            keeps_handled=keeps_handled,
        )
        self.service = telegram_side(settings, around)
        self.tell = self.service.tell
        self.crashed = SimpleQueue()

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
    return api.person(GUEST, "Gus")


def test_a_crash_costs_neither_what_was_on_its_way_nor_what_comes_before_the_next_life(api, guest, tmp_path):
    with Side(api, tmp_path) as side, LogWatch() as log:
        with api.trouble(faults.hangs, "sendMessage"):
            side.tell(Post(Chat(GUEST), "on its way"))
            api.wait_until(lambda: api.counts["sendMessage"], PATIENCE)
            side.tell(HandledBefore(None, {}))  # nothing that anybody could read
            log.wait_for("💥 Telegram: TypeError")
            side.tell(Post(Chat(GUEST), "between two lives"))
        api.wait_for("on its way", guest, timeout=PATIENCE)
        api.wait_for("between two lives", guest, timeout=PATIENCE)


def test_no_update_is_looked_at_before_it_is_told_what_an_earlier_process_has_handled(api, guest, tmp_path):
    guest.says("/ping")
    with Side(api, tmp_path, keeps_handled=True) as side:
        api.wait_until(lambda: api.counts["setMyCommands"] >= 3, PATIENCE)
        assert api.counts["getUpdates"] == 0
        side.tell(HandledBefore([api.world.last_update], {}))
        guest.says("/id")
        api.wait_for("Your id", guest, timeout=PATIENCE)
    assert len(api.messages(guest, by_bot=True)) == 1


def test_at_the_end_what_is_on_its_way_may_arrive_and_its_id_is_written_down(api, guest, tmp_path, monkeypatch):
    monkeypatch.setattr(bot_module, "FINISH", PATIENCE)
    with Side(api, tmp_path) as side, LogWatch() as log:
        wait_for_poll(api)
        with api.trouble(answers_when_over, "sendMessage"):
            side.tell(Post(Chat(GUEST), "🔴", ALERT))
            shown = api.wait_for("🔴", guest)
            side.service.stop()
            log.wait_for("receive_response_headers.failed exception=CancelledError")  # the poll: the end has begun
        side.end()
        assert side.kept.get_nowait() == ([], {(GUEST, 0, ALERT): shown.message_id})


def answers_when_over(exchange):
    reply = exchange.execute()
    exchange.wait(faults.PATIENCE)
    exchange.line.send(reply.on_wire())


def test_a_message_of_an_earlier_process_is_edited(api, guest, tmp_path):
    with Side(api, tmp_path) as side:
        side.tell(Post(Chat(GUEST), "🔴", ALERT))
        shown = api.wait_for("🔴", guest)
        _ids, messages = side.kept.get(timeout=PATIENCE)
    with Side(api, tmp_path) as side:
        side.tell(HandledBefore([], messages))
        side.tell(Post(Chat(GUEST), "🟢", ALERT))
        assert api.wait_for("🟢", guest).message_id == shown.message_id
    assert side.kept.empty()
