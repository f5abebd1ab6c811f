"""The operator's settings on Telegram: menus, bridged groups, the chats that get alerts."""

import time

import pytest

from meshbot.mesh_link.packets import BROADCAST_NUM
from tests.support import bot_api_faults as faults
from tests.support.bot_api_calls import ApiError
from tests.support.telegram_bot import ADMIN, GROUP, GUEST, telegram_bot

PATIENCE = 60.0
LOUNGE = -1_000_000_000_888


def test_a_refused_menu_is_skipped(api, node, tmp_path, clock):
    api.user(ADMIN, "Ada")
    refusal = faults.refuses(ApiError(400, "Bad Request: chat not found"))
    with (
        api.trouble(refusal, "setMyCommands", requests=1) as trouble,
        telegram_bot(api, node.port, tmp_path, clock, telegram_users=(f"{ADMIN} admin",), telegram_groups=()),
    ):
        api.wait_until(lambda: api.commands(f"chat:{ADMIN}", "fr"), PATIENCE)
    assert trouble.met == 1
    assert not api.commands(), "the first one of all, which was refused"
    assert api.commands("default", "fr")
    assert api.counts["setMyCommands"] == 4


def menus_of(api, chat):
    return [bool(api.commands(f"chat:{chat}", code)) for code in ("", "fr")]


def test_who_is_no_longer_listed_loses_the_menu_at_the_reload(api, node, tmp_path, clock):
    with telegram_bot(api, node.port, tmp_path, clock) as bot:
        api.wait_until(lambda: menus_of(api, GUEST) == menus_of(api, GROUP) == [True, True], PATIENCE)
        changes = {"telegram_users": (f"{ADMIN} admin",), "telegram_groups": ()}
        bot.written = bot.settings.model_copy(update=changes)
        assert bot.bot.reloader.reload().ok
        api.wait_until(lambda: menus_of(api, GUEST) == menus_of(api, GROUP) == [False, False], PATIENCE)
        assert menus_of(api, ADMIN) == [True, True]


def test_who_is_no_longer_listed_loses_the_menu_at_the_restart(api, node, tmp_path, clock):
    with telegram_bot(api, node.port, tmp_path, clock):
        api.wait_until(lambda: menus_of(api, GUEST) == [True, True], PATIENCE)
    with telegram_bot(api, node.port, tmp_path, clock, telegram_users=(f"{ADMIN} admin",)):
        api.wait_until(lambda: menus_of(api, GUEST) == [False, False], PATIENCE)
    with telegram_bot(api, node.port, tmp_path, clock, telegram_users=(f"{ADMIN} admin",)):
        api.wait_until(lambda: menus_of(api, GROUP) == [True, True], PATIENCE)
    assert api.counts["deleteMyCommands"] == 4, "of two people in two languages, once"


@pytest.mark.parametrize("settings", [{"telegram_bridges": (f"0 {GROUP}",)}])
def test_a_bridged_group_s_stale_text_is_counted_and_not_sent(api, bot, node, guest):
    group = api.group(GROUP, "Mesh people")
    guest.says("from this morning", chat=group, at=time.time() - 4000)
    guest.says("from now", chat=group)
    assert node.wait_for(lambda sent: sent.text == "Gus: from now", PATIENCE).to == BROADCAST_NUM
    api.wait_for("⏳ .*: 1", group)
    assert not [each for each in node.received.packets if b"morning" in each.packet.decoded.payload]


@pytest.mark.parametrize("settings", [{"tcp_alert_after": 1, "telegram_alert_chats": (LOUNGE,)}])
def test_alerts_go_to_the_chats_of_the_settings_instead_of_the_admins(api, bot, node):
    admin, lounge = api.user(ADMIN, "Ada"), api.group(LOUNGE, "Lounge")
    node.fault("refuse")
    node.fault("drop")
    api.wait_for("🔴", lounge, timeout=PATIENCE)
    node.heal()
    api.wait_for("🟢", lounge, timeout=PATIENCE)
    assert api.messages(admin, by_bot=True) == []
