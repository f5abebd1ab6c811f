"""Mails as rows."""

import pytest

from meshbot.storage.mail import Mail, MailScope, MailStore

ALICE, BOB, CAROL = 0xFFFFFFF0, 2, 3


@pytest.fixture
def mails(database):
    return MailStore(database)


def insert(mails, sender, recipient, text, sent_at, *, proven=True):
    with mails.transaction() as table:
        return table.insert(sender, recipient, text, sent_at, proven=proven)


def test_mails_are_kept_in_order_for_their_recipient_alone(mails):
    first = insert(mails, BOB, ALICE, "salut 🐟", 10)
    second = insert(mails, CAROL, ALICE, "à 5 h", 11, proven=False)
    insert(mails, ALICE, BOB, "oui", 12)
    assert mails.mails_of([ALICE]) == [
        Mail(first, BOB, ALICE, "salut 🐟", 10, None, None, proven=True),
        Mail(second, CAROL, ALICE, "à 5 h", 11, None, None, proven=False),
    ]
    assert mails.mails_of([CAROL]) == []


def test_mails_are_counted_for_one_recipient_or_all(mails):
    insert(mails, BOB, ALICE, "salut", 10)
    read = insert(mails, BOB, ALICE, "again", 11)
    insert(mails, BOB, CAROL, "salut", 12)
    mails.mark_read([read], 20)
    with mails.transaction() as table:
        to_alice, to_bob, to_carol, of_all = map(MailScope, ([ALICE], [BOB], [CAROL], None))
        assert [table.count(scope) for scope in (to_alice, to_bob, of_all)] == [2, 0, 3]
        assert [table.count(MailScope(senders=[BOB], proven=proven)) for proven in (False, True, None)] == [0, 3, 3]
        assert [table.oldest_read(scope) for scope in (to_alice, to_carol, of_all)] == [read, None, read]


def test_a_transaction_that_an_exception_ends_changes_nothing(mails):
    kept = insert(mails, BOB, ALICE, "salut", 10)

    def replace_it():
        with mails.transaction() as table:
            table.insert(BOB, ALICE, "again", 11, proven=True)
            table.delete(kept)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_it()
    assert [mail.id for mail in mails.mails_of([ALICE])] == [kept]


def test_a_mail_can_be_deleted_by_its_recipient_alone_and_once(mails):
    mail_id = insert(mails, BOB, ALICE, "salut", 10)
    assert not mails.delete([BOB], mail_id)
    assert mails.delete([ALICE], mail_id)
    assert not mails.delete([ALICE], mail_id)


def test_recipients_are_unnotified_until_they_are_notified(mails):
    insert(mails, BOB, ALICE, "salut", 10)
    insert(mails, BOB, CAROL, "salut", 10)
    assert mails.unnotified() == {ALICE, CAROL}
    mails.mark_notified([ALICE], 20)
    assert mails.unnotified() == {CAROL}
    mails.mark_notified([ALICE], 30)
    assert [mail.notified_at for mail in mails.mails_of([ALICE])] == [20]


def test_a_notice_that_failed_concerns_only_its_unread_mails(mails):
    read, _ = insert(mails, BOB, ALICE, "salut", 10), insert(mails, BOB, ALICE, "again", 10)
    mails.mark_notified([ALICE], 20)
    insert(mails, BOB, ALICE, "later", 25)
    mails.mark_notified([ALICE], 30)
    mails.mark_read([read], 40)
    assert not mails.mark_unnotified([BOB], 20)
    assert not mails.mark_unnotified([ALICE], 21)
    assert mails.mark_unnotified([ALICE], 20)
    assert [mail.notified_at for mail in mails.mails_of([ALICE])] == [20, None, 30]
    assert mails.unnotified() == {ALICE}


def test_a_read_mail_counts_as_notified_and_keeps_its_first_times(mails):
    mail_id = insert(mails, BOB, ALICE, "salut", 10)
    mails.mark_read([mail_id], 20)
    mails.mark_read([mail_id], 30)
    (read,) = mails.mails_of([ALICE])
    assert (read.notified_at, read.read_at) == (20, 20)
    assert mails.unnotified() == set()


def test_old_mails_are_pruned(mails):
    insert(mails, BOB, ALICE, "old", 10)
    insert(mails, BOB, ALICE, "new", 11)
    mails.prune(11)
    assert [mail.text for mail in mails.mails_of([ALICE])] == ["new"]


def test_what_some_database_would_refuse_of_a_text_is_left_out(mails):
    insert(mails, BOB, ALICE, "a\0b\ud800c", 10)
    assert [mail.text for mail in mails.mails_of([ALICE])] == ["ab?c"]
