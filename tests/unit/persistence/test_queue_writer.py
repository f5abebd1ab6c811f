"""What waits to go on air survives: batches, a database that refuses or begins anew, rows that nobody can read."""

from dataclasses import replace
from math import inf

import pytest
from sqlalchemy import text

from meshbot.persistence.queue_writer import TRY_AGAIN, QueueWriter
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
def keeper(store, restored):
    keeper = QueueWriter(store, restored.extend)
    keeper.write(0.0)
    return keeper


def parts(*ids):
    return {number: replace(PART, id=number, text_id=number) for number in ids}


def again(store):
    """What the next process gets."""
    found = []
    QueueWriter(store, found.extend).write(0.0)
    return found


def test_a_packet_comes_back_as_it_was(keeper, store):
    keeper.note({1: PART}, 10.0)
    keeper.write(11.0)
    assert again(store) == [PART]


def test_a_database_of_the_previous_version_loads_and_its_origins_are_stored_unchanged(tmp_path):
    stored = ["", "mail:20001eef:1800000000", "echo:1234", "telegram:-1001234567890:5:77", "telegram:42:0:77"]
    database = open_database(tmp_path, FakeClock())
    insert = text("INSERT INTO outbox VALUES (:n, :n, 100, 3, 7, 0, 'x', 0, 1, :n, 400, 'waiting', 0, NULL, :origin)")
    with database.transaction() as connection:
        connection.execute(insert, [{"n": n, "origin": origin} for n, origin in enumerate(stored)])
    restored = []
    keeper = QueueWriter(OutboxStore(database), restored.extend)
    keeper.write(0.0)
    assert [part.origin for part in restored] == [
        None,
        MailNoticeOrigin(0x20001EEF, 1_800_000_000),
        EchoOrigin(0x1234),
        TelegramOrigin(-1001234567890, 5, 77),
        TelegramOrigin(42, None, 77),
    ]
    keeper.note({part.id: replace(part, attempts=1) for part in restored}, 1.0)
    keeper.write(2.0)
    assert [(row.attempts, row.origin) for row in OutboxStore(database).load()] == [(1, origin) for origin in stored]
    database.close()


def test_changes_of_a_second_are_one_commit(keeper, store):
    for n in range(20):
        keeper.note(parts(n), 10.0 + n / 20)
        assert keeper.deadline == 10.0 + WRITE_EVERY
    keeper.write(keeper.deadline)
    assert (store.commits, len(store.rows()), keeper.deadline) == (1, 20, inf)


def test_what_came_and_went_within_a_second_costs_no_commit(keeper, store):
    keeper.note(parts(1), 10.0)
    keeper.note({1: None}, 10.1)
    keeper.write(11.0)
    assert store.commits == 0


def test_what_ended_is_deleted(keeper, store):
    keeper.note(parts(1, 2), 10.0)
    keeper.write(11.0)
    keeper.note({1: None}, 12.0)
    keeper.write(13.0)
    assert list(store.rows()) == [2]


def test_a_stop_writes_at_once(keeper, store):
    keeper.note(parts(1), 10.0)
    keeper.write(10.0)
    assert list(store.rows()) == [1]


def test_a_database_that_refuses_is_tried_again_and_gets_all(keeper, store):
    keeper.note(parts(1), 10.0)
    store.broken = True
    keeper.write(11.0)
    assert keeper.deadline == 11.0 + TRY_AGAIN
    keeper.note(parts(2), 12.0)
    keeper.note({1: None}, 13.0)
    store.broken = False
    keeper.write(keeper.deadline)
    assert list(store.rows()) == [2]


def test_a_database_that_cannot_be_read_at_the_start_is_read_later_and_not_written_before(store, restored, tmp_path):
    before = QueueWriter(store, restored.extend)
    before.note(parts(1), 0.0)
    before.write(1.0)
    store.broken = True
    keeper = QueueWriter(store, restored.extend)
    keeper.write(0.0)
    keeper.note(parts(50), 1.0)
    keeper.write(2.0)
    assert (restored, list(store.rows())) == ([], [1])
    store.broken = False
    keeper.write(keeper.deadline)
    assert [part.id for part in restored] == [1]
    assert list(store.rows()) == [1, 50]


def test_a_database_begun_anew_gets_everything(keeper, store):
    keeper.note(parts(1, 2), 10.0)
    keeper.write(11.0)
    store.begin_anew()
    keeper.note(parts(3), 12.0)
    keeper.write(13.0)
    assert list(store.rows()) == [1, 2, 3]


@pytest.mark.parametrize("wrong", [{"priority": 99}, {"state": "lost"}])
def test_a_row_that_nobody_can_read_is_said_and_deleted(store, caplog, wrong):
    keeper = QueueWriter(store, print)
    keeper.note(parts(1, 2), 0.0)
    keeper.write(1.0)
    store.save([replace(store.rows()[1], **wrong)], [])
    assert [part.id for part in again(store)] == [2]
    assert any(line.startswith("⚠️ Base de données: envoi 1 illisible, effacé") for line in caplog.messages)
    assert list(store.rows()) == [2]


def test_a_number_that_this_process_gave_too_is_its_own(store, restored):
    before = QueueWriter(store, restored.extend)
    before.note({1: replace(PART, text="old")}, 0.0)
    before.write(1.0)
    keeper = QueueWriter(store, restored.extend)
    keeper.note(parts(1), 0.0)
    keeper.note({1: None}, 0.0)
    keeper.write(1.0)
    assert [part.text for part in restored] == ["old"], "it is given back, to get another number"
    assert store.rows() == {}
