"""The service's settings, below a root of the test's own."""

from meshbot.doctor.service import environment, settings_file


def test_the_service_s_variables_and_credentials_are_read(tmp_path):
    folder = tmp_path / "etc/meshbot"
    (folder / "credentials").mkdir(parents=True)
    (folder / "meshbot.env").write_text("# a\nMESHBOT_BOT_API_KEY='k=1'\nexport MESHBOT_X=1\nodd line\nMESHBOT_Y = 2\n")
    (folder / "credentials/telegram_token").write_text("1:a\n")
    assert environment(tmp_path) == {
        "STATE_DIRECTORY": "/var/lib/meshbot",
        "MESHBOT_BOT_API_KEY": "k=1",
        "MESHBOT_TELEGRAM_TOKEN": "1:a",
    }
    assert settings_file(tmp_path) is None
    (folder / "meshbot.toml").touch()
    assert settings_file(tmp_path) == folder / "meshbot.toml"


def test_without_a_service_there_is_nothing_to_read(tmp_path):
    assert environment(tmp_path) == {"STATE_DIRECTORY": "/var/lib/meshbot"}
