import sqlite3
import stat
import threading

import pytest
from sqlalchemy import select, text, update

from storage.database import FILE_NAME, Database, StorageError, open_database
from storage.schema import SCHEMA_VERSION, VERSION
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
    return open_database(database.path.parent, FakeClock())


def test_the_folder_is_made_for_its_owner_alone(tmp_path):
    database = open_database(tmp_path / "var" / "meshbot", FakeClock())
    assert database.path == tmp_path / "var" / "meshbot" / FILE_NAME
    assert stat.S_IMODE(database.path.parent.stat().st_mode) == 0o700
    database.close()


def test_every_connection_is_set_up_to_survive_a_kill_and_a_pulled_plug(database):
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
    assert database.path.with_name(f"{FILE_NAME}-wal").exists()
    database.close()
    assert [path.name for path in database.path.parent.iterdir()] == [FILE_NAME]


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
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [SCHEMA_VERSION]


def test_a_database_of_another_version_is_refused_and_untouched(database):
    with database.transaction() as connection:
        connection.execute(update(VERSION).values(version_num="0099"))
    with pytest.raises(StorageError, match=r"au format 0099.*mettez le bot à jour"):
        reopened(database)
    with database.transaction() as connection:
        assert connection.scalar(select(VERSION.c.version_num)) == "0099"


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


def test_a_file_that_is_no_database_is_set_aside_and_a_new_one_begun(tmp_path, caplog):
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
    content = bytearray(database.path.read_bytes())
    content[4096 * 4 :] = b"\xa5" * (len(content) - 4096 * 4)
    database.path.write_bytes(content)
    again = open_database(database.path.parent, FakeClock())
    assert digests(again) == []
    again.close()
    assert database.path.with_name(f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == content


@pytest.mark.parametrize("damage_from", [0, 4096])
def test_the_log_goes_aside_with_its_file_and_neither_is_touched(database, tmp_path_factory, damage_from):
    write(database, "checkpointed")
    database.close()
    write(database, "in the log")
    killed = tmp_path_factory.mktemp("killed")
    content = database.path.read_bytes()
    damaged = content[:damage_from] + b"\xa5" * (len(content) - damage_from)
    log = database.path.with_name(f"{FILE_NAME}-wal").read_bytes()
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
    for path in (database.path, database.path.with_name(f"{FILE_NAME}-wal")):
        (killed / path.name).write_bytes(path.read_bytes())
    survivor = open_database(killed, FakeClock())
    assert digests(survivor) == ["in the log"]
    survivor.close()


def test_a_second_damaged_file_in_the_same_second_does_not_replace_the_first(tmp_path):
    for content in (b"first " * 100, b"second " * 100):
        (tmp_path / FILE_NAME).write_bytes(content)
        open_database(tmp_path, FakeClock()).close()
    assert (tmp_path / f"{FILE_NAME}.corrupt-{STAMP}").read_bytes() == b"first " * 100
    assert (tmp_path / f"{FILE_NAME}.corrupt-{STAMP}.1").read_bytes() == b"second " * 100


# Faults say what to do


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
def test_a_refused_write_says_what_to_do_and_the_next_one_starts_afresh(database, fault, words):
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
    other = sqlite3.connect(database.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="verrouillé par un autre programme, fermez-le"):
        write(database)
    other.close()
    write(database)
    assert digests(database) == ["a"]


def test_a_file_that_cannot_be_opened_says_so(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StorageError, match=r"impossible d'ouvrir.*vérifiez que"):
        open_database(tmp_path, FakeClock())


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"impossible à créer.*MESHBOT_DATA_DIR"):
        open_database(tmp_path / "file", FakeClock())


def test_damage_met_while_running_is_told_with_the_cure(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"overwritten " * 100)
    with pytest.raises(StorageError, match="redémarrez le bot: il le mettra de côté"):
        write(Database(tmp_path / FILE_NAME))


def test_other_errors_are_storage_errors_too(database):
    write(database)
    with pytest.raises(StorageError, match="UNIQUE"):
        write(database)
