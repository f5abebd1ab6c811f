import re
import tomllib
from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError

import config
from config import ConfigError, Settings, effective, load
from scripts.make_example import EXAMPLE, UNCOMMENTED, example

TOKEN = "12345:verysecret"


class WithSecret(Settings):
    token: SecretStr = Field(SecretStr("changeme"), min_length=8)
    loud: bool = Field(default=False)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "DEFAULT_FILES", (Path("meshbot.toml"), tmp_path / "etc" / "meshbot.toml"))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problems(text="", environ=None, model=Settings):
    """Return what is wrong with a file of this text under these variables."""
    with pytest.raises(ConfigError) as caught:
        load(write(Path("given.toml"), text), environ or {}, model)
    return caught.value.problems


def test_without_any_source_every_setting_has_its_constant_as_default():
    settings = load(environ={})
    for name in Settings.model_fields:
        assert getattr(settings, name) == getattr(config, name.upper()), name
    assert settings.origins == {}


def test_the_specification_s_constants_have_the_specification_s_values():
    assert (config.TCP_PUBKEY_SYNC_DELAY, config.TCP_SILENT_TIMEOUT, config.TCP_PORT) == (15, 120, 4403)
    assert config.EXIT_CONFIG == 78


def test_variables_go_before_the_file_and_the_file_before_the_defaults():
    write(Path("meshbot.toml"), 'tcp_host = "10.0.0.2"\ntcp_port = 4404\n')
    settings = load(environ={"MESHBOT_TCP_PORT": "4405"})
    assert (settings.tcp_host, settings.tcp_port, settings.language) == ("10.0.0.2", 4405, "fr")
    assert settings.origins == {"tcp_host": "meshbot.toml", "tcp_port": "MESHBOT_TCP_PORT"}


def test_the_current_folder_s_file_goes_before_the_system_s(tmp_path):
    write(tmp_path / "etc" / "meshbot.toml", "tcp_port = 1\n")
    assert load(environ={}).tcp_port == 1
    write(Path("meshbot.toml"), "tcp_port = 2\n")
    assert load(environ={}).tcp_port == 2
    assert load(write(Path("own.toml"), "tcp_port = 3\n"), {}).tcp_port == 3


def test_settings_made_directly_ignore_the_environment_and_files(monkeypatch):
    write(Path("meshbot.toml"), "tcp_port = 2\n")
    monkeypatch.setenv("MESHBOT_TCP_PORT", "1")
    assert Settings().tcp_port == 4403
    assert load().tcp_port == 1


@pytest.mark.parametrize("text", ["0,2", " 0 , 2 ,", "[0, 2]"])
def test_a_list_in_a_variable_is_json_or_comma_separated(text):
    assert load(environ={"MESHBOT_ANSWER_ON_CHANNELS": text}).answer_on_channels == (0, 2)


def test_an_empty_list_in_a_variable_undoes_the_file_s():
    write(Path("meshbot.toml"), "answer_on_channels = [1]\n")
    assert load(environ={"MESHBOT_ANSWER_ON_CHANNELS": ""}).answer_on_channels == ()


@pytest.mark.parametrize("text", ["20", "20.0"])
def test_whole_seconds_are_said_without_a_fraction(text):
    assert f"{load(environ={'MESHBOT_TCP_PUBKEY_SYNC_DELAY': text}).tcp_pubkey_sync_delay}s" == "20s"


def test_under_systemd_the_state_directory_is_the_default_data_dir():
    systemd = {"STATE_DIRECTORY": "/var/lib/meshbot:/var/lib/other"}
    assert load(environ=systemd).data_dir == Path("/var/lib/meshbot")
    assert load(environ=systemd).origins == {"data_dir": "STATE_DIRECTORY"}
    assert load(environ=systemd | {"MESHBOT_DATA_DIR": "/srv"}).data_dir == Path("/srv")
    write(Path("meshbot.toml"), 'data_dir = "/home/bot"\n')
    assert load(environ=systemd).data_dir == Path("/home/bot")


@pytest.mark.parametrize("host", ["meshtastic.local", "192.168.1.5", "fe80::1", "fe80::1%wlan0", "::1", "nœud"])
def test_a_host_may_be_a_name_or_an_address(host):
    assert Settings(tcp_host=host).tcp_host == host


@pytest.mark.parametrize(("host", "address"), [("[::1]", "::1"), ("[fe80::1%wlan0]", "fe80::1%wlan0")])
def test_brackets_around_an_address_are_taken_off(host, address):
    assert Settings(tcp_host=host).tcp_host == address


@pytest.mark.parametrize(
    "host", ["", "a b", "192.168.1.5:4403", "http://node", "node/x", "node\n", "[::1]:4403", "[node]"]
)
def test_a_host_with_a_port_a_scheme_or_spaces_is_refused(host):
    with pytest.raises(ValidationError):
        Settings(tcp_host=host)


def test_all_problems_of_the_file_and_of_the_variables_come_at_once():
    found = problems(
        'tcp_hots = "a"\ntcp_port = 70000\nlanguage = "de"\nanswer_on_channels = [1, 9, 10]\n',
        {"MESHBOT_TCP_PROT": "1", "MESHBOT_SEND_INTERVAL": "2.1", "MESHBOT_COMMAND_WORKERS": "two"},
    )
    assert found == (
        "tcp_hots (given.toml) : réglage inconnu ; vouliez-vous dire tcp_host ?",
        "MESHBOT_TCP_PROT : variable inconnue ; vouliez-vous dire MESHBOT_TCP_PORT ?",
        "language (given.toml) : 'de' refusé ; permis : fr, en",
        "tcp_port (given.toml) : 70000 refusé ; permis : un nombre entier de 1 à 65535",
        "answer_on_channels (given.toml) : [1, 9, 10] refusé ; permis : une liste d'entiers de 0 à 7, comme [0, 2]",
        "send_interval (MESHBOT_SEND_INTERVAL) : '2.1' refusé ; permis : un nombre de secondes de 2.2 à 60",
        "command_workers (MESHBOT_COMMAND_WORKERS) : 'two' refusé ; permis : un nombre entier de 1 à 16",
    )


@pytest.mark.parametrize(
    ("line", "nearest"),
    [("TCP_PORT = 1", "tcp_port"), ("pubkey_sync_delay = 1", "tcp_pubkey_sync_delay"), ("tcp-port = 1", "tcp_port")],
)
def test_an_unknown_name_is_answered_with_the_nearest_known_one(line, nearest):
    (problem,) = problems(line)
    assert problem.endswith(f"réglage inconnu ; vouliez-vous dire {nearest} ?")


@pytest.mark.parametrize("name", ["MESHBOT_tcp_port", "MESHBOT_TCP_PORT_"])
def test_an_unknown_variable_is_a_problem_too(name):
    (problem,) = problems(environ={name: "1"})
    assert problem == f"{name} : variable inconnue ; vouliez-vous dire MESHBOT_TCP_PORT ?"


def test_a_name_like_no_other_is_sent_to_the_example():
    assert problems('zzz = 1\n"a\\nb" = 1\n', {"MESHBOT_QQQ": "1"}) == (
        "zzz (given.toml) : réglage inconnu ; les réglages sont dans meshbot.toml.example",
        "a\\nb (given.toml) : réglage inconnu ; les réglages sont dans meshbot.toml.example",
        "MESHBOT_QQQ : variable inconnue ; les réglages sont dans meshbot.toml.example",
    )


@pytest.mark.parametrize("value", ["true", "nan", "inf", '"x"', "[1]", "{a = 1}", "1979-05-27", "0.05", '""'])
def test_what_is_no_number_within_the_bounds_is_refused(value):
    (problem,) = problems(f"tcp_probe_timeout = {value}")
    assert problem.endswith("refusé ; permis : un nombre de secondes de 0.1 à 300")


@pytest.mark.parametrize(
    "name", [name for name in Settings.model_fields if "nombre" in config.allowed(Settings.model_fields[name])]
)
def test_each_number_is_refused_just_outside_its_bounds_and_taken_on_them(name):
    low, high = map(float, re.findall(r"[\d.]+", config.allowed(Settings.model_fields[name])))
    others = {"tcp_config_silence": 0.1, "send_interval": 2.2, "answer_ttl": 3600, "tcp_config_timeout": 600}
    for value in (low, high):
        assert getattr(Settings(**(others | {name: value})), name) == value
    for value in (low - 0.01, high + 1):
        with pytest.raises(ValidationError):
            Settings(**{name: value})


@pytest.mark.parametrize("value", ["", "~/data", "a\nb"])
def test_an_empty_path_or_one_that_nobody_would_expand_is_refused(value):
    (problem,) = problems(environ={"MESHBOT_DATA_DIR": value})
    assert problem == f"data_dir (MESHBOT_DATA_DIR) : {value!r} refusé ; permis : un chemin, sans ~"


def test_two_settings_that_contradict_each_other_are_named_both():
    assert problems("tcp_config_silence = 300\ntcp_config_timeout = 60\nsend_interval = 10\nanswer_ttl = 5.5\n") == (
        "tcp_config_timeout (given.toml) : 60 refusé ; doit être au moins tcp_config_silence (300)",
        "answer_ttl (given.toml) : 5.5 refusé ; doit être au moins send_interval (10)",
    )


def test_a_setting_that_is_wrong_itself_is_not_compared_with_another():
    assert len(problems("tcp_config_silence = 1000\ntcp_config_timeout = 5\n")) == 1


def test_invalid_toml_is_reported_by_line_and_column_beside_other_problems():
    found = problems('tcp_host = "a"\ntcp_port 4403\n', {"MESHBOT_TCP_PORT": "no"})
    assert found[0].startswith("given.toml : ligne 2, colonne 10 : TOML incorrect (")
    assert found[1].startswith("tcp_port (MESHBOT_TCP_PORT)")


def test_a_number_of_thousands_of_digits_is_one_short_line():
    (problem,) = problems(f"tcp_port = {'9' * 5000}\n")
    assert problem.startswith("given.toml : ")
    assert len(problem) < 200


def test_a_value_of_any_length_is_shown_shortened():
    (problem,) = problems(f'tcp_host = "{"a b " * 1000}"')
    assert len(problem) < 200


def test_a_file_that_was_named_and_is_not_there_is_a_problem():
    with pytest.raises(ConfigError, match=r"^absent\.toml : fichier introuvable$"):
        load(Path("absent.toml"), {})


def test_an_unreadable_default_file_is_a_problem_too():
    Path("meshbot.toml").mkdir()
    with pytest.raises(ConfigError, match=r"^meshbot\.toml : fichier illisible \(.+\)$"):
        load(environ={})


def test_a_file_in_another_encoding_is_a_problem_with_its_line():
    path = Path("latin1.toml")
    path.write_bytes("tcp_port = 1\n# réglage\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"^latin1\.toml : ligne 2 : n'est pas en UTF-8"):
        load(path, {})


def test_a_byte_order_mark_is_forgiven():
    path = Path("windows.toml")
    path.write_bytes(b"\xef\xbb\xbftcp_port = 1\r\n")
    assert load(path, {}).tcp_port == 1


def test_secrets_never_appear_neither_in_effective_settings_nor_in_problems():
    settings = load(environ={"MESHBOT_TOKEN": TOKEN}, model=WithSecret)
    assert settings.secrets() == (TOKEN,)
    text = effective(settings)
    assert 'token = "***"  # MESHBOT_TOKEN' in text.splitlines()
    assert TOKEN not in text + repr(settings)
    refused = problems('token = "short1"\nloud = "maybe"\n', model=WithSecret)
    assert refused[0] == "token (given.toml) : *** refusé ; permis : texte"
    unknown = problems(f'tokn = "{TOKEN}"\n', {"MESHBOT_TOKE": TOKEN}, model=WithSecret)
    assert TOKEN not in "".join(refused + unknown)


@pytest.mark.parametrize("key", ["a b", "clé", "a\n", "a\x00"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key):
    (problem,) = problems(environ={"MESHBOT_BOT_API_KEY": key})
    assert problem == "bot_api_key (MESHBOT_BOT_API_KEY) : *** refusé ; permis : une clé sans espace ni accent, ou rien"


def test_a_key_that_is_not_set_is_shown_as_none():
    assert 'bot_api_key = ""' in effective(Settings()).splitlines()


URL = "postgresql://bot:p%40ss@db.lan/mesh?sslmode=require"


def test_a_database_url_is_a_secret_and_so_is_its_password_alone():
    settings = load(environ={"MESHBOT_DATABASE_URL": URL})
    assert settings.database_url.get_secret_value() == URL
    assert settings.secrets() == (URL, "p%40ss", "p@ss")
    assert 'database_url = "***"  # MESHBOT_DATABASE_URL' in effective(settings).splitlines()
    assert Settings().secrets() == ()


@pytest.mark.parametrize(
    "address", ["", "http://127.0.0.1:8080/v1", "https://api.example.org", "http://[::1]:11434/v1/"]
)
def test_an_address_needs_http_and_loses_its_last_slash(address):
    assert Settings(bot_url=address).bot_url == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:8080", "ftp://host", "http://", "http://a b", "http://host/?key=1", "http://host/#x", "http://host\n"],
)
def test_an_address_that_cannot_be_asked_is_refused(address):
    with pytest.raises(ValidationError):
        Settings(bot_url=address)


def test_a_password_in_an_address_is_refused_unseen():
    (problem,) = problems('weather_url = "https://me:secret@host/v1"')
    assert problem.startswith("weather_url (given.toml) : 'https://***@host/v1' refusé ; permis : une adresse http://")


@pytest.mark.parametrize(
    "url", ["mysql://bot:s3cret@db/mesh", "bot:s3cret@db", "postgresql://", "postgresql:// s3cret"]
)
def test_a_database_url_of_another_kind_is_refused_without_showing_it(url):
    (problem,) = problems(environ={"MESHBOT_DATABASE_URL": url})
    kind = "vide, ou postgresql://nom:mot_de_passe@serveur/base"
    assert problem == f"database_url (MESHBOT_DATABASE_URL) : *** refusé ; permis : {kind}"


def test_true_is_refused_for_a_number_but_not_for_a_switch():
    assert load(environ={"MESHBOT_LOUD": "true"}, model=WithSecret).loud is True
    assert "loud = false" in effective(WithSecret()).splitlines()
    with pytest.raises(ValidationError):
        Settings(tcp_port=True)


def test_effective_settings_say_where_each_one_that_is_no_default_came_from():
    write(Path("meshbot.toml"), "tcp_port = 4404\n")
    lines = effective(load(environ={"MESHBOT_ANSWER_ON_CHANNELS": "2,0"})).splitlines()
    assert "tcp_port = 4404  # meshbot.toml" in lines
    assert "answer_on_channels = [2, 0]  # MESHBOT_ANSWER_ON_CHANNELS" in lines
    assert "tcp_silent_timeout = 120" in lines
    assert len(lines) == len(Settings.model_fields)
    assert "tcp_port = 9  # fixé par le programme" in effective(Settings(tcp_port=9)).splitlines()


def test_effective_settings_can_be_read_back():
    made = Settings(tcp_host="nœud", data_dir='a "b" \\c', answer_on_channels=[7], send_interval=2.5)
    again = load(write(Path("again.toml"), effective(made)), {})
    assert again.model_dump() == made.model_dump()


def test_the_example_in_the_repository_is_the_one_made_from_the_code():
    assert EXAMPLE.read_text(encoding="utf-8") == example(), "run: make example"


def test_the_example_shows_all_defaults_and_sets_only_the_host():
    text = example()
    assert set(tomllib.loads(text)) == UNCOMMENTED
    shown = load(write(Path("shown.toml"), re.sub(r"(?m)^#(?=\w)", "", text)), {})
    assert shown.model_dump() == Settings().model_dump()
    assert set(shown.origins) == set(Settings.model_fields)


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_settings_in_force_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().tcp_port = 1


@pytest.mark.parametrize("text", ["!a1b2c3d4, 15", '["!A1B2C3D4", 15]', "0xa1b2c3d4,!0000000f", "2712847316,15"])
def test_nodes_are_given_by_id_or_number_and_shown_by_id(text):
    settings = load(environ={"MESHBOT_ADMIN_NODES": text})
    assert settings.admin_nodes == ("!a1b2c3d4", "!0000000f")
    assert 'admin_nodes = ["!a1b2c3d4", "!0000000f"]' in effective(settings)


def test_nodes_in_a_file_are_texts_or_numbers():
    write(Path("meshbot.toml"), 'known_nodes = ["!a1b2c3d4", 15, 0x10]\n')
    assert load(environ={}).known_nodes == ("!a1b2c3d4", "!0000000f", "!00000010")


@pytest.mark.parametrize("value", ['["!a1b2"]', '["alice"]', "[0]", "[4294967295]", "[true]", '[""]', "[1.5]", '"!"'])
def test_what_is_no_node_is_refused_with_an_example(value):
    (problem,) = problems(f"admin_nodes = {value}\n")
    allowed = 'une liste de nœuds, comme ["!a1b2c3d4"], par numéro, clé publique en base64 ou empreinte'
    assert problem.endswith(f"permis : {allowed}")


KEY = "AQID" * 10 + "AQI="


@pytest.mark.parametrize("text", [KEY, KEY.rstrip("="), f"base64:{KEY}"])
def test_a_node_is_given_by_its_public_key(text):
    assert load(environ={"MESHBOT_ADMIN_NODES": f"!a1b2c3d4, {text}"}).admin_nodes == ("!a1b2c3d4", KEY)


@pytest.mark.parametrize(
    "text", ["4821 0937 5530 1182 6674 0295", "4821-0937-5530-1182-6674-0295", "482109375530118266740295"]
)
def test_a_node_is_given_by_the_fingerprint_of_its_key(text):
    settings = load(environ={"MESHBOT_ADMIN_NODES": text, "MESHBOT_TELEGRAM_USERS": f"5 admin {text}"})
    assert settings.admin_nodes == ("4821-0937-5530-1182-6674-0295",)
    assert settings.telegram_users == ("5 admin 4821-0937-5530-1182-6674-0295",)


@pytest.mark.parametrize("text", [KEY[:-5], "A" * 43 + "=", "é" * 43, "4821 0937 5530 1182 6674 029"])
def test_what_is_no_key_and_no_fingerprint_is_refused(text):
    assert len(problems("", {"MESHBOT_ADMIN_NODES": text})) == 1


def test_a_switch_is_on_or_off():
    assert load(environ={"MESHBOT_REFUSE_MQTT": "true"}).refuse_mqtt
    (problem,) = problems("", {"MESHBOT_REFUSE_MQTT": "maybe"})
    assert problem.endswith("permis : true ou false")
