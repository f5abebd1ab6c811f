"""Mail from one mesh user to another."""

import pytest
from sqlalchemy import insert

from meshbot.storage.mail import MAX_ALL, MAX_MAIL, Mail, MailboxFullError, MailStore
from meshbot.storage.schema import MAIL

ALICE, BOB, CAROL = 0xFFFFFFF0, 2, 3


@pytest.fixture
def mail(database):
    return MailStore(database)


def test_letters_are_kept_in_their_order_for_their_recipient_alone(mail):
    first, second = mail.send(BOB, ALICE, "salut 🐟", 10), mail.send(CAROL, ALICE, "à 5 h", 11, proven=False)
    mail.send(ALICE, BOB, "oui", 12)
    assert mail.of(ALICE) == [
        Mail(first, BOB, ALICE, "salut 🐟", 10, None, None, proven=True),
        Mail(second, CAROL, ALICE, "à 5 h", 11, None, None, proven=False),
    ]
    assert mail.of(CAROL) == []


def test_a_full_mailbox_takes_no_more_until_a_letter_goes(mail):
    ids = [mail.send(BOB, ALICE, str(number), 10) for number in range(MAX_MAIL)]
    with pytest.raises(MailboxFullError) as full:
        mail.send(BOB, ALICE, "one more", 10)
    assert not full.value.everybody
    mail.send(BOB, CAROL, "another mailbox", 10)
    assert mail.delete(ALICE, ids[3])
    mail.send(BOB, ALICE, "one more", 10)
    assert len(mail.of(ALICE)) == MAX_MAIL


def test_a_letter_that_was_read_makes_room_the_oldest_first(mail):
    ids = [mail.send(BOB, ALICE, str(number), 10) for number in range(MAX_MAIL)]
    mail.mark_read([ids[7], ids[4]], 11)
    new = mail.send(BOB, ALICE, "one more", 12)
    assert [letter.id for letter in mail.of(ALICE)] == [each for each in ids if each != ids[4]] + [new]
    mail.send(BOB, ALICE, "and one more", 13)
    with pytest.raises(MailboxFullError):
        mail.send(BOB, ALICE, "too many", 14)
    assert len(mail.of(ALICE)) == MAX_MAIL


def test_all_mailboxes_together_are_bounded_and_what_was_read_makes_room(mail, database):
    letter = {"sender": BOB, "text": "x", "sent_at": 10}
    with database.transaction() as connection:
        connection.execute(insert(MAIL), [letter | {"recipient": 100 + number} for number in range(MAX_ALL)])
    with pytest.raises(MailboxFullError) as full:
        mail.send(BOB, ALICE, "one more", 10)
    assert full.value.everybody
    mail.mark_read([letter.id for letter in mail.of(100 + 7)], 11)
    mail.send(BOB, ALICE, "one more", 12)
    assert (len(mail.of(ALICE)), mail.of(100 + 7)) == (1, [])


def test_a_letter_can_be_deleted_by_its_recipient_alone_and_once(mail):
    letter = mail.send(BOB, ALICE, "salut", 10)
    assert not mail.delete(BOB, letter)
    assert mail.delete(ALICE, letter)
    assert not mail.delete(ALICE, letter)


def test_who_is_to_be_told_is_known_until_told(mail):
    mail.send(BOB, ALICE, "salut", 10)
    mail.send(BOB, CAROL, "salut", 10)
    assert mail.untold() == {ALICE, CAROL}
    mail.mark_told(ALICE, 20)
    assert mail.untold() == {CAROL}
    mail.mark_told(ALICE, 30)
    assert [letter.told_at for letter in mail.of(ALICE)] == [20]


def test_what_was_told_in_vain_is_untold_unless_it_was_read(mail):
    read, _ = mail.send(BOB, ALICE, "salut", 10), mail.send(BOB, ALICE, "again", 10)
    mail.mark_told(ALICE, 20)
    mail.send(BOB, ALICE, "later", 25)
    mail.mark_told(ALICE, 30)
    mail.mark_read([read], 40)
    assert not mail.mark_untold(BOB, 20)
    assert not mail.mark_untold(ALICE, 21)
    assert mail.mark_untold(ALICE, 20)
    assert [letter.told_at for letter in mail.of(ALICE)] == [20, None, 30]
    assert mail.untold() == {ALICE}


def test_a_letter_that_was_read_was_told_and_keeps_its_first_times(mail):
    letter = mail.send(BOB, ALICE, "salut", 10)
    mail.mark_read([letter], 20)
    mail.mark_read([letter], 30)
    (read,) = mail.of(ALICE)
    assert (read.told_at, read.read_at) == (20, 20)
    assert mail.untold() == set()


def test_old_letters_go(mail):
    mail.send(BOB, ALICE, "old", 10)
    mail.send(BOB, ALICE, "new", 11)
    mail.prune(11)
    assert [letter.text for letter in mail.of(ALICE)] == ["new"]


def test_a_text_that_some_database_would_refuse_is_kept_as_far_as_it_can_be(mail):
    mail.send(BOB, ALICE, "a\0b\ud800c", 10)
    assert [letter.text for letter in mail.of(ALICE)] == ["ab?c"]
