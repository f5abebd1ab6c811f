"""Listed users and groups, notices, limits and menus."""

import pytest

from meshbot.commands.language import translator
from meshbot.commands.registry import Command
from meshbot.commands.roles import Role, node_list
from meshbot.telegram_bot.menu import menus
from meshbot.telegram_bot.models import AllowedUser, Chat
from meshbot.telegram_bot.own_commands import IDENTITY, START
from meshbot.telegram_bot.queue import RateLimit
from meshbot.telegram_bot.users import HOUR, AllowedUsers, OncePerHour, parse_user


def test_a_setting_s_line_is_parsed_as_a_user():
    assert parse_user("123 admin !a1b2c3d4") == AllowedUser(123, Role.ADMIN, node_list(["!a1b2c3d4"]))
    assert parse_user("5 everyone") == AllowedUser(5, Role.EVERYONE)


def test_only_listed_users_and_groups_are_found():
    users = AllowedUsers([AllowedUser(1, Role.KNOWN)], [-5])
    assert users.find(1).command_user.key == "telegram:1"
    assert users.find(2) is None
    assert users.find(0) is None
    assert (users.is_listed(-5), users.is_listed(-6), users.is_listed(1)) == (True, False, False)


def test_a_listed_group_stays_listed_under_its_new_id():
    users = AllowedUsers([], [-5])
    users.migrate(-5, -1005)
    users.migrate(-9, -1009)
    assert (users.is_listed(-1005), users.is_listed(-1009)) == (True, False)
    assert users.as_listed(Chat(-1005, 3)) == Chat(-5, 3)
    assert users.as_listed(Chat(-1009)) == Chat(-1009), "of other groups nothing is remembered"


def test_a_notice_is_due_once_an_hour():
    once = OncePerHour()
    assert [once.is_due(1, when) for when in (0.0, 1.0, HOUR - 1, HOUR, HOUR + 1)] == [True, False, False, True, False]
    assert once.is_due(2, 1.0)


def test_a_rate_limit_keeps_all_of_its_limits():
    limit, now, times = RateLimit([(2, 1.0), (5, 10.0)]), 0.0, []
    for _ in range(8):
        now = max(now, limit.ready_at())
        limit.note(now)
        times.append(now)
    assert times == [0, 0, 1, 1, 2, 10, 10, 11]
    assert (limit.is_idle(20.0), limit.is_idle(21.0)) == (False, True)


@pytest.fixture
def menu_commands():
    commands = [START, IDENTITY, Command("all", "s", str), Command("no-name", "s", str)]
    commands += [Command("few", "s", str, role=Role.KNOWN), Command("one", "s" * 300, str, role=Role.ADMIN)]
    users = [AllowedUser(1, Role.ADMIN), AllowedUser(2, Role.KNOWN)]
    languages = {"": translator("en"), "fr": translator("fr")}
    return {(menu.chat_id, menu.language): dict(menu.commands) for menu in menus(commands, users, [-5], languages)}


def test_each_menu_has_the_commands_of_its_users(menu_commands):
    assert list(menu_commands[None, ""]) == ["start", "id"]
    assert list(menu_commands[-5, ""]) == ["start", "id", "all"]
    assert list(menu_commands[2, ""]) == ["start", "id", "all", "few"]
    assert list(menu_commands[1, ""]) == ["start", "id", "all", "few", "one"]
    assert len(menu_commands[1, ""]["one"]) == 256


def test_menus_are_in_the_language_of_the_phone(menu_commands):
    assert menu_commands[None, "fr"]["start"] != menu_commands[None, ""]["start"] == "greets you"
