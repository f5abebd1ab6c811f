"""The outbox's rows in the database."""

from dataclasses import replace

from meshbot.storage.outbox import BATCH, OutboxRow, OutboxStore

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


def test_rows_come_back_as_they_were_in_order(database):
    rows = [replace(ROW, id=ROW.id + n, sent_at=None if n else 120) for n in range(3)]
    OutboxStore(database).save(list(reversed(rows)), [])
    assert OutboxStore(database).load() == rows


def test_a_row_is_replaced_and_others_deleted_in_one_transaction(database):
    store = OutboxStore(database)
    store.save([replace(ROW, id=n) for n in range(3 * BATCH)], [])
    store.save([replace(ROW, id=0, state="accepted", attempts=3)], range(1, 3 * BATCH))
    assert store.load() == [replace(ROW, id=0, state="accepted", attempts=3)]
    assert store.generation == database.generation == 1


def test_a_character_that_some_databases_refuse_is_left_out(database):
    OutboxStore(database).save([replace(ROW, text="a\0b")], [])
    assert [row.text for row in OutboxStore(database).load()] == ["ab"]
