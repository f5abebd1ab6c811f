"""A PostgreSQL server does what the file does: the same tests of the stores, and those of a server's own ways."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from meshbot.storage.database import database_of
from meshbot.storage.errors import StorageError, TooSlowError
from meshbot.storage.migrations.upgrade import upgrade
from meshbot.storage.nodes import NodeStore
from meshbot.storage.schema import METADATA, REVISIONS
from meshbot.storage.server import ServerBackend
from tests.support.configured import make_node_manager
from tests.support.fake_clock import FakeClock
from tests.support.nodes import ALICE, key, record
from tests.support.old_tables import counted, fill
from tests.support.postgresql import Server, execute
from tests.unit.mesh_memory import test_memory
from tests.unit.mesh_memory.test_mailbox import *  # noqa: F403 - the same tests, on the server
from tests.unit.storage.test_mail import *  # noqa: F403
from tests.unit.storage.test_nodes import *  # noqa: F403
from tests.unit.storage.test_outbox import *  # noqa: F403
from tests.unit.storage.test_packet_log import *  # noqa: F403

UNUSED = Path("/nonexistent")


@pytest.fixture
def empty(postgresql):
    execute(postgresql, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return postgresql


@pytest.fixture
def database(postgresql):
    """Give an opened database with nothing in it; the tables of an earlier test are used again if all are there."""
    outside = create_engine(psycopg(postgresql), poolclass=NullPool)
    with outside.begin() as connection:
        found = set(inspect(connection).get_table_names())
        version = "alembic_version" in found and connection.scalar(text("SELECT version_num FROM alembic_version"))
        if found == {*METADATA.tables, "alembic_version"} and version == REVISIONS[-1]:
            tables = ", ".join(METADATA.tables)
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        else:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    opened = database_of(postgresql, UNUSED, FakeClock())
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server():
    """Give a server that a test may stop and start."""
    server = Server.alone()
    yield server
    server.remove()


@pytest.fixture
def stoppable(server):
    execute(server.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    opened = database_of(server.url, UNUSED, FakeClock())
    opened.open()
    yield opened
    opened.close()


def psycopg(url):
    return make_url(url).set(drivername="postgresql+psycopg")


class Bench(test_memory.Bench):
    def __init__(self, database):
        self.clock = FakeClock()
        self.database = database
        self.restart()


@pytest.fixture
def bench(database):
    return Bench(database)


memory = test_memory.memory
test_traffic_is_grouped = test_memory.test_traffic_is_grouped
test_a_signal_over_time = test_memory.test_a_signal_over_time
test_who_hears_whom = test_memory.test_who_hears_whom
test_the_longest_links = test_memory.test_the_longest_links
test_the_air_over_time = test_memory.test_the_air_over_time


def test_new_tables_are_those_that_the_program_describes(empty, database):
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_tables_of_the_first_version_become_those_that_the_program_describes(empty):
    backend = ServerBackend(empty)
    with backend.writer.begin() as connection:
        upgrade(connection, "0001")
        connection.execute(text("INSERT INTO imports VALUES ('abc', 'somewhere', 1)"))
    backend.close()
    database = database_of(empty, UNUSED, FakeClock())
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == REVISIONS[-1]
        assert connection.scalar(text("SELECT digest FROM imports")) == "abc"
    database.close()


def test_rows_of_every_earlier_version_are_kept(empty):
    backend = ServerBackend(empty)
    kept = {}
    for revision in REVISIONS:
        with backend.writer.begin() as connection:
            upgrade(connection, revision)
            found = counted(connection)
            assert {name: found[name] for name in kept} == kept
            kept = fill(connection)
    backend.close()
    database = database_of(empty, UNUSED, FakeClock())
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert counted(connection) == kept
    database.close()


def test_a_second_bot_is_kept_out_until_the_first_one_ends(postgresql, database, caplog):
    manager = make_node_manager(NodeStore(database), FakeClock())
    manager.learn_from_node_database([record(ALICE, key(1))])
    second = database_of(postgresql, UNUSED, FakeClock())
    with pytest.raises(StorageError, match="est déjà utilisée par un autre bot, arrêtez-le ou changez database_url"):
        second.open()
    rows = NodeStore(second)
    with pytest.raises(StorageError):
        rows.load()
    assert manager.flush()
    database.close()
    assert make_node_manager(NodeStore(second), FakeClock()).public_key(ALICE) == key(1)
    with pytest.raises(StorageError, match="autre bot"):
        database.open()
    second.close()
    database.open()


def test_after_the_server_was_away_another_bot_is_kept_out_again(server, stoppable):
    server.stop()
    with pytest.raises(StorageError), stoppable.transaction() as connection:
        connection.execute(text("SELECT 1"))
    server.start()
    with stoppable.transaction() as connection:
        connection.execute(text("SELECT 1"))
    second = database_of(server.url, UNUSED, FakeClock())
    with pytest.raises(StorageError, match="autre bot"):
        second.open()


def test_a_newer_database_is_refused(database):
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    database.close()
    with pytest.raises(StorageError, match="au format 0099"):
        database.open()


def test_a_question_that_takes_too_long_is_cut_short(database):
    with pytest.raises(TooSlowError), database.reading(0.05) as connection:
        connection.execute(text("SELECT pg_sleep(30)"))


def test_a_server_that_comes_back_gets_what_it_missed(server, stoppable, caplog):
    caplog.set_level("INFO")
    manager = make_node_manager(NodeStore(stoppable), FakeClock())
    server.stop()
    manager.learn_from_node_database([record(ALICE, key(1))])
    assert not manager.flush()
    server.start()
    assert manager.flush()
    assert make_node_manager(NodeStore(stoppable), FakeClock()).public_key(ALICE) == key(1)
    assert [line.levelname for line in caplog.records] == ["ERROR", "INFO"]
    assert "s3cret" not in caplog.text


def test_a_server_that_was_read_only_gets_what_it_missed(postgresql, database, caplog):
    caplog.set_level("INFO")
    manager = make_node_manager(NodeStore(database), FakeClock())
    outside, name = create_engine(psycopg(postgresql), poolclass=NullPool), make_url(postgresql).database

    def set_read_only(value):
        # a session that began while it was so stays so
        with outside.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}"))

    set_read_only("on")
    database.close()
    manager.learn_from_node_database([record(ALICE, key(1))])
    assert not manager.flush()
    with database.reading() as connection:
        assert connection.scalar(text("SHOW default_transaction_read_only")) == "on"
    set_read_only("off")
    assert manager.flush()
    assert make_node_manager(NodeStore(database), FakeClock()).public_key(ALICE) == key(1)
    assert [line.levelname for line in caplog.records] == ["ERROR", "INFO"]
    assert caplog.messages[-1] == "✅ Base de données de nouveau accessible"
