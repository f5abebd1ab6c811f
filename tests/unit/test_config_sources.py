"""Credentials as a source of settings, and the language in which problems are said."""

import os
from pathlib import Path
from unittest import mock

import pytest

from config import ConfigError, Settings, effective, load

SECRET = "123456:telegram-secret"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def credentials(tmp_path):
    """Return what makes the folder of a service's credentials, and the variable that names it."""

    def make(**files):
        folder = tmp_path / "credentials"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        return {"CREDENTIALS_DIRECTORY": str(folder)}

    return make


def problems(environ, language=None, text=""):
    path = Path("given.toml")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, environ, language=language)
    return caught.value.problems


def test_a_credential_is_a_setting_between_file_and_variables(credentials):
    Path("meshbot.toml").write_text('telegram_token = "1:file"\ntcp_port = 1\n', encoding="utf-8")
    environ = credentials(meshbot_telegram_token=f"{SECRET}\n", meshbot_tcp_port="2\n", other="x")
    settings = load(environ=environ | {"MESHBOT_TCP_PORT": "3"})
    assert settings.telegram_token.get_secret_value() == SECRET
    assert settings.origins == {"telegram_token": "credential telegram_token", "tcp_port": "MESHBOT_TCP_PORT"}
    assert 'telegram_token = "***"  # credential telegram_token' in effective(settings)


def test_a_credential_of_no_setting_is_a_problem_without_its_value(credentials):
    environ = credentials(meshbot_telegram_tokn=SECRET, meshbot_telegram_token="not a token")
    unknown, refused = problems(environ)
    assert unknown.endswith("vouliez-vous dire telegram_token ?")
    assert refused.startswith("telegram_token (credential telegram_token) : *** refusé")


def test_a_folder_of_credentials_that_is_not_there_says_nothing():
    assert load(environ={"CREDENTIALS_DIRECTORY": "/nowhere"}) == Settings()


@pytest.mark.parametrize(
    ("language", "text", "word"),
    [("en", "", "refused"), ("fr", 'language = "en"\n', "refusé"), (None, 'language = "en"\n', "refused")],
)
def test_problems_are_in_the_person_s_language_or_the_bot_s(language, text, word):
    (problem,) = problems({"MESHBOT_TCP_PORT": "0"}, language, text)
    assert word in problem


def test_every_kind_of_problem_is_said_in_both_languages():
    text, environ = "tcp_prt = 1\n[", {"MESHBOT_X": "1", "MESHBOT_ANSWER_TTL": "3", "MESHBOT_SEND_INTERVAL": "4"}
    english, french = (problems(environ, language, text) for language in ("en", "fr"))
    assert len(english) == len(french)
    assert not set(english) & set(french)


def test_a_file_that_may_not_be_read_comes_with_its_cure():
    with mock.patch.object(os, "open", side_effect=PermissionError(13, "Permission denied")):
        (problem,) = problems({}, "en")
    assert problem.endswith(f"(Permission denied); sudo chmod 644 {Path('given.toml')}")


def test_a_folder_in_the_way_is_what_the_cure_names(tmp_path):
    def is_open(folder, _mode):
        return Path(folder) != tmp_path

    denied = PermissionError(13, "Permission denied")
    with mock.patch.object(os, "open", side_effect=denied), mock.patch.object(os, "access", is_open):
        (problem,) = problems({}, "en")
    assert problem.endswith(f"sudo chmod a+x {tmp_path}")


def refused_file(make):
    """Return the problem of a file that `make` has put there."""
    path = Path("given.toml")
    make(path)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, language="en")
    [problem] = caught.value.problems
    return problem


def test_what_is_no_file_of_settings_is_refused_at_once():
    assert "not a regular file" in refused_file(os.mkfifo)
    Path("given.toml").unlink()
    assert "not a regular file" in refused_file(Path.mkdir)
    Path("given.toml").rmdir()
    assert "not a regular file" in refused_file(lambda path: path.symlink_to("/dev/zero"))
    Path("given.toml").unlink()
    assert "File too large" in refused_file(lambda path: path.touch() or os.truncate(path, 2**34))


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "{a=" * 5000])
def test_brackets_in_brackets_are_a_problem_of_the_file(text):
    assert "incorrect TOML" in refused_file(lambda path: path.write_text(text, encoding="utf-8"))
