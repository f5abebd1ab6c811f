"""The settings of the Telegram side: what they take, what they say, and that the token is never shown."""

import pytest

import config
from config import Settings, effective

TOKEN = "8123456789:AAF-No_Log_May_Ever_Show_This_Token"
SECRET = TOKEN.partition(":")[2]


def problem(name, value):
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ={f"MESHBOT_{name.upper()}": value})
    (line,) = caught.value.problems
    return line


def loaded(name, value):
    return getattr(config.load(environ={f"MESHBOT_{name.upper()}": value}), name)


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("telegram_users", "5 admin !A1B2C3D4, 6 Known", ("5 admin !a1b2c3d4", "6 known")),
        ("telegram_users", '["5 everyone", "6 admin 0x0000000f"]', ("5 everyone", "6 admin !0000000f")),
        ("telegram_groups", "-100123,-5", (-100123, -5)),
        ("telegram_bridges", "1 -100123/5, 0 -7", ("1 -100123/5", "0 -7")),
        ("telegram_alert_chats", "[5, -100123]", (5, -100123)),
        ("telegram_base_url", "http://localhost:8081/", "http://localhost:8081"),
    ],
)
def test_it_takes(name, value, taken):
    assert loaded(name, value) == taken


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("telegram_users", "admin 5"),
        ("telegram_users", "5"),
        ("telegram_users", "5 boss"),
        ("telegram_users", "0 admin"),
        ("telegram_users", "-5 admin"),
        ("telegram_users", "5 admin !a1"),
        ("telegram_users", "5 admin, 5 known"),
        ("telegram_groups", "5"),
        ("telegram_groups", "mesh"),
        ("telegram_bridges", "8 -5"),
        ("telegram_bridges", "1 5"),
        ("telegram_bridges", "1 -5/x"),
        ("telegram_bridges", "-5"),
        ("telegram_base_url", "api.telegram.org"),
        ("telegram_base_url", ""),
        ("telegram_base_url", "https://user:password@example.org"),
        ("telegram_command_max_age", "1"),
        ("telegram_max_bytes", "10"),
    ],
)
def test_it_refuses_and_says_what_is_allowed(name, value):
    line = problem(name, value)
    assert line.startswith(f"{name} (MESHBOT_{name.upper()}) : ")
    assert "permis : " in line


@pytest.mark.parametrize("token", ["AAF-secret", "654321", "12 34:AAF", f"{TOKEN} ", "x" * 50, f"bot{TOKEN}"])
def test_what_is_no_token_is_refused_without_being_shown(token):
    line = problem("telegram_token", token)
    assert "*** refusé" in line
    assert token not in line


def test_the_token_is_in_no_output():
    settings = Settings(telegram_token=TOKEN)
    assert SECRET not in effective(settings) + repr(settings) + str(settings)
    assert 'telegram_token = "***"' in effective(settings)
    assert {TOKEN, SECRET, TOKEN.replace(":", "%3A")} <= set(settings.secrets())


def test_an_error_in_another_setting_does_not_show_it():
    with pytest.raises(config.ConfigError) as caught:
        config.load(environ={"MESHBOT_TELEGRAM_TOKEN": TOKEN, "MESHBOT_TELEGRAM_USERS": "x"})
    assert SECRET not in str(caught.value)
