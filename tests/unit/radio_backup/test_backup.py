import json
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshtastic.protobuf import channel_pb2, config_pb2, mesh_pb2

from meshbot.mesh_link.own_settings import OwnSettings
from meshbot.radio_backup.backup import LONGEST, Backup, BackupError, BackupProblem, open_backup, seal_backup

PRIVATE, PUBLIC = bytes(range(32)), bytes(range(32, 64))
PASSPHRASE = "un deux trois quatre"


def own_settings(**changes):
    security = config_pb2.Config(security=config_pb2.Config.SecurityConfig(public_key=PUBLIC, private_key=PRIVATE))
    lora = config_pb2.Config(lora=config_pb2.Config.LoRaConfig(region=3))
    made = OwnSettings(
        7,
        "2.8.0.abc",
        "TBEAM",
        b"chip",
        mesh_pb2.User(long_name="Relais").SerializeToString(),
        {"lora": lora.SerializeToString(), "security": security.SerializeToString()},
        {},
        (channel_pb2.Channel(index=0).SerializeToString(),),
    )
    return replace(made, **changes)


BACKUP = Backup(own_settings(), 1_700_000_000)
SEALED = seal_backup(BACKUP, PASSPHRASE)


def problem(content, passphrase=PASSPHRASE):
    with pytest.raises(BackupError) as refused:
        open_backup(content, passphrase)
    return refused.value.problem


def test_a_backup_is_opened_with_its_passphrase():
    assert open_backup(SEALED, PASSPHRASE) == BACKUP


def test_nothing_of_it_can_be_read_without():
    for secret in (PRIVATE, PUBLIC, b"Relais"):
        assert secret not in SEALED
        assert b64encode(secret).strip(b"=") not in SEALED
    assert b"Relais" not in b64decode(json.loads(SEALED)["data"])


def test_two_backups_of_the_same_have_nothing_in_common():
    assert json.loads(SEALED)["data"] != json.loads(seal_backup(BACKUP, PASSPHRASE))["data"]


def test_a_wrong_passphrase_opens_nothing():
    assert problem(SEALED, PASSPHRASE + " ") is BackupProblem.PASSPHRASE_OR_DAMAGED


def test_settings_show_no_secret_as_text():
    assert "configs" not in repr(own_settings())


def changed(**values):
    return json.dumps({**json.loads(SEALED), **values}).encode()


def kdf(**values):
    return changed(kdf={**json.loads(SEALED)["kdf"], **values})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", BackupProblem.NOT_A_BACKUP),
        (b"{}", BackupProblem.NOT_A_BACKUP),
        (b"[" * 100_000, BackupProblem.NOT_A_BACKUP),
        (b" " * (LONGEST + 1), BackupProblem.NOT_A_BACKUP),
        (SEALED[: len(SEALED) // 2], BackupProblem.NOT_A_BACKUP),
        (changed(version=2), BackupProblem.NEWER),
        (changed(data=7), BackupProblem.NOT_A_BACKUP),
        (changed(data="AAAA"), BackupProblem.PASSPHRASE_OR_DAMAGED),
        (changed(cipher={"name": "rot13", "nonce": "AAAA"}), BackupProblem.NOT_A_BACKUP),
        (changed(kdf=None), BackupProblem.NOT_A_BACKUP),
        (kdf(n=2**30), BackupProblem.NOT_A_BACKUP),
        (kdf(n=1000), BackupProblem.NOT_A_BACKUP),
        (kdf(r=1000), BackupProblem.NOT_A_BACKUP),
        (kdf(n=2**14), BackupProblem.PASSPHRASE_OR_DAMAGED),
    ],
)
def test_an_odd_file_is_named_as_what_it_is(content, expected):
    assert problem(content) is expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_file_with_one_byte_changed_is_refused_or_the_same(place, flip):
    content = SEALED[:place] + bytes([SEALED[place] ^ flip]) + SEALED[place + 1 :]
    with suppress(BackupError):
        assert open_backup(content, PASSPHRASE) == BACKUP


def test_what_is_no_whole_configuration_is_refused_after_decryption():
    without_keys = own_settings(configs={"lora": own_settings().configs["lora"]})
    assert problem(seal_backup(Backup(without_keys, 1), PASSPHRASE)) is BackupProblem.UNREADABLE
    odd = own_settings(owner=b"\xff\xff")
    assert problem(seal_backup(Backup(odd, 1), PASSPHRASE)) is BackupProblem.UNREADABLE
