"""The running bot saves its node's configuration once a night, from what its link brought."""

import logging
import stat
from datetime import timedelta

import pytest
from meshtastic.protobuf import admin_pb2, mesh_pb2
from pydantic import SecretStr

from meshbot.mesh_link.connecting import LinkTarget
from meshbot.mesh_link.own_node_client import OwnNodeClient
from meshbot.persistence import housekeeping
from meshbot.persistence.daily_backup import BACKUP_FOLDER, backups_in
from meshbot.radio_backup.backup import open_backup
from meshbot.radio_backup.nightly import FOLDER, KEPT, NightlyBackup, names_in
from meshbot.storage.sqlite_file import inspect_file
from tests.support.bot import RunningBot
from tests.support.fake_clock import FakeClock

PASSPHRASE = "correct horse battery"


@pytest.fixture
def firmware_version():
    return "2.7.26"


@pytest.fixture
def node(new_node, firmware_version):
    with new_node(nodes=6, firmware_version=firmware_version) as node:
        yield node


@pytest.fixture
def client(node, clock):
    target = LinkTarget("127.0.0.1", node.port, connect_timeout=5.0, send_timeout=5.0, user_timeout=0.0)
    with OwnNodeClient(target, clock) as client:
        yield client


class Nights:
    """The nightly backup, with a clock of its own that is moved by days."""

    def __init__(self, folder, client, passphrase=PASSPHRASE):
        self.folder = folder / FOLDER
        self.client = client
        self.clock = FakeClock()
        self.nightly = NightlyBackup(folder, SecretStr(passphrase), self.clock, lambda: self.client._interface)

    def pass_one(self, number=1):
        """Have a day pass, and the node renamed in it."""
        user = mesh_pb2.User(long_name=f"Nuit {number}")
        self.client.send(admin_pb2.AdminMessage(set_owner=user).SerializeToString())
        own = self.client._interface.nodesByNum[self.client._interface.own_num]
        own["user"] = {**own["user"], "longName": f"Nuit {number}"}
        self.clock.advance(timedelta(days=1).total_seconds())
        self.nightly.look()

    @property
    def names(self):
        return names_in(self.folder)


@pytest.fixture
def nights(tmp_path, client):
    return Nights(tmp_path, client)


def test_a_night_makes_one_file_that_only_its_owner_reads(nights, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(3):
        nights.nightly.look()
    (name,) = nights.names
    assert stat.S_IMODE((nights.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(nights.folder.stat().st_mode) == 0o700
    saved = open_backup((nights.folder / name).read_bytes(), PASSPHRASE)
    assert saved.settings == nights.client.settings()
    assert f"💾 Radio sauvegardée: {name}" in caplog.messages


def test_a_night_without_a_change_makes_no_file(nights):
    nights.nightly.look()
    nights.clock.advance(timedelta(days=1).total_seconds())
    nights.nightly.look()
    assert len(nights.names) == 1


def test_seven_changed_nights_are_kept(nights):
    for number in range(KEPT + 1):
        nights.pass_one(number)
    assert len(nights.names) == KEPT
    assert nights.names == sorted(nights.names)


def test_another_passphrase_makes_a_new_file_the_next_night(nights, tmp_path, client):
    nights.nightly.look()
    other = Nights(tmp_path, client, PASSPHRASE + "!")
    other.clock.advance(timedelta(days=1).total_seconds())
    other.nightly.look()
    assert len(nights.names) == 2


def test_a_node_that_was_reset_is_not_saved_over_its_past(nights, caplog):
    nights.client._interface.localNode.localConfig.lora.region = 0
    nights.nightly.look()
    assert nights.names == []
    assert "⚠️ Pas de sauvegarde de la radio cette nuit" in caplog.text


@pytest.mark.parametrize("firmware_version", ["2.8.0"])
def test_a_node_just_renumbered_is_not_saved_without_its_name(node, nights):
    before = node.num
    node.fault("renumber")
    node.wait_until(lambda: nights.client._interface.own_num not in {0, before})
    nights.nightly.look()
    assert nights.names == []


def test_a_disk_that_refuses_is_named_and_tried_again(nights, caplog):
    nights.folder.write_text("in the way")
    nights.nightly.look()
    assert "❌ Sauvegarde de la radio non écrite" in caplog.text
    nights.folder.unlink()
    nights.nightly.look()
    assert len(nights.names) == 1


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_the_running_bot_saves_only_with_a_passphrase(node, tmp_path, clock, monkeypatch, passphrase, caplog):
    monkeypatch.setattr(housekeeping, "UPKEEP_EVERY", 10.0)
    settings = {"radio_backup_passphrase": passphrase} if passphrase else {}
    with RunningBot(node.port, tmp_path, clock, **settings) as running:
        running.wait_ready(1)
        if passphrase:
            running.log.wait_for("💾 Radio sauvegardée")
    assert len(names_in(tmp_path / FOLDER)) == bool(passphrase)
    assert passphrase == "" or passphrase not in caplog.text


@pytest.mark.parametrize("keep", [0, 7])
def test_the_running_bot_copies_its_database_while_it_writes(node, tmp_path, clock, monkeypatch, keep):
    monkeypatch.setattr(housekeeping, "UPKEEP_EVERY", 10.0)
    with RunningBot(node.port, tmp_path, clock, database_backups=keep) as running:
        running.wait_ready(1)
        if keep:
            running.log.wait_for("💾 Base de données sauvegardée")
    copies = backups_in(tmp_path / BACKUP_FOLDER)
    assert len(copies) == bool(keep)
    assert all(inspect_file(tmp_path / BACKUP_FOLDER / copy).rows["nodes"] >= 6 for copy in copies)
