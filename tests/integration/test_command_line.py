"""The commands beside running the bot: on a database on disk, and on a node."""

import json
import logging
import os
import stat
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from meshtastic.protobuf import admin_pb2

import command_line
from meshbot import cli
from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.contact import parse_contact_url
from meshbot.mesh_link.own_node_client import OwnNodeClient
from meshbot.nodes.fingerprint import fingerprint_of
from meshbot.nodes.key_states import KeyDecision, KeyState
from meshbot.radio_backup.backup import open_backup
from meshbot.radio_backup.restore import read_back
from meshbot.runtime.folder_lock import lock_folder
from meshbot.storage.database import open_database
from meshbot.storage.nodes import NodeStore
from tests.support.command_runner import command_runner
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, BOB, CAROL, key, record

PASSPHRASE = "correct horse battery"


@pytest.fixture
def folder(tmp_path):
    """A data folder with three nodes' keys: verified, seen and changed, learnt and rejected."""
    folder = tmp_path / "data"
    with OpenNodes(folder) as manager:
        alice = record(ALICE, key(1), long_name="Alice", short_name="AL", hw_model="TBEAM")
        manager.learn_from_node_database([alice, record(CAROL, key(3))])
        manager.learn_from_nodeinfo(record(BOB, key(2), long_name="Bruno"))
        manager.learn_from_nodeinfo(record(BOB, key(9)))
        manager.decide_key(ALICE, key(1), KeyDecision.VERIFY, "telegram:12")
        manager.decide_key(CAROL, key(3), KeyDecision.REJECT, "telegram:12")
    return folder


class OpenNodes:
    """The nodes of a data folder."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.database = open_database(self.folder, FakeClock())
        return make_node_manager(NodeStore(self.database), FakeClock())

    def __exit__(self, *_exc):
        self.database.close()


@pytest.fixture
def run(monkeypatch, capsys, folder):
    """Run a command on a data folder; return its exit code and what it said."""
    with command_runner(monkeypatch, capsys, folder) as run:
        yield run


# -- keys


def test_an_export_has_every_state_and_imports_elsewhere(run, tmp_path):
    file, other = tmp_path / "keys.json", tmp_path / "other"
    assert run("keys", "export", file) == (0, f"✅ 3 nodes with keys: {file}\n", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    nodes = json.loads(file.read_text())["nodes"]
    assert {node["num"]: [each["state"] for each in node["keys"]] for node in nodes} == {
        "!20001eef": ["verified"],
        "!20001ef0": ["seen", "changed"],
        "!20001ef1": ["revoked"],
    }
    assert run("keys", "import", file, at=other)[:2] == (0, ADDED.format(3, 0, 1, 0) + CHANGED.format("!20001ef0"))
    with OpenNodes(other) as manager:
        states = [manager.keys_of(num).state for num in (ALICE, BOB, CAROL)]
        assert states == [KeyState.VERIFIED, KeyState.IMPORTED, None]
        assert [row.public_key for row in manager.keys_of(CAROL).revoked] == [key(3)]
        assert manager.node(ALICE).long_name == "Alice"


ADDED = "✅ added: {}, the same: {}, changed: {}, kept out: {}\n"
CHANGED = (
    "⚠️ Another key than the one trusted here: {}. /keys shows both, you decide; the bot's next start alerts you.\n"
)


def test_the_same_keys_export_the_same_bytes(run):
    assert run("keys", "export") == run("keys", "export")


def test_an_import_overwrites_nothing_and_sets_conflicts_apart(run, tmp_path, folder):
    file = tmp_path / "keys.json"
    run("keys", "export", file)
    theirs = file.read_text().replace(b64encode(key(1)).decode(), b64encode(key(7)).decode())
    file.write_text(theirs.replace(fingerprint_of(key(1)), fingerprint_of(key(7))))
    assert run("keys", "import", file)[:2] == (0, ADDED.format(0, 3, 1, 0) + CHANGED.format("!20001eef"))
    with OpenNodes(folder) as manager:
        assert manager.public_key(ALICE) == key(1)
        assert manager.pending_keys()[ALICE] == {key(7)}


def test_an_import_names_keys_in_use_that_the_file_has_revoked(run, tmp_path, folder):
    file = tmp_path / "keys.json"
    run("keys", "export", file)
    file.write_text(file.read_text().replace('"verified"', '"revoked"'))
    code, out, _err = run("keys", "import", file)
    assert (code, out.splitlines()[1:]) == (
        0,
        ["⚠️ Revoked in the file, and in use here: !20001eef. If that is right: /keys reject."],
    )
    with OpenNodes(folder) as manager:
        assert manager.public_key(ALICE) == key(1)


@pytest.mark.parametrize("name", ["/", "", ".", "..", "nowhere/keys.json"])
def test_a_name_that_is_no_file_is_refused_in_one_line(run, name):
    for words in (("keys", "export", name), ("keys", "import", name), ("keys", "contact", "alice", "--png", name)):
        code, out, err = run(*words)
        assert (code, err.count("\n"), err[:2]) == (1, 1, "❌ "), (words, out, err)


def test_an_odd_file_is_refused_whole_in_the_person_s_language(run, tmp_path):
    file = tmp_path / "keys.json"
    file.write_text('{"format": "meshbot-keys", "version": 3}')
    code, out, err = run("keys", "import", file, environ={"LC_ALL": "fr_FR.UTF-8", "LANG": "en"})
    assert (code, out) == (1, "")
    assert err.startswith(f"❌ {file}, rien n'a été importé. Il a la version 3")
    assert "version 3, and this program reads version 1" in run("keys", "import", file)[2]


def test_without_a_language_of_its_own_the_setting_decides(run):
    for language, text in (("fr", "Je ne connais pas de nœud"), ("en", "I know no node")):
        assert text in run("keys", "contact", "zoe", environ={"LANG": "C"}, language=language)[2]


def test_an_import_waits_until_the_bot_is_stopped(run, tmp_path, folder):
    lock = lock_folder(folder)
    try:
        code, _out, err = run("keys", "import", tmp_path / "any")
        file = tmp_path / "keys.json"
        assert run("keys", "export", file)[0] == 0
        code, _out, err = run("keys", "import", file)
    finally:
        os.close(lock)
    assert code == 1
    assert err == (
        f"❌ The bot is running and uses {folder}: stop it for keys import (sudo systemctl stop meshbot), "
        "then start it.\n"
    )


def test_a_contact_is_a_url_and_a_code_for_the_apps(run, tmp_path):
    code, out, _err = run("keys", "contact", "alice")
    assert code == 0
    assert out.startswith(f"Alice !20001eef {fingerprint_of(key(1))}\nhttps://meshtastic.org/v/#")
    contact = parse_contact_url(out.splitlines()[1])
    assert (contact.num, contact.long_name, contact.public_key) == (ALICE, "Alice", key(1))
    assert len(out.splitlines()) > 20
    png = tmp_path / "alice.png"
    assert run("keys", "contact", "alice", "--png", png)[0] == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_contact_s_url_is_imported_like_a_file(run, tmp_path):
    url = run("keys", "contact", "alice")[1].splitlines()[1]
    code, out, _err = run("keys", "import", url, at=tmp_path / "other")
    assert (code, out.splitlines()[0]) == (0, "✅ added: 1, the same: 0, changed: 0, kept out: 0")
    assert run("keys", "import", url[:-9])[2].startswith("❌ That is no contact")


def test_a_fingerprint_is_that_of_a_key_or_a_node(run):
    expected = fingerprint_of(key(1)) + "\n"
    assert run("keys", "fingerprint", "alice")[1] == expected
    assert run("keys", "fingerprint", b64encode(key(1)).decode())[1] == expected
    assert run("keys", "fingerprint", "carolzz")[0] == 1


def test_a_folder_without_a_database_is_not_made_by_looking(run, tmp_path):
    code, _out, err = run("keys", "export", at=tmp_path / "absent")
    assert code == 1
    assert err.startswith(f"❌ {tmp_path / 'absent' / 'meshbot.db'} does not exist: is data_dir the bot's?")
    assert "n'existe pas" in run("keys", "export", at=tmp_path / "absent", environ={"LANG": "fr_FR.UTF-8"})[2]
    assert not (tmp_path / "absent").exists()


# -- the rest of the command line


@pytest.mark.parametrize("arguments", [["keys"], ["keys", "steal"], ["radio", "restore"], ["--wrong"]])
def test_wrong_words_are_explained_with_the_usage(run, arguments):
    code, _out, err = run(*arguments)
    assert code == 2
    assert err.startswith("usage: ")


def test_the_help_speaks_french_to_whom_it_should(run):
    code, out, _err = run("radio", "-h", environ={"LANG": "fr_FR.UTF-8"})
    assert code == 0
    assert "remet une sauvegarde" in out
    assert "affiche cette aide" in out


def test_without_a_command_the_bot_runs(run):
    assert run()[0] == 99


# -- the radio


@pytest.fixture(params=["2.7.26", "2.8.0"])
def node(request, new_node):
    with new_node(nodes=6, firmware_version=request.param) as node:
        yield node


@pytest.fixture
def radio(run, node, clock):
    place = {"tcp_host": "127.0.0.1", "tcp_port": node.port}
    return lambda *words, **more: run(
        "radio", *words, clock=clock, **{**place, "radio_backup_passphrase": PASSPHRASE, **more}
    )


def test_a_backup_is_written_for_its_owner_and_restored(radio, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "radio.json"
    code, out, _err = radio("backup", file)
    assert (code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert str(file) in out
    code, out, _err = radio("restore", file)
    assert code == 0
    assert out.endswith("has all that is in the backup: nothing was written.\n")


def test_a_backup_overwrites_no_earlier_one(radio, tmp_path):
    file = tmp_path / "radio.json"
    file.write_text("the last one with the former key")
    code, _out, err = radio("backup", file)
    assert (code, file.read_text()) == (1, "the last one with the former key")
    assert "is there already" in err


def test_one_command_brings_a_reset_node_back(radio, tmp_path, node, clock):
    file = tmp_path / "radio.json"
    radio("backup", file)
    saved = open_backup(file.read_bytes(), PASSPHRASE).settings
    target = LinkTarget("127.0.0.1", node.port, connect_timeout=5.0, send_timeout=5.0, user_timeout=0.0)
    with OwnNodeClient(target, clock) as client:
        client.send(admin_pb2.AdminMessage(factory_reset_device=1).SerializeToString())
        client.wait_for_reboot(15.0)
    assert not read_back(lambda: OwnNodeClient(target, clock), clock).is_whole
    code, out, _err = radio("restore", file)
    assert code == 0
    assert f"✅ {saved.long_name} !{saved.num:08x} ({fingerprint_of(saved.public_key)}) is back" in out
    assert "security" in out


def test_no_key_and_no_passphrase_is_logged_or_said(radio, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "radio.json"
    told = "".join(map(str, radio("backup", file) + radio("restore", file)))
    private = open_backup(file.read_bytes(), PASSPHRASE).settings.private_key
    for secret in (PASSPHRASE, b64encode(private).decode(), private.hex(), repr(private)):
        assert secret not in caplog.text + told


@pytest.mark.parametrize(
    ("spoil", "more", "reason"),
    [
        (lambda content: content, {"radio_backup_passphrase": "another passphrase"}, "the passphrase is wrong"),
        (lambda content: content[:-40], {}, "is no backup of a radio"),
        (lambda content: content.replace(b'"version": 1', b'"version": 2'), {}, "made by another version"),
        (lambda content: content, {"tcp_port": 1}, "cannot be reached"),
    ],
)
def test_a_backup_that_cannot_be_restored_is_explained(radio, tmp_path, spoil, more, reason):
    file = tmp_path / "radio.json"
    radio("backup", file)
    file.write_bytes(spoil(file.read_bytes()))
    code, _out, err = radio("restore", file, **more)
    assert code == 1
    assert reason in err


def test_the_node_is_left_to_a_running_bot(radio, tmp_path, folder):
    lock = lock_folder(folder)
    try:
        code, _out, err = radio("backup", tmp_path / "radio.json")
    finally:
        os.close(lock)
    assert code == 1
    assert "The bot is running" in err
    assert not (tmp_path / "radio.json").exists()


def test_without_a_passphrase_and_a_terminal_it_says_what_to_set(radio, tmp_path, monkeypatch):
    with Path(os.devnull).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        code, _out, err = radio("backup", tmp_path / "radio.json", radio_backup_passphrase="")
    assert code == 1
    assert "radio_backup_passphrase" in err


# -- as root, beside an installed service


@pytest.fixture
def service(tmp_path, monkeypatch, folder):
    """A machine whose service has its own data folder; the program on it as root has it."""
    machine = tmp_path / "machine"
    for name, text in {
        "etc/systemd/system/meshbot.service": "[Service]\n",
        "etc/meshbot/meshbot.toml": f'data_dir = "{folder}"\nlanguage = "en"\n',
        "etc/meshbot/meshbot.env": "MESHBOT_TCP_PORT=4404\n",
        "etc/meshbot/credentials/radio_backup_passphrase": "a long passphrase\n",
    }.items():
        path = machine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.delenv("MESHBOT_DATA_DIR", raising=False)
    return machine


def test_root_s_commands_take_what_the_service_has(service, folder, tmp_path):
    found = command_line.service_settings("en", service, {"PATH": "x"})
    assert (found.data_dir, found.tcp_port) == (folder, 4404)
    assert found.radio_backup_passphrase.get_secret_value() == "a long passphrase"
    typed = command_line.service_settings("en", service, {"MESHBOT_DATA_DIR": str(tmp_path)})
    assert typed.data_dir == tmp_path, "what is typed before the command counts"
    assert command_line.service_settings("en", tmp_path / "nothing", {}) is None


@pytest.mark.parametrize("arguments", [("keys", "export"), ("db", "check"), ("keys", "fingerprint", "Alice")])
def test_the_service_s_data_are_used_unless_a_file_is_named(service, tmp_path, capsys, monkeypatch, arguments):
    def load(language):
        return command_line.service_settings(language, service, {})

    monkeypatch.chdir(tmp_path)
    program = replace(command_line.program(lambda _settings, _load: 99, "1.2.3"), load_service=load)
    assert cli.main(program, arguments, {"LANG": "en_US.UTF-8"}) == 0
    (tmp_path / "mine.toml").write_text(f'data_dir = "{tmp_path / "empty"}"\n')
    assert cli.main(program, [*arguments, "--config", str(tmp_path / "mine.toml")], {"LANG": "en_US.UTF-8"}) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_root_makes_in_the_data_folder_is_the_bot_s(run, tmp_path, folder):
    file = tmp_path / "keys.json"
    assert run("keys", "export", file)[0] == 0
    other = tmp_path / "other"
    other.mkdir()
    os.chown(other, 4321, 4321)
    assert run("keys", "import", file, at=other)[0] == 0
    assert {each.stat().st_uid for each in other.iterdir()} == {4321}
