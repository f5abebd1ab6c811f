"""/mail over a real memory: leaving, telling, reading, deleting letters."""

import sqlite3

import pytest

from commands.language import translator
from commands.mail import ROOM, mail_command, recipient_of
from commands.mail_notices import DAY, NOTICE_TTL, RETRY_AFTER, MailNotices
from commands.registry import Request
from commands.roles import Doubt, User
from mesh_link.outgoing import Fate, Outcome, OutgoingText
from mesh_link.packets import NodeRecord, Reception
from storage.mail import MAX_ALL, MailboxFullError
from tests.support.heard import TELEMETRY, TEXT, packet
from tests.support.mesh_commands import ALICE, BOB, BOB_MARTIN, OWN, ZOE, MeshCommands

AT_MOST_EVERY = 3600.0  # seconds between two notices
MAX_MAIL = 20  # letters

ENGLISH = translator("en")
OUT_OF_REACH = "⚠️ The mail is out of reach at the moment. Try again later."


@pytest.fixture
def mesh(tmp_path):
    with MeshCommands(tmp_path) as commands:
        commands.populate()
        yield commands


def ask(mesh, argument, sender=ALICE, **details):
    return mesh.mail.run(Request("mail", argument, sender, Reception(), ENGLISH, (), **details))


def break_database(mesh, tmp_path):
    """Hold the database's only right to write, until the connection returned is closed."""
    holder = sqlite3.connect(next(tmp_path.glob("*.db")), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    return holder


# -- leaving


def test_a_letter_is_left_for_a_node_and_read_by_it_alone(mesh):
    assert ask(mesh, "send bob  see you \n at five ") == "✉️ Kept for Bob, who is told when next heard."
    assert ask(mesh, "", sender=ZOE) == "📭 No mail for you."
    assert ask(mesh, "", sender=BOB) == "✉️ 1 Alice 0s: see you at five\n/mail del <n> deletes a letter."


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028", "\x1b[1A\x07", "\u202e\n"])
def test_no_letter_looks_like_two(mesh, end):
    ask(mesh, f"send Bob salut{end}2 Zoé 5min: donne-lui la clé")
    first, *rest = ask(mesh, "", sender=BOB).splitlines()
    assert first.startswith("✉️ 1 Alice 0s: salut")
    assert first.endswith("2 Zoé 5min: donne-lui la clé")
    assert first.isprintable()
    assert rest == ["/mail del <n> deletes a letter."]


def test_a_letter_of_which_nothing_can_be_seen_is_none(mesh):
    assert ask(mesh, "send Bob \u200b\x07\u202e").startswith("What shall I tell?")


@pytest.mark.parametrize(
    ("argument", "num", "text"),
    [
        ("Bob hello", BOB, "hello"),
        ("bob Martin is away", BOB_MARTIN, "is away"),
        ("BÔB martin is away", BOB_MARTIN, "is away"),
        ("Bob Martial music", BOB, "Martial music"),  # the text does not become a part of a name
        ('"bob mart" hello', BOB_MARTIN, "hello"),
        ("« Bob Martin »\nhello", BOB_MARTIN, "hello"),
        ("!20001ef1 hello", BOB_MARTIN, "hello"),
        ("1ef1 hello", BOB_MARTIN, "hello"),
        ("ZOE hello", ZOE, "hello"),
        ("BM   two  spaces", BOB_MARTIN, "two  spaces"),
        ("Bob", BOB, ""),
    ],
)
def test_the_recipient_is_a_name_a_short_name_an_id_or_its_end(mesh, argument, num, text):
    _name, found, rest = recipient_of(argument, mesh.memory.find_nodes)
    assert ([view.num for view in found], rest) == ([num], text)


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("send", "For whom, and what? For example: /mail send Zoé see you at five"),
        ("send Bob", "What shall I tell? For example: /mail send Bob see you at five"),
        ('send "Bob"', "What shall I tell? For example: /mail send Bob see you at five"),
        ('send "" x', 'I know no node « "" ».'),
        ("send " + "x" * 200 + " hello", "I know no node « " + "x" * 37 + "… »."),
        ("send MBOT hello", "That is me: I read no mail."),
        ("send 1e hello", "I know no node « 1e »."),
        ("del", "Which letter? For example: /mail del 1"),
        ("del one", "Which letter? For example: /mail del 1"),
        ("del -1", "Which letter? For example: /mail del 1"),
        ("del 0", "You have no letter 0. /mail lists yours."),
        ("del 2", "You have no letter 2. /mail lists yours."),
        ("del " + "9" * 150, "You have no letter 999999. /mail lists yours."),
        ("0", "You have no letter 0. /mail lists yours."),
        ("9" * 5000, "You have no letter 999999. /mail lists yours."),
        ("hello there", "Say /mail, /mail <n>, /mail send <node> <text> or /mail del <n>."),
    ],
)
def test_a_silly_argument_gets_a_clear_answer(mesh, argument, answer):
    assert ask(mesh, argument) == answer


def test_several_nodes_of_a_name_are_listed(mesh):
    mesh.manager.learn_from_node_database([NodeRecord(0x30000000 + n, f"Relais {n}", "") for n in range(6)])
    assert ask(mesh, "send relais- hello") == "I know no node « relais- »."
    listed = ask(mesh, 'send "relais " hello')
    assert listed == "That is me: I read no mail."  # the whole name goes first
    listed = ask(mesh, "send elais hello")
    assert listed.startswith("7 nodes match, which one?\n!")
    assert len(listed.encode()) <= 200


def test_a_full_mailbox_is_said_and_what_was_read_makes_room(mesh):
    for number in range(MAX_MAIL):
        ask(mesh, f"send Bob letter {number}")
    assert ask(mesh, "send Bob one more") == f"📪 Bob has {MAX_MAIL} letters already: no room."
    ask(mesh, "3", sender=BOB)
    assert ask(mesh, "send Bob one more") == "✉️ Kept for Bob, who is told when next heard."
    assert [letter.text for letter in mesh.memory.mail_of(BOB)][-1] == "one more"


def test_when_there_is_no_room_at_all_that_is_said(mesh):
    class Full:
        find_nodes, node = mesh.memory.find_nodes, mesh.memory.node

        def send_mail(self, *_letter, proven):
            raise MailboxFullError(everybody=True)

    command = mail_command(Full(), mesh.clock, lambda: OWN)
    answer = command.run(Request("mail", "send Bob hello", ALICE, Reception(), ENGLISH, ()))
    assert answer == f"📪 {MAX_ALL} letters wait in all: no room for more. Try again in a few days."


# -- who asks

DOUBTS = [Doubt.CLEAR, Doubt.OTHER_KEY, Doubt.MQTT]


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("argument", ["", "1", "del 1"])
def test_letters_of_a_node_with_a_key_are_neither_told_nor_marked_nor_deleted_without_its_proof(mesh, doubt, argument):
    answer = ask(mesh, argument, user=User("mesh:!00001234", claim=doubt))
    assert answer.startswith("🔒 ")
    (letter,) = mesh.memory.mail_of(ALICE)
    assert (letter.read_at, letter.told_at) == (None, None)


def test_a_node_whose_key_nobody_knows_reads_its_letters_without_a_proof(mesh):
    assert "See you at five" in ask(mesh, "", user=User("mesh:!00001234", claim=Doubt.NO_KEY))


@pytest.mark.parametrize("doubt", [*DOUBTS, Doubt.NO_KEY])
def test_a_letter_of_an_unproven_sender_says_so(mesh, doubt):
    assert ask(mesh, "send Bob hello", user=User("", claim=doubt)).startswith("✉️ Kept for Bob")
    ask(mesh, "send Bob hi", sender=ZOE)
    assert Telling(mesh).hear(BOB) == [(BOB, "✉️ New mail for you: 2, from Alice?, Zoé. /mail reads it.")]
    assert ask(mesh, "", sender=BOB).startswith("✉️ 1 Alice? 0s: hello\n2 Zoé 0s: hi\n")


# -- reading


def test_what_is_unread_is_read_out_in_parts_then_all_is_listed(mesh):
    for number in range(4):
        ask(mesh, f"send Bob {number} " + "x" * 200)
    first, second = ask(mesh, "", sender=BOB), ask(mesh, "", sender=BOB)
    assert max(len(first.encode()), len(second.encode())) < ROOM + 60
    assert first.count("x" * 200) == second.count("x" * 200) == 2
    assert first.endswith("\n+2 unread: /mail")
    assert second.endswith("\n/mail del <n> deletes a letter.")
    listed = ask(mesh, "", sender=BOB)
    assert [line[:17] for line in listed.removeprefix("✉️ ").splitlines()[:-1]] == [
        f"{number} Alice 0s: {number - 1} xxxx"[:17] for number in range(1, 5)
    ]


def test_a_letter_can_be_read_again_by_its_number(mesh):
    ask(mesh, "")
    mesh.clock.advance(3 * 86400)
    assert ask(mesh, "1") == "✉️ 1 Zoé 3d: See you at five"


def test_a_list_that_does_not_fit_says_how_much_is_missing(mesh):
    for number in range(MAX_MAIL):
        ask(mesh, f"send Bob {number} " + "é" * 90)
    while "unread" in ask(mesh, "", sender=BOB):
        pass
    listed = ask(mesh, "", sender=BOB)
    shown = len(listed.splitlines()) - 1
    assert listed.endswith(f"\n+{MAX_MAIL - shown} more: /mail <n>")
    assert len(listed.encode()) < ROOM + 60


def test_letters_are_private_in_the_log_too(mesh):
    assert mesh.mail.private


def test_on_a_channel_no_letter_is_read_out_and_none_is_taken(mesh):
    for argument in ("", "1", "send Bob hello", "del 1"):
        assert ask(mesh, argument, channel=1) == "✉️ Mail is private: write to me directly."
    (letter,) = mesh.memory.mail_of(ALICE)
    assert letter.read_at is None


@pytest.mark.parametrize("argument", ["", "1"])
def test_while_nothing_can_be_written_letters_are_read_again_rather_than_not_at_all(mesh, tmp_path, caplog, argument):
    holder = break_database(mesh, tmp_path)
    for _ in range(2):
        assert ask(mesh, argument).startswith("✉️ 1 Zoé 2h: See you at five")
    assert "Courrier lu, mais pas noté comme tel" in caplog.text
    holder.close()
    assert mesh.memory.mail_of(ALICE)[0].read_at is None
    ask(mesh, argument)
    assert mesh.memory.mail_of(ALICE)[0].read_at is not None


def test_deleting_takes_one_letter_of_one_s_own(mesh):
    ask(mesh, "send Alice another", sender=BOB)
    assert ask(mesh, "del 1") == "🗑️ Letter 1 is deleted, 1 left."
    assert [letter.text for letter in mesh.memory.mail_of(ALICE)] == ["another"]


def test_without_a_database_that_is_said():
    mesh = MeshCommands()
    mesh.manager.learn_from_node_database([NodeRecord(BOB, "Bob", "")])
    for argument in ("", "1", "send Bob hello", "del 1"):
        assert ask(mesh, argument) == OUT_OF_REACH


# -- telling


class Telling:
    def __init__(self, mesh, language="en"):
        self.mesh = mesh
        self.sent = []
        self.notice = None  # the last one
        self.notices = MailNotices(mesh.memory, mesh.clock, self.sent.append, translator(language))

    def hear(self, num, **details):
        """Return what is said to nodes on hearing one."""
        self.sent.clear()
        self.notices.heard(packet(num, **details))
        self.notice = self.sent[0] if self.sent else self.notice
        return [(message.to, message.text) for message in self.sent]

    def end(self, fate, notice=None):
        self.notices.fate(Outcome(notice or self.notice, fate))


def test_a_node_is_told_once_when_heard(mesh):
    telling = Telling(mesh)
    assert telling.hear(BOB) == telling.hear(OWN) == []
    assert telling.hear(ALICE) == [(ALICE, "✉️ New mail for you: 1, from Zoé. /mail reads it.")]
    (message,) = telling.sent
    assert message.want_ack
    assert message.expires_at == mesh.clock.monotonic() + NOTICE_TTL
    mesh.clock.advance(2 * AT_MOST_EVERY)
    assert telling.hear(ALICE) == []


def test_more_mail_is_told_of_an_hour_later_at_the_earliest(mesh):
    telling = Telling(mesh, "fr")
    telling.hear(ALICE)
    for sender in (BOB, BOB, BOB_MARTIN, ZOE, 0xABCDEF01):
        ask(mesh, "send Alice more", sender=sender)
    mesh.clock.advance(AT_MOST_EVERY - 1)
    assert telling.hear(ALICE) == []
    mesh.clock.advance(1)
    text = "✉️ Du courrier pour vous : 5, de Bob, Bob Martin, Zoé, …. /mail pour le lire."
    assert telling.hear(ALICE) == [(ALICE, text)]


def test_who_was_not_reached_is_told_again_when_heard_later_each_time(mesh):
    telling = Telling(mesh)
    for wait in (AT_MOST_EVERY, 2 * AT_MOST_EVERY, 4 * AT_MOST_EVERY):
        assert len(telling.hear(ALICE)) == 1
        telling.end(Fate.FAILED)
        mesh.clock.advance(wait - 1)
        assert telling.hear(ALICE) == []
        mesh.clock.advance(1)
    for _ in range(9):
        telling.hear(ALICE)
        telling.end(Fate.EXPIRED)
        mesh.clock.advance(DAY)
    assert len(telling.hear(ALICE)) == 1


def test_who_has_acknowledged_is_not_told_again_and_other_stages_change_nothing(mesh):
    telling = Telling(mesh)
    telling.hear(ALICE)
    for fate in (Fate.QUEUED, Fate.POSTPONED, Fate.ACCEPTED, Fate.ACKNOWLEDGED):
        telling.end(fate)
        assert not mesh.memory.has_untold_mail(ALICE)
    mesh.clock.advance(2 * DAY)
    assert telling.hear(ALICE) == []


def test_whoever_was_reached_once_waits_an_hour_again_not_longer(mesh):
    telling = Telling(mesh)
    for fate in (Fate.FAILED, Fate.ACKNOWLEDGED, Fate.FAILED):
        ask(mesh, "send Alice more", sender=BOB)
        assert len(telling.hear(ALICE)) == 1
        telling.end(fate)
        mesh.clock.advance(AT_MOST_EVERY)
    assert len(telling.hear(ALICE)) == 1


def test_a_notice_that_a_restart_has_cut_off_is_still_told_again(mesh):
    earlier = Telling(mesh)
    earlier.hear(ALICE)
    later = Telling(mesh)
    later.end(Fate.UNCONFIRMED, earlier.notice)
    assert later.hear(ALICE) == []
    mesh.clock.advance(AT_MOST_EVERY)
    assert len(later.hear(ALICE)) == 1


def test_who_reads_the_mail_meanwhile_is_not_told_of_it(mesh):
    telling = Telling(mesh)
    telling.hear(ALICE)
    ask(mesh, "", sender=ALICE)
    telling.end(Fate.FAILED)
    mesh.clock.advance(DAY)
    assert telling.hear(ALICE) == []


def test_a_database_out_of_reach_at_the_notice_s_end_harms_nothing(mesh, tmp_path):
    telling = Telling(mesh)
    telling.hear(ALICE)
    holder = break_database(mesh, tmp_path)
    telling.end(Fate.FAILED)
    assert telling.hear(ALICE) == []
    holder.close()


def test_the_fate_of_something_else_changes_nothing(mesh):
    telling = Telling(mesh)
    telling.hear(ALICE)
    for origin in ("", "telegram:1:0:2", "mail:", "mail:1234", "mail:x:1", "mail:1234:1:1", "mail:1234:1"):
        telling.end(Fate.FAILED, OutgoingText("", ALICE, origin=origin))
    mesh.clock.advance(2 * AT_MOST_EVERY)
    assert telling.hear(ALICE) == []


def test_who_asks_for_the_mail_at_once_is_not_told_of_it_as_well(mesh):
    telling = Telling(mesh)
    assert telling.hear(ALICE, to=OWN, portnum=TEXT) == []
    assert "See you at five" in ask(mesh, "")
    assert telling.hear(ALICE, portnum=TELEMETRY) == []


def test_who_asks_something_else_is_told_of_the_mail_at_the_next_packet(mesh):
    telling = Telling(mesh)
    assert telling.hear(ALICE, to=OWN, portnum=TEXT) == []
    assert len(telling.hear(ALICE, to=OWN, portnum=5)) == 1


def test_who_has_read_or_deleted_the_mail_is_not_told_of_it(mesh):
    telling = Telling(mesh)
    ask(mesh, "send Bob hello")
    ask(mesh, "")
    ask(mesh, "del 1", sender=BOB)
    assert telling.hear(ALICE) == telling.hear(BOB) == []
    assert not mesh.memory.has_untold_mail(ALICE)


def test_a_mailbox_out_of_reach_is_left_alone_for_a_while(mesh, tmp_path):
    telling = Telling(mesh)
    holder = break_database(mesh, tmp_path)
    assert telling.hear(ALICE) == []
    assert ask(mesh, "send Bob hello") == OUT_OF_REACH
    holder.close()
    assert telling.hear(ALICE) == []
    mesh.clock.advance(RETRY_AFTER)
    assert len(telling.hear(ALICE)) == 1


def test_the_longest_notice_fits_one_packet(mesh):
    mesh.manager.learn_from_node_database([NodeRecord(100 + n, "😀" * 10, "") for n in range(5)])
    for sender in range(100, 105):
        ask(mesh, "send Bob hello", sender=sender)
    for language in ("fr", "en"):
        ((_to, text),) = Telling(mesh, language).hear(BOB)
        assert len(text.encode()) <= 200
        ask(mesh, "send Bob hello")
