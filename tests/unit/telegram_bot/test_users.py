"""Who is listed, where, and what is offered to whom."""

import pytest

from meshbot.commands.language import translator
from meshbot.commands.registry import Command
from meshbot.commands.roles import Role
from meshbot.telegram_bot.menu import menus
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.own_commands import IDENTITY, START
from meshbot.telegram_bot.rate import RateLimit
from meshbot.telegram_bot.users import HOUR, AllowedUser, AllowedUsers, OncePerHour, person_of


def test_a_setting_s_line_is_a_person():
    assert person_of("123 admin !a1b2c3d4") == AllowedUser(123, Role.ADMIN, 0xA1B2C3D4)
    assert person_of("5 everyone") == AllowedUser(5, Role.EVERYONE)


def test_nobody_is_anybody_unless_listed():
    people = AllowedUsers([AllowedUser(1, Role.KNOWN)], [-5])
    assert people.person(1).user.key == "telegram:1"
    assert people.person(2) is None
    assert people.person(0) is None
    assert (people.is_listed(-5), people.is_listed(-6), people.is_listed(1)) == (True, False, False)


def test_a_listed_group_stays_listed_under_its_new_id():
    people = AllowedUsers([], [-5])
    people.move(-5, -1005)
    people.move(-9, -1009)
    assert (people.is_listed(-1005), people.is_listed(-1009)) == (True, False)
    assert people.as_listed(Chat(-1005, 3)) == Chat(-5, 3)
    assert people.as_listed(Chat(-1009)) == Chat(-1009), "of other groups nothing is remembered"


def test_what_is_said_once_an_hour_is_said_again_later():
    once = OncePerHour()
    assert [once.is_new(1, when) for when in (0.0, 1.0, HOUR - 1, HOUR, HOUR + 1)] == [True, False, False, True, False]
    assert once.is_new(2, 1.0)


def test_a_pace_keeps_all_of_its_limits():
    pace, now, times = RateLimit([(2, 1.0), (5, 10.0)]), 0.0, []
    for _ in range(8):
        now = max(now, pace.ready_at())
        pace.note(now)
        times.append(now)
    assert times == [0, 0, 1, 1, 2, 10, 10, 11]
    assert (pace.is_idle(20.0), pace.is_idle(21.0)) == (False, True)


@pytest.fixture
def offered():
    commands = [START, IDENTITY, Command("all", "s", str), Command("no-name", "s", str)]
    commands += [Command("few", "s", str, role=Role.KNOWN), Command("one", "s" * 300, str, role=Role.ADMIN)]
    people = [AllowedUser(1, Role.ADMIN), AllowedUser(2, Role.KNOWN)]
    languages = {"": translator("en"), "fr": translator("fr")}
    return {(menu.chat_id, menu.language): dict(menu.commands) for menu in menus(commands, people, [-5], languages)}


def test_each_is_offered_what_is_open_to_them(offered):
    assert list(offered[None, ""]) == ["start", "id"]
    assert list(offered[-5, ""]) == ["start", "id", "all"]
    assert list(offered[2, ""]) == ["start", "id", "all", "few"]
    assert list(offered[1, ""]) == ["start", "id", "all", "few", "one"]
    assert len(offered[1, ""]["one"]) == 256


def test_menus_speak_the_language_of_the_phone(offered):
    assert offered[None, "fr"]["start"] != offered[None, ""]["start"] == "greets you"
