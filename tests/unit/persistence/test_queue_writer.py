"""What waits to go on air survives: batches, a database that refuses or is replaced, rows that cannot be read."""

from dataclasses import replace
from math import inf

import pytest
from sqlalchemy import text

from meshbot.persistence.queue_writer import QueueChanges, QueueWriter
from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, Priority, TelegramOrigin
from meshbot.sending.queued_text import PartState, SavedPart
from meshbot.storage.database import open_database
from meshbot.storage.outbox import OutboxStore
from tests.support.fake_clock import FakeClock
from tests.support.outbox_store import FileStore

WRITE_EVERY = 1.0  # seconds between two commits

PART = SavedPart(
    id=1,
    text_id=1,
    created=100,
    priority=Priority.MAIL,
    to=7,
    channel=0,
    text="bonjour",
    reply_id=9,
    want_ack=True,
    packet_id=0xFFFFFFFF,
    expires_at=400,
    state=PartState.SENT,
    attempts=1,
    sent_at=120,
    origin=TelegramOrigin(-100, 5, 77),
)


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "outbox.json")


@pytest.fixture
def restored():
    return []


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def writer(store, clock, restored):
    writer = QueueWriter(store, clock, restored.extend)
    writer.flush()
    return writer


def parts(*ids):
    return QueueChanges({number: replace(PART, id=number, text_id=number) for number in ids})


GONE = QueueChanges({1: None})


def fill(store, *changes):
    """Leave what an earlier process wrote."""
    earlier = QueueWriter(store, FakeClock(), print)
    for each in changes:
        earlier.take(each)
    assert earlier.flush()


def restored_by_next_process(store):
    found = []
    QueueWriter(store, FakeClock(), found.extend).flush()
    return found


def test_a_packet_comes_back_as_it_was(writer, store):
    writer.take(QueueChanges({1: PART}))
    writer.flush()
    assert restored_by_next_process(store) == [PART]


def test_origins_of_the_previous_version_load_and_are_stored_unchanged(tmp_path):
    stored = ["", "mail:20001eef:1800000000", "echo:1234", "telegram:-1001234567890:5:77", "telegram:42:0:77"]
    database = open_database(tmp_path, FakeClock())
    insert = text("INSERT INTO outbox VALUES (:n, :n, 100, 3, 7, 0, 'x', 0, 1, :n, 400, 'waiting', 0, NULL, :origin)")
    with database.transaction() as connection:
        connection.execute(insert, [{"n": n, "origin": origin} for n, origin in enumerate(stored)])
    restored = []
    writer = QueueWriter(OutboxStore(database), FakeClock(), restored.extend)
    writer.flush()
    assert [part.origin for part in restored] == [
        None,
        MailNoticeOrigin(0x20001EEF, 1_800_000_000),
        EchoOrigin(0x1234),
        TelegramOrigin(-1001234567890, 5, 77),
        TelegramOrigin(42, None, 77),
    ]
    writer.take(QueueChanges({part.id: replace(part, attempts=1) for part in restored}))
    writer.flush()
    assert [(row.attempts, row.origin) for row in OutboxStore(database).load()] == [(1, origin) for origin in stored]
    database.close()


def test_changes_of_a_second_are_one_commit(writer, store, clock):
    due = clock.monotonic() + WRITE_EVERY
    for number in range(20):
        writer.take(parts(number))
        assert writer.deadline == due
        clock.advance(0.05)
    writer.flush()
    assert (store.commits, len(store.rows()), writer.deadline) == (1, 20, inf)


def test_what_came_and_went_within_a_second_costs_no_commit(writer, store):
    writer.take(parts(1))
    writer.take(GONE)
    writer.flush()
    assert store.commits == 0


def test_what_ended_is_deleted(writer, store):
    writer.take(parts(1, 2))
    writer.flush()
    writer.take(GONE)
    writer.flush()
    assert list(store.rows()) == [2]


def test_a_database_that_refuses_is_retried_and_gets_all(writer, store, clock):
    writer.take(parts(1))
    store.broken = True
    assert not writer.flush()
    assert writer.deadline == clock.monotonic() + QueueWriter.retry_after
    writer.take(parts(2))
    writer.take(GONE)
    store.broken = False
    assert writer.flush()
    assert list(store.rows()) == [2]


def test_what_could_not_be_written_is_written_at_the_retry(writer, store):
    writer.take(parts(1))
    store.broken = True
    writer.flush()
    store.broken = False
    assert writer.flush()
    assert list(store.rows()) == [1]


def test_nothing_is_written_before_the_database_could_be_read(store, clock, restored):
    fill(store, parts(1))
    store.broken = True
    writer = QueueWriter(store, clock, restored.extend)
    writer.take(parts(50))
    assert not writer.flush()
    assert (restored, list(store.rows())) == ([], [1])
    store.broken = False
    assert writer.flush()
    assert [part.id for part in restored] == [1]
    assert list(store.rows()) == [1, 50]


def test_a_replaced_database_gets_everything(writer, store):
    writer.take(parts(1, 2))
    writer.flush()
    store.replace()
    writer.take(parts(3))
    writer.flush()
    assert list(store.rows()) == [1, 2, 3]


@pytest.mark.parametrize("wrong", [{"priority": 99}, {"state": "lost"}])
def test_an_unreadable_row_is_logged_and_deleted(store, caplog, wrong):
    fill(store, parts(1, 2))
    store.save([replace(store.rows()[1], **wrong)], [])
    assert [part.id for part in restored_by_next_process(store)] == [2]
    assert any(line.startswith("⚠️ Base de données: envoi 1 illisible, effacé") for line in caplog.messages)
    assert list(store.rows()) == [2]


def test_a_number_that_this_process_gave_too_is_its_own(store, clock, restored):
    fill(store, QueueChanges({1: replace(PART, text="old")}))
    writer = QueueWriter(store, clock, restored.extend)
    writer.take(parts(1))
    writer.take(GONE)
    writer.flush()
    assert [part.text for part in restored] == ["old"], "it is given back, to get another number"
    assert store.rows() == {}
