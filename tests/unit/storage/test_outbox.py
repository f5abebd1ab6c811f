"""The outbox's rows in the database."""

from dataclasses import replace

from storage.database import open_database
from storage.outbox import BATCH, OutboxRow, OutboxStore
from tests.support.fake_clock import FakeClock

ROW = OutboxRow(
    id=1_800_000_000_000,
    text_id=1_800_000_000_000,
    created=100,
    priority=1,
    recipient=0xFFFFFFFF,
    channel=7,
    text="été 🌞",
    reply_id=0xFFFFFFFF,
    want_ack=True,
    packet_id=9,
    expires_at=400,
    state="sent",
    attempts=2,
    sent_at=120,
    origin="x",
)


def test_rows_come_back_as_they_were_in_order(tmp_path):
    database = open_database(tmp_path, FakeClock())
    rows = [replace(ROW, id=ROW.id + n, sent_at=None if n else 120) for n in range(3)]
    OutboxStore(database).save(list(reversed(rows)), [])
    database.close()
    database = open_database(tmp_path, FakeClock())
    assert OutboxStore(database).load() == rows
    database.close()


def test_a_row_is_replaced_and_others_deleted_in_one_transaction(tmp_path):
    database = open_database(tmp_path, FakeClock())
    store = OutboxStore(database)
    store.save([replace(ROW, id=n) for n in range(3 * BATCH)], [])
    store.save([replace(ROW, id=0, state="accepted", attempts=3)], range(1, 3 * BATCH))
    assert store.load() == [replace(ROW, id=0, state="accepted", attempts=3)]
    assert store.generation == database.generation == 1
    database.close()
