import sqlite3
import stat
import threading
from contextlib import closing
from inspect import signature
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import text, update

from meshbot.storage.database import Database, database_of, open_database
from meshbot.storage.errors import DamagedError, StorageError, TooSlowError
from meshbot.storage.nodes import Changes, NodeRow, NodeStore
from meshbot.storage.schema import REVISIONS, VERSION
from meshbot.storage.sqlite import FILE_NAME, SqliteBackend
from meshbot.storage.sqlite_file import FileError, FileProblem, inspect_file
from tests.support.fake_clock import FakeClock

STAMP = "20260105T133558Z"  # the fake clock's start
ROW = "INSERT INTO imports VALUES ('{}', 'somewhere', 1)"


def write(database, digest="a"):
    with database.transaction() as connection:
        connection.execute(text(ROW.format(digest)))


def digests(database):
    with database.transaction() as connection:
        return connection.scalars(text("SELECT digest FROM imports")).all()


def pragma(database, name):
    with database.transaction() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def reopened(database):
    database.close()
    return open_database(database.backend.path.parent, FakeClock())


def test_the_folder_is_made_for_its_owner_alone(tmp_path):
    database = open_database(tmp_path / "var" / "meshbot", FakeClock())
    assert database.backend.path == tmp_path / "var" / "meshbot" / FILE_NAME
    assert stat.S_IMODE(database.backend.path.parent.stat().st_mode) == 0o700
    database.close()


def test_a_folder_that_may_not_be_entered_is_named_with_its_cure(tmp_path):
    database, denied = open_database(tmp_path, FakeClock()), PermissionError(13, "Permission denied")
    with (
        mock.patch.object(Path, "is_file", side_effect=denied),
        pytest.raises(StorageError, match=rf"dossier {tmp_path} fermé .*\(chown\)"),
    ):
        database.backend.check([])
    database.close()


def test_every_connection_survives_a_kill_and_a_power_cut(database):
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2  # FULL
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "busy_timeout") == 50  # milliseconds
    database.close()
    assert pragma(database, "synchronous") == 2


def test_what_was_committed_is_there_after_reopening(database):
    write(database)
    again = reopened(database)
    assert digests(again) == ["a"]
    again.close()


def test_a_failing_transaction_leaves_nothing(database):
    def fail():
        with database.transaction() as connection:
            connection.execute(text(ROW.format("a")))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert digests(database) == []


def test_the_file_is_closed_into_one_piece(database):
    write(database)
    assert database.backend.path.with_name(f"{FILE_NAME}-wal").exists()
    database.close()
    assert [path.name for path in database.backend.path.parent.iterdir()] == [FILE_NAME]


def test_threads_share_the_one_connection(database):
    threads = [threading.Thread(target=write, args=(database, str(number))) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(digests(database)) == 20


# Versions


def test_the_version_is_left_where_a_migration_tool_looks_for_it(database):
    with database.transaction() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [REVISIONS[-1]]


def test_a_database_of_another_version_is_refused_and_untouched(database):
    with database.transaction() as connection:
        connection.execute(update(VERSION).values(version_num="0099"))
        connection.execute(text("DROP TABLE imports"))
    database.close()
    content = database.backend.path.read_bytes()
    with pytest.raises(StorageError, match=r"au format 0099.*mettez le bot à jour"):
        reopened(database)
    assert database.backend.path.read_bytes() == content


def test_a_start_that_was_killed_before_all_tables_were_made_is_completed(database):
    with database.transaction() as connection:
        connection.execute(text("DROP TABLE imports"))
        connection.execute(text("DELETE FROM alembic_version"))
    again = reopened(database)
    assert digests(again) == []
    again.close()


# Damage


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_is_no_database_is_set_aside_and_replaced(tmp_path, caplog):
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    database = open_database(tmp_path, FakeClock())
    write(database)
    database.close()
    assert names(tmp_path) == [FILE_NAME, f"{FILE_NAME}.corrupt-{STAMP}"]
    assert (tmp_path / f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == b"not a database at all" * 100
    (line,) = caplog.records
    assert line.levelname == "ERROR"
    assert "n'est pas une base de données" in line.message
    assert f"{FILE_NAME}.corrupt-{STAMP}" in line.message
    assert line.exc_info is None


def test_damage_inside_a_sound_looking_file_is_found(database):
    for number in range(2000):
        write(database, str(number))
    database.close()
    content = bytearray(database.backend.path.read_bytes())
    content[4096 * 4 :] = b"\xa5" * (len(content) - 4096 * 4)
    database.backend.path.write_bytes(content)
    again = open_database(database.backend.path.parent, FakeClock())
    assert digests(again) == []
    again.close()
    assert database.backend.path.with_name(f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == content


def test_damage_that_sqlite_cannot_even_put_into_words_is_found(database):
    write(database)
    database.close()
    content = database.backend.path.read_bytes()
    # SQLite quotes the name in its message, which is no UTF-8 then
    content = content.replace(b"CREATE TABLE nodes", b"CREATE TABLX nodes").replace(b"tablenodes", b"table\xd4\xffdes")
    database.backend.path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        inspect_file(database.backend.path)
    assert caught.value.problem is FileProblem.DAMAGED
    again = open_database(database.backend.path.parent, FakeClock())
    assert digests(again) == []
    again.close()
    assert database.backend.path.with_name(f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == content


def test_a_file_without_its_first_tables_is_set_aside(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as writer, writer:
        writer.execute("CREATE TABLE alembic_version (version_num TEXT)")
        writer.execute("INSERT INTO alembic_version VALUES (?)", (REVISIONS[-1],))
    database = open_database(tmp_path, FakeClock())
    write(database)
    database.close()
    assert f"{FILE_NAME}.corrupt-{STAMP}" in names(tmp_path)


def test_a_text_that_is_no_utf_8_is_damage(database):
    write(database)
    database.close()
    content = database.backend.path.read_bytes()
    database.backend.path.write_bytes(content.replace(REVISIONS[-1].encode(), b"\xd4\xff\xfe\xfd"))
    again = open_database(database.backend.path.parent, FakeClock())
    assert digests(again) == ["a"]
    again.close()
    assert f"{FILE_NAME}.corrupt-{STAMP}" in names(database.backend.path.parent)


@pytest.mark.parametrize("damage_from", [0, 4096])
def test_the_log_goes_aside_with_its_file_and_neither_is_touched(database, tmp_path_factory, damage_from):
    write(database, "checkpointed")
    database.close()
    write(database, "in the log")
    killed = tmp_path_factory.mktemp("killed")
    content = database.backend.path.read_bytes()
    damaged = content[:damage_from] + b"\xa5" * (len(content) - damage_from)
    log = database.backend.path.with_name(f"{FILE_NAME}-wal").read_bytes()
    (killed / FILE_NAME).write_bytes(damaged)
    (killed / f"{FILE_NAME}-wal").write_bytes(log)
    open_database(killed, FakeClock()).close()
    aside = killed / f"{FILE_NAME}.corrupt-{STAMP}"
    assert aside.read_bytes() == damaged
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == log
    assert (killed / FILE_NAME).exists()


def test_what_a_killed_process_left_in_its_log_is_read(database, tmp_path_factory):
    write(database, "in the log")
    killed = tmp_path_factory.mktemp("killed")
    for path in (database.backend.path, database.backend.path.with_name(f"{FILE_NAME}-wal")):
        (killed / path.name).write_bytes(path.read_bytes())
    survivor = open_database(killed, FakeClock())
    assert digests(survivor) == ["in the log"]
    survivor.close()


def test_two_files_damaged_in_one_second_are_both_set_aside(tmp_path):
    for content in (b"first " * 100, b"second " * 100):
        (tmp_path / FILE_NAME).write_bytes(content)
        open_database(tmp_path, FakeClock()).close()
    assert (tmp_path / f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == b"first " * 100
    assert (tmp_path / f"{FILE_NAME}.corrupt-{STAMP}.1").read_bytes() == b"second " * 100


# Errors name the remedy


def refuse(database, pragma_text):
    """Make the one connection refuse to write."""
    with database.transaction() as connection:
        connection.exec_driver_sql(f"PRAGMA {pragma_text}")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("query_only = ON", "écriture refusée, donnez au compte du bot le droit d'écrire"),
        ("max_page_count = 1", "disque plein, libérez de la place"),
    ],
)
def test_a_refused_write_names_the_remedy_and_the_next_reopens(database, fault, words):
    def fill():
        with database.transaction() as connection:
            for number in range(1000):
                connection.execute(text(ROW.format(number)))

    refuse(database, fault)
    with pytest.raises(StorageError, match=words):
        fill()
    fill()
    assert len(digests(database)) == 1000


def test_a_database_locked_by_another_program_says_so(database):
    other = sqlite3.connect(database.backend.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="verrouillé par un autre programme, fermez-le"):
        write(database)
    other.close()
    write(database)
    assert digests(database) == ["a"]


def test_a_connection_opened_during_a_fault_is_not_kept(database, tmp_path):
    holder = sqlite3.connect(database.backend.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError):
        write(database)
    with database.reading() as connection:
        opened = connection.connection.dbapi_connection
    holder.close()
    write(database)
    with pytest.raises(sqlite3.ProgrammingError):
        opened.total_changes  # noqa: B018 - which a closed one refuses
    with database.reading() as connection:
        opened = connection.connection.dbapi_connection
    write(database, "b")
    assert opened.total_changes == 0


def test_a_file_that_cannot_be_opened_says_so(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StorageError, match=r"impossible d'ouvrir.*vérifiez que"):
        open_database(tmp_path, FakeClock())


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"impossible à créer.*MESHBOT_DATA_DIR"):
        open_database(tmp_path / "file", FakeClock())


def test_a_file_overwritten_while_closed_is_set_aside(database):
    database.close()
    database.backend.path.write_bytes(b"overwritten " * 100)
    write(database)
    assert digests(database) == ["a"]
    assert names(database.backend.path.parent)[-1] == f"{FILE_NAME}.corrupt-{STAMP}"


def test_other_errors_are_storage_errors_too(database):
    write(database)
    with pytest.raises(StorageError, match="UNIQUE"):
        write(database)


# Damage that shows while running

PACKET = "INSERT INTO packets (rx_time, sender, recipient, packet_id, via_mqtt, size) VALUES (1, 2, 3, {}, false, 4)"
COUNT = "SELECT count(*), sum(size) FROM packets"


def count_packets(database):
    with database.reading() as connection:
        return connection.execute(text(COUNT)).one()[0]


@pytest.fixture
def damaged_within(database):
    """A file that was closed well, with a table destroyed that is too large to be checked at each start."""
    write(database, "precious")
    with database.transaction() as connection:
        for number in range(5000):
            connection.execute(text(PACKET.format(number)))
        page = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'packets'"))
    database.close()
    with database.backend.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    return database


def test_damage_met_while_running_is_set_aside_and_precious_rows_rescued(damaged_within, caplog):
    caplog.set_level("INFO")
    database = damaged_within
    assert digests(database) == ["precious"]
    content = database.backend.path.read_bytes()
    with pytest.raises(StorageError, match="est abîmé, il est mis de côté"):
        count_packets(database)
    write(database, "next")
    assert digests(database) == ["next", "precious"]
    assert count_packets(database) == 0
    assert names(database.backend.path.parent)[3] == f"{FILE_NAME}.corrupt-{STAMP}"
    assert database.backend.path.with_name(f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == content
    assert [line.levelname for line in caplog.records] == ["ERROR", "ERROR", "INFO"]
    assert "1 lignes sauvées" in caplog.text
    assert database.generation == 3


def test_the_log_of_a_damaged_file_is_set_aside_too(damaged_within):
    write(damaged_within, "in the log")
    log = damaged_within.backend.path.with_name(f"{FILE_NAME}-wal").read_bytes()
    with pytest.raises(StorageError):
        count_packets(damaged_within)
    assert digests(damaged_within) == ["in the log", "precious"]
    assert damaged_within.backend.path.with_name(f"{FILE_NAME}.corrupt-{STAMP}-wal").read_bytes() == log
    write(damaged_within, "new")
    again = reopened(damaged_within)
    assert digests(again) == ["in the log", "new", "precious"]
    again.close()


def test_a_damaged_file_waits_for_the_transactions_under_way(damaged_within):
    with damaged_within.reading() as connection:
        with pytest.raises(StorageError, match="abîmé"):
            count_packets(damaged_within)
        with pytest.raises(StorageError, match="remise en état, réessayez"):
            write(damaged_within)
        assert connection.scalar(text("SELECT digest FROM imports")) == "precious"
    write(damaged_within)
    assert digests(damaged_within) == ["a", "precious"]


def test_bad_rows_do_not_keep_others_from_being_rescued(database):
    with database.transaction() as connection:
        for num in (1, 2):
            connection.exec_driver_sql(
                "INSERT INTO nodes VALUES (?, 'A', '', '', '', 1, 1, 1, 1, '', NULL, NULL)", (num,)
            )
        for number in range(9):
            key = bytes([number]) * 32
            row = (number % 2 + 1, key, "nodedb", "pending", 1, 1)
            connection.exec_driver_sql("INSERT INTO public_keys VALUES (?, ?, ?, ?, ?, ?, '', NULL)", row)
    raw = sqlite3.connect(database.backend.path)
    raw.execute("DELETE FROM nodes WHERE num = 2")  # without foreign keys in force
    raw.commit()
    raw.close()
    database._damage, database._is_open = DamagedError("damaged by the test"), False
    with database.reading() as connection:
        assert connection.scalars(text("SELECT num FROM public_keys")).all() == [1] * 5


def test_a_query_that_takes_too_long_is_no_database_failure(database, caplog):
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with pytest.raises(TooSlowError, match="demandez une période plus courte"), database.reading(0.05) as connection:
        connection.execute(text(endless))
    write(database)
    assert digests(database) == ["a"]
    assert caplog.messages == []


def test_a_question_may_take_two_seconds_unless_it_is_given_another_time():
    assert signature(Database.reading).parameters["seconds"].default == 2.0


def test_readers_cannot_write(database):
    with pytest.raises(StorageError), database.reading() as connection:
        connection.execute(text(ROW.format("a")))


def test_readers_do_not_wait_for_a_writer(database):
    write(database)
    with database.transaction() as connection:
        connection.execute(text(ROW.format("b")))
        assert digests_read(database) == ["a"]
    assert digests_read(database) == ["a", "b"]


def digests_read(database):
    with database.reading() as connection:
        return connection.scalars(text("SELECT digest FROM imports")).all()


def test_a_database_that_opens_later_is_logged_once_each_way(tmp_path, caplog):
    (tmp_path / FILE_NAME).mkdir()
    database = Database(SqliteBackend(tmp_path / FILE_NAME, busy_timeout=0.05), FakeClock())
    for _ in range(3):
        with pytest.raises(StorageError, match="impossible d'ouvrir"):
            write(database)
    (tmp_path / FILE_NAME).rmdir()
    caplog.set_level("INFO")
    write(database)
    write(database, "b")
    assert [line.levelname for line in caplog.records] == ["ERROR", "INFO"]
    database.close()


def test_an_address_without_its_driver_or_sense_says_what_to_do(tmp_path):
    with pytest.raises(StorageError, match="postgresql://nom"):
        database_of("nonsense", tmp_path, FakeClock())


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path):
    pytest.importorskip("psycopg")
    database = database_of("postgresql://bot:s3cret@127.0.0.1:1/mesh", tmp_path, FakeClock())
    with pytest.raises(StorageError, match=r"la base mesh de 127\.0\.0\.1 refuse") as failure:
        write(database)
    assert "s3cret" not in str(failure.value)
    database.close()


@pytest.mark.parametrize("wreck", ["file", "folder", "another"])
def test_a_deleted_or_replaced_database_is_logged_once_and_reopened(tmp_path, caplog, wreck):
    folder = tmp_path / "data"
    database = open_database(folder, FakeClock())
    if wreck == "another":
        other = open_database(tmp_path / "other", FakeClock())
        NodeStore(other).save(Changes(nodes={9: NodeRow(9)}))
        other.close()
        (tmp_path / "other" / FILE_NAME).replace(folder / FILE_NAME)
    else:
        for path in folder.iterdir():
            path.unlink()
    if wreck == "folder":
        folder.rmdir()
    NodeStore(database).save(Changes(nodes={7: NodeRow(7)}))
    NodeStore(database).save(Changes(nodes={8: NodeRow(8)}))
    assert database.generation == 2
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert line.endswith("a été supprimée ou remplacée. Elle est rouverte avec ce qui est en mémoire")
    database.close()
    again = open_database(folder, FakeClock())
    assert set(NodeStore(again).load().nodes) == {7, 8} | ({9} if wreck == "another" else set())
    again.close()
