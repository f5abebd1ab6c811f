"""People ask by Telegram: the real bot, the real library, HTTP, and a virtual node on the other side."""

import pytest

from tests.support.bot_api import BotApi
from tests.support.telegram_bot import GUEST, telegram_bot


@pytest.fixture
def api():
    with BotApi() as server:
        yield server


@pytest.fixture
def bot(api, tmp_path):
    with telegram_bot(api, 1, tmp_path) as running:
        running.log.wait_for("📲 Telegram: @mesh_test_bot")
        yield running


def test_a_listed_person_asks_and_is_answered(api, bot):
    guest = api.person(GUEST, "Gus")
    guest.says("/start")
    assert api.wait_for("👋", guest)
    guest.says("/help")
    api.wait_for("(?s)/ping .*/id ", guest)
    guest.says("/ping")
    api.wait_for("🏓 pong", guest)
    guest.says("/id")
    api.wait_for("Your id: 333", guest)
