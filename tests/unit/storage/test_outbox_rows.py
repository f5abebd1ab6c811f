"""What is to be sent survives a restart."""

from dataclasses import replace

import pytest

from storage.outbox_rows import OutboxRow, OutboxStore

ROW = OutboxRow(0, 10, 1, "answer", 0xFFFFFFF0, 2, "réponse 🐟", 77, True, None, 130, "queued", 0, "mesh:!00000007")  # noqa: FBT003


@pytest.fixture
def outbox(database):
    return OutboxStore(database)


def test_a_row_comes_back_as_it_was_kept(outbox):
    row_id = outbox.add(ROW)
    assert outbox.in_states(["queued"]) == [replace(ROW, id=row_id)]


def test_rows_come_in_the_order_in_which_they_are_to_go(outbox):
    texts = [("late", 2), ("first", 1), ("second", 1)]
    for text, priority in texts:
        outbox.add(replace(ROW, text=text, priority=priority))
    outbox.add(replace(ROW, state="done"))
    assert [row.text for row in outbox.in_states({"queued"})] == ["first", "second", "late"]


def test_a_row_changes_where_it_is_told_to(outbox):
    row_id = outbox.add(ROW)
    assert outbox.change(row_id, state="sent", packet_id=5, attempts=1)
    changed = replace(ROW, id=row_id, state="sent", packet_id=5, attempts=1)
    assert outbox.in_states(["queued", "sent"]) == [changed]
    assert not outbox.change(row_id + 1, state="sent")


def test_a_column_that_does_not_exist_is_refused(outbox):
    with pytest.raises(ValueError, match="no such column: stat"):
        outbox.change(1, stat="sent")


def test_rows_that_are_done_go_when_they_are_old(outbox):
    outbox.add(replace(ROW, state="done", created=9))
    outbox.add(replace(ROW, state="done", created=10))
    outbox.add(replace(ROW, created=9))
    assert outbox.prune(["done"], 10) == 1
    assert len(outbox.in_states(["done", "queued"])) == 2
