"""A database of any earlier version becomes the present one, without loss, or stays what it was."""

import logging
import subprocess
import sys
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text

from meshbot.storage import migrations
from meshbot.storage.custody import CustodyStore
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.mail import MailStore
from meshbot.storage.migrations.upgrade import upgrade
from meshbot.storage.nodes import Changes, KeyRow, KeySource, KeyStatus, NodeRow, NodeStore
from meshbot.storage.packet_log import PacketLog
from meshbot.storage.schema import METADATA, REVISIONS
from meshbot.storage.sqlite import FILE_NAME, SqliteBackend
from tests.support.fake_clock import FakeClock
from tests.support.old_tables import counted, fill

ALICE = NodeRow(7, "Alice", "AL", "TBEAM", "ROUTER", 48.5, 2.25, 35, 100)
KEY = KeyRow(7, bytes(range(32)), KeySource.NODEDB, KeyStatus.TRUSTED, 1, 2)


@pytest.fixture
def oldest(tmp_path):
    """A folder with a database as the first version of the program left it."""
    backend = SqliteBackend(tmp_path / FILE_NAME)
    with backend.writer.begin() as connection:
        upgrade(connection, "0001")
        connection.execute(text("INSERT INTO nodes VALUES (7, 'Alice', 'AL', 'TBEAM', 'ROUTER', 48.5, 2.25, 35, 100)"))
        row = {"key": bytes(range(32))}
        connection.execute(text("INSERT INTO public_keys VALUES (7, :key, 'nodedb', 'trusted', 1, 2)"), row)
    backend.close()
    return tmp_path


def version(database):
    with database.reading() as connection:
        return connection.scalars(text("SELECT version_num FROM alembic_version")).all()


def test_the_oldest_database_is_upgraded_and_keeps_its_rows(oldest, caplog):
    caplog.set_level(logging.INFO)
    database = open_database(oldest, FakeClock())
    assert version(database) == [REVISIONS[-1]]
    snapshot = NodeStore(database).load()
    assert (snapshot.nodes, snapshot.trusted) == ({7: ALICE}, {7: KEY})
    NodeStore(database).save(Changes(nodes={8: NodeRow(8)}))
    assert f"🗄️ Base de données mise à jour: format 0001 → {REVISIONS[-1]}" in caplog.messages
    database.close()


def test_rows_of_every_earlier_version_are_kept(tmp_path):
    backend = SqliteBackend(tmp_path / FILE_NAME)
    kept = {}
    for revision in REVISIONS:
        with backend.writer.begin() as connection:
            upgrade(connection, revision)
            found = counted(connection)
            assert {name: found[name] for name in kept} == kept
            kept = fill(connection)
    backend.close()
    assert kept.keys() == {*METADATA.tables, "alembic_version"}


def test_mails_of_earlier_versions_count_as_unproven(tmp_path):
    backend = SqliteBackend(tmp_path / FILE_NAME)
    with backend.writer.begin() as connection:
        upgrade(connection, "0002")
        connection.execute(text("INSERT INTO mail VALUES (1, 7, 8, 'salut', 10, NULL, NULL)"))
    backend.close()
    database = open_database(tmp_path, FakeClock())
    assert [mail.proven for mail in MailStore(database).mails_of([8])] == [False]
    database.close()


def test_an_upgraded_database_is_what_a_new_one_is(oldest):
    database = open_database(oldest, FakeClock())
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    database.close()


def test_upgraded_and_new_tables_have_the_same_columns_in_the_same_order(oldest, tmp_path_factory):
    described = []
    for folder in (oldest, tmp_path_factory.mktemp("new")):
        database = open_database(folder, FakeClock())
        with database.reading() as connection:
            columns = (
                "SELECT m.name, m.sql LIKE '%WITHOUT ROWID%', c.* FROM sqlite_master m, pragma_table_info(m.name) c"
            )
            found = connection.execute(text(f"{columns} WHERE m.name != 'alembic_version' ORDER BY m.name, c.cid"))
            described.append(found.all())
        database.close()
    assert described[0] == described[1]


def test_an_upgrade_that_fails_changes_nothing_and_is_tried_again(oldest, monkeypatch):
    backend = SqliteBackend(oldest / FILE_NAME)

    def refuse_mail(_connection, _cursor, statement, *_):
        if "CREATE TABLE mail" in statement:
            raise KeyboardInterrupt

    event.listen(backend.writer, "before_cursor_execute", refuse_mail)
    with pytest.raises(KeyboardInterrupt), backend.writer.begin() as connection:
        upgrade(connection)
    backend.close()
    backend = SqliteBackend(oldest / FILE_NAME)
    with backend.reader.begin() as connection:
        tables = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).all()
        assert tables == ["alembic_version", "imports", "nodes", "public_keys"]
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == ["0001"]
    backend.close()
    database = open_database(oldest, FakeClock())
    assert version(database) == [REVISIONS[-1]]
    database.close()


def test_the_revisions_that_the_program_knows_are_those_that_exist_in_order():
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


def test_alembic_is_loaded_only_for_an_upgrade(tmp_path):
    code = """if True:
        import sys
        from pathlib import Path
        from meshbot.runtime.clock import SystemClock
        from meshbot.storage.database import open_database
        for _ in range(2):
            open_database(Path(sys.argv[1]), SystemClock()).close()
        sys.exit("alembic" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


def test_an_unknown_revision_is_refused(oldest):
    backend = SqliteBackend(oldest / FILE_NAME)
    with backend.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    backend.close()
    with pytest.raises(StorageError, match="au format 0000"):
        open_database(oldest, FakeClock())


def test_nodes_of_the_previous_version_keep_their_first_day(tmp_path):
    backend = SqliteBackend(tmp_path / FILE_NAME)
    with backend.writer.begin() as connection:
        upgrade(connection, "0005")
        for num in (7, 8):
            state = "NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
            connection.execute(text(f"INSERT INTO node_states VALUES ({num}, 500000, {state})"))
        connection.execute(text("INSERT INTO node_days VALUES (86400, 7, 1, 1), (172800, 7, 1, 1)"))
    backend.close()
    database = open_database(tmp_path, FakeClock())
    assert version(database) == [REVISIONS[-1]]
    states = PacketLog(database).load_states()
    assert (states[7].first_heard, states[7].observed_for) == (86400, 413600)
    assert (states[8].first_heard, states[8].observed_for) == (None, 0)
    database.close()


def test_who_wrote_to_us_before_the_upgrade_is_known_to_custody(tmp_path):
    own, everybody = 1, 0xFFFFFFFF
    packets = [(7, own, 1), (7, own, 1), (8, own, 1), (9, own, 3), (7, everybody, 1), (10, 11, 1)]
    backend = SqliteBackend(tmp_path / FILE_NAME)
    with backend.writer.begin() as connection:
        upgrade(connection, "0011")
        for number, (sender, recipient, port) in enumerate(packets, 1):
            values = f"{number}, {1000 + number}, {sender}, {recipient}, {number}, 0, {port}, 0, 3, 1.0, -80, 0, 5"
            connection.execute(text(f"INSERT INTO packets VALUES ({values})"))
    backend.close()
    database = open_database(tmp_path, FakeClock())
    rows, own_radio = CustodyStore(database).load()
    assert {num: row.dm_at for num, row in rows.items()} == {7: 1002, 8: 1003}
    assert own_radio is None
    database.close()


def test_keys_of_earlier_versions_may_be_revoked(oldest):
    database = open_database(oldest, FakeClock())
    store = NodeStore(database)
    revoked = replace(KEY, status=KeyStatus.REVOKED, decided_by="telegram:1", acked_at=5)
    store.save(Changes(keys={(7, KEY.public_key): revoked}))
    assert store.load().revoked == {7: [revoked]}
    with pytest.raises(StorageError), database.transaction() as connection:
        connection.execute(text("UPDATE public_keys SET status = 'lost'"))
    with pytest.raises(StorageError), database.transaction() as connection:
        connection.execute(
            text("INSERT INTO public_keys VALUES (99, :key, 'nodedb', 'trusted', 1, 2, '', NULL)"), {"key": bytes(32)}
        )
    database.close()
