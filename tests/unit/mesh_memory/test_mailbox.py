"""The mailbox: whom to notify, and for how many mails there is room."""

import pytest
from sqlalchemy import insert

import config
from meshbot.mesh_memory.mailbox import (
    MAX_ALL,
    MAX_MAIL,
    MAX_SENDER,
    MAX_SENDER_ALL,
    MAX_UNPROVEN,
    MAX_UNPROVEN_ALL,
    Full,
    Mailbox,
    MailboxFullError,
)
from meshbot.storage.database import open_database
from meshbot.storage.errors import StorageError
from meshbot.storage.mail import MailStore
from meshbot.storage.schema import MAIL
from tests.support.fake_clock import EPOCH, FakeClock

ALICE, BOB, CAROL = 0xFFFFFFF0, 2, 3
START = int(EPOCH.timestamp())


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path, FakeClock())
    yield database
    database.close()


@pytest.fixture
def mailbox(database):
    return loaded(database)


def loaded(database):
    mailbox = Mailbox(MailStore(database), FakeClock(), config.MAIL_TTL)
    mailbox.load()
    return mailbox


def test_a_recipient_is_to_be_notified_over_restarts_until_it_was(mailbox, database):
    mailbox.send(BOB, ALICE, "salut")
    assert mailbox.is_unnotified(ALICE)
    assert loaded(database).is_unnotified(ALICE)
    mailbox.mark_notified(ALICE)
    assert not mailbox.is_unnotified(ALICE)
    assert not loaded(database).is_unnotified(ALICE)


def test_a_notice_that_failed_is_due_again(mailbox):
    mailbox.send(BOB, ALICE, "salut")
    notified_at = mailbox.mark_notified(ALICE)
    mailbox.mark_unnotified(ALICE, notified_at + 1)
    assert not mailbox.is_unnotified(ALICE)
    mailbox.mark_unnotified(ALICE, notified_at)
    assert mailbox.is_unnotified(ALICE)


def test_mail_is_read_and_deleted(mailbox):
    mail_id = mailbox.send(BOB, ALICE, "salut")
    mailbox.mark_read(mailbox.mails_of(ALICE))
    assert mailbox.mails_of(ALICE)[0].read_at == START
    assert mailbox.delete(ALICE, mail_id)
    assert mailbox.mails_of(ALICE) == []


def test_a_full_mailbox_takes_no_more_until_a_mail_goes(mailbox):
    ids = [mailbox.send(100 + number, ALICE, str(number)) for number in range(MAX_MAIL)]
    with pytest.raises(MailboxFullError) as full:
        mailbox.send(BOB, ALICE, "one more")
    assert full.value.full is Full.RECIPIENT
    mailbox.send(BOB, CAROL, "another mailbox")
    assert mailbox.delete(ALICE, ids[3])
    mailbox.send(BOB, ALICE, "one more")
    assert len(mailbox.mails_of(ALICE)) == MAX_MAIL


def test_read_mails_make_room_the_oldest_first(mailbox):
    ids = [mailbox.send(100 + number, ALICE, str(number)) for number in range(MAX_MAIL)]
    mailbox.mark_read([mail for mail in mailbox.mails_of(ALICE) if mail.id in {ids[7], ids[4]}])
    new = mailbox.send(BOB, ALICE, "one more")
    assert [mail.id for mail in mailbox.mails_of(ALICE)] == [each for each in ids if each != ids[4]] + [new]
    mailbox.send(BOB, ALICE, "and one more")
    with pytest.raises(MailboxFullError):
        mailbox.send(BOB, ALICE, "too many")
    assert len(mailbox.mails_of(ALICE)) == MAX_MAIL


def test_nobody_fills_a_mailbox_alone(mailbox):
    for number in range(MAX_SENDER):
        mailbox.send(BOB, ALICE, str(number))
    assert refused(mailbox, BOB, ALICE) is Full.SENDER
    mailbox.send(CAROL, ALICE, "there is room for others")
    mailbox.mark_read(mailbox.mails_of(ALICE)[:1])
    mailbox.send(BOB, ALICE, "in the place of one that was read")


def test_nobody_fills_the_room_for_all(mailbox):
    for number in range(MAX_SENDER_ALL):
        mailbox.send(BOB, 100 + number, "x")
    assert refused(mailbox, BOB, ALICE) is Full.SENDER_ALL
    mailbox.send(CAROL, ALICE, "x")


def test_invented_senders_leave_room_for_proven_ones(mailbox, database):
    for number in range(MAX_UNPROVEN):
        mailbox.send(100 + number, ALICE, "x", proven=False)
    assert refused(mailbox, 99, ALICE, proven=False) is Full.UNPROVEN
    mailbox.send(99, ALICE, "x", proven=True)
    rows = [{"recipient": n, "sender": n, "text": "x", "sent_at": 1} for n in range(1000, 1000 + MAX_UNPROVEN_ALL)]
    with database.transaction() as connection:
        connection.execute(insert(MAIL), rows)
    assert refused(mailbox, 99, CAROL, proven=False) is Full.UNPROVEN
    mailbox.send(99, CAROL, "x", proven=True)


def test_letters_under_a_forged_number_take_none_of_its_owner_s_room(mailbox):
    for number in range(MAX_SENDER):
        mailbox.send(BOB, ALICE, str(number), proven=False)
    assert refused(mailbox, BOB, ALICE, proven=False) is Full.SENDER
    for number in range(MAX_SENDER_ALL - MAX_SENDER):
        mailbox.send(BOB, 100 + number, "x", proven=False)
    assert refused(mailbox, BOB, CAROL, proven=False) is Full.SENDER_ALL
    mailbox.send(BOB, ALICE, "Bob himself")


def refused(mailbox, sender, recipient, *, proven=True):
    with pytest.raises(MailboxFullError) as error:
        mailbox.send(sender, recipient, "one more", proven=proven)
    return error.value.full


def test_all_mailboxes_together_are_bounded_and_read_mails_make_room(mailbox, database):
    row = {"text": "x", "sent_at": 10}
    with database.transaction() as connection:
        letters = [row | {"recipient": 100 + number, "sender": 5000 + number} for number in range(MAX_ALL)]
        connection.execute(insert(MAIL), letters)
    with pytest.raises(MailboxFullError) as full:
        mailbox.send(BOB, ALICE, "one more")
    assert full.value.full is Full.ALL
    mailbox.mark_read(mailbox.mails_of(100 + 7))
    mailbox.send(BOB, ALICE, "one more")
    assert (len(mailbox.mails_of(ALICE)), mailbox.mails_of(100 + 7)) == (1, [])


def test_without_a_database_no_mail_is_taken_nor_notified():
    mailbox = Mailbox(None, FakeClock(), config.MAIL_TTL)
    assert not mailbox.is_unnotified(ALICE)
    with pytest.raises(StorageError, match="pas de base de données"):
        mailbox.send(BOB, ALICE, "salut")
