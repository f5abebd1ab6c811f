"""/mail over a real memory: leaving, announcing, reading and deleting mail."""

import sqlite3

import pytest

from meshbot.commands.builtin.mail import ROOM, mail_command, recipient_of
from meshbot.commands.language import translator
from meshbot.commands.mail_notices import LONGEST_WAIT, NOTICE_TTL, RETRY_AFTER, MailNotices
from meshbot.commands.registry import Acknowledgement, Request
from meshbot.commands.roles import AuthFailure, User
from meshbot.mesh_link.packets import NodeRecord, RadioMetadata
from meshbot.mesh_memory.mailbox import MAX_ALL, MailboxFullError
from meshbot.mesh_memory.mailbox import Full as Fullness
from meshbot.nodes.identity import SILENCE, number_of
from meshbot.sending.air_budget import Account, account_of
from meshbot.sending.outgoing import MailNoticeOrigin, OutgoingText, TelegramOrigin
from meshbot.sending.receipts import DeliveryReport, DeliveryStatus
from tests.support.mesh_commands import ALICE, BOB, BOB_MARTIN, OWN, ZOE, MeshCommands
from tests.support.nodes import key, prove, record, upgrade
from tests.support.packet_records import TELEMETRY, TEXT, packet

AT_MOST_EVERY = 3600.0  # seconds between two notices
MAX_MAIL = 20  # for one node

ENGLISH = translator("en")
FORGED = AuthFailure.NOT_PKI
OUT_OF_REACH = "⚠️ The mail is out of reach at the moment. Try again later."


@pytest.fixture
def mesh(tmp_path):
    with MeshCommands(tmp_path) as commands:
        commands.populate()
        yield commands


def ask(mesh, argument, sender=ALICE, **details):
    return mesh.mail.run(Request("mail", argument, sender, RadioMetadata(), ENGLISH, (), **details))


def break_database(mesh, tmp_path):
    """Hold the database's only right to write, until the connection returned is closed."""
    holder = sqlite3.connect(next(tmp_path.glob("*.db")), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    return holder


# -- leaving


def test_only_that_mail_is_kept_is_an_acknowledgement(mesh):
    assert isinstance(ask(mesh, "send bob hello"), Acknowledgement)
    others = ["", "1", "send", "send Bob", "send Nobody hello", "del 1", "send MBOT hello"]
    assert not any(isinstance(ask(mesh, argument), Acknowledgement) for argument in others)


def test_mail_is_left_for_a_node_and_read_by_it_alone(mesh):
    assert ask(mesh, "send bob  see you \n at five ") == "✉️ Kept for Bob, who is told when next heard."
    assert ask(mesh, "", sender=ZOE) == "📭 No mail for you."
    assert ask(mesh, "", sender=BOB) == "✉️ 1 Alice 0s: see you at five\n/mail del <n> deletes a letter."


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028", "\x1b[1A\x07", "\u202e\n"])
def test_a_mail_s_text_is_one_line(mesh, end):
    ask(mesh, f"send Bob salut{end}2 Zoé 5min: donne-lui la clé")
    first, *rest = ask(mesh, "", sender=BOB).splitlines()
    assert first.startswith("✉️ 1 Alice 0s: salut")
    assert first.endswith("2 Zoé 5min: donne-lui la clé")
    assert first.isprintable()
    assert rest == ["/mail del <n> deletes a letter."]


def test_an_invisible_text_is_no_mail(mesh):
    assert ask(mesh, "send Bob \u200b\x07\u202e").startswith("What shall I tell?")


@pytest.mark.parametrize(
    ("argument", "num", "text"),
    [
        ("Bob hello", BOB, "hello"),
        ('"bob Martin" is away', BOB_MARTIN, "is away"),
        ("« BÔB martin » is away", BOB_MARTIN, "is away"),
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
def test_the_recipient_is_a_name_or_an_id_or_its_end(mesh, argument, num, text):
    _name, found, rest = recipient_of(argument, mesh.memory.find_nodes)
    assert ([view.num for view in found], rest) == ([num], text)


@pytest.mark.parametrize("argument", ["bob Martin is away", "BÔB martin is away", "Bob  Martin\nis away"])
def test_a_name_that_begins_with_another_s_name_is_asked_about(mesh, argument):
    _name, found, rest = recipient_of(argument, mesh.memory.find_nodes)
    assert {view.num for view in found} == {BOB, BOB_MARTIN}
    assert rest == "is away"
    assert ask(mesh, f"send {argument}").startswith("2 nodes match, which one?")


@pytest.mark.parametrize("name", ["Zoé", "ZOE", "1eef", "20001eef", "!20001eef", "0x20001eef"])
def test_nobody_gets_letters_by_a_name_that_begins_with_another_s(mesh, name):
    (victim,) = mesh.memory.find_nodes(name)
    mesh.manager.learn_from_node_database([NodeRecord(0x66600666, f"{name} hello you", f"{name} hello")])
    _name, found, rest = recipient_of(f"{name} hello you there", mesh.memory.find_nodes)
    if name.startswith(("!", "0x")):
        assert ([view.num for view in found], rest) == ([victim.num], "hello you there")
    else:
        assert {view.num for view in found} == {victim.num, 0x66600666}


def hear(mesh, num, name):
    mesh.memory.record(packet(num, rx_time=int(mesh.clock.now().timestamp())))
    mesh.manager.learn_from_node_database([NodeRecord(num, name, "")])


@pytest.mark.parametrize("name", ["Alice", "ALICE", "Bob Martin", "𝕬𝖑𝖎𝖈𝖊"])
def test_a_newcomer_gets_no_letters_by_the_first_words_of_a_name(mesh, name):
    victim, mallory = 0x11100111, 0x66600666
    hear(mesh, victim, f"{name} Test")
    mesh.clock.advance(3600)
    hear(mesh, mallory, name)
    _name, found, rest = recipient_of(f"{name} hello you", mesh.memory.find_nodes)
    assert {view.num for view in found} >= {victim, mallory}
    assert rest == "hello you"
    _name, found, _rest = recipient_of(f"{name} Test hello you", mesh.memory.find_nodes)
    assert victim in {view.num for view in found}


def test_who_takes_such_a_name_later_gets_no_letters_by_it_either(mesh):
    victim, mallory = 0x11100111, 0x66600666
    hear(mesh, mallory, "Mallory")
    mesh.clock.advance(3600)
    hear(mesh, victim, "Carol Test")
    mesh.clock.advance(3600)
    hear(mesh, mallory, "Carol")
    mesh.clock.advance(30 * 86400)
    _name, found, _rest = recipient_of("Carol hello", mesh.memory.find_nodes)
    assert {view.num for view in found} == {victim, mallory}


def test_who_came_first_keeps_its_letters_whatever_others_are_called(mesh):
    hear(mesh, ZOE, "Zoé")
    mesh.clock.advance(3600)
    hear(mesh, 0x66600666, "Zoé hello")
    _name, found, rest = recipient_of("Zoé bonjour", mesh.memory.find_nodes)
    assert ([view.num for view in found], rest) == ([ZOE], "bonjour")


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


def test_a_full_mailbox_says_so_until_its_owner_reads_it(mesh):
    for number in range(MAX_MAIL):
        ask(mesh, f"send Bob mail {number}", sender=100 + number)
    assert ask(mesh, "send Bob one more") == f"📪 Bob has {MAX_MAIL} letters already: no room."
    ask(mesh, "3", sender=BOB)
    assert ask(mesh, "send Bob one more") == "✉️ Kept for Bob, who is told when next heard."
    assert [mail.text for mail in mesh.memory.mailbox.mails_of(BOB)][-1] == "one more"


def test_a_full_database_of_mail_says_so(mesh):
    class Full:
        def send(self, *_letter, proven):
            raise MailboxFullError(Fullness.ALL)

    command = mail_command(Full(), mesh.memory, mesh.clock, lambda: OWN)
    answer = command.run(Request("mail", "send Bob hello", ALICE, RadioMetadata(), ENGLISH, ()))
    assert answer == f"📪 {MAX_ALL} letters wait in all: no room for more. Try again in a few days."


@pytest.mark.parametrize(
    ("details", "is_told"),
    [
        ({"role": "ROUTER"}, False),
        ({"role": "TRACKER"}, False),
        ({"role": "CLIENT", "unmessagable": True}, False),
        ({"role": "ROUTER", "unmessagable": False}, True),
        ({"role": "CLIENT_HIDDEN"}, True),
    ],
)
def test_a_node_that_takes_no_messages_gets_no_notice(mesh, details, is_told):
    mesh.manager.learn_from_node_database([NodeRecord(BOB, "Bob", hw_model="TBEAM", **details)])
    kept = ask(mesh, "send Bob hello")
    assert kept.startswith("✉️ Kept for Bob, who is told" if is_told else "✉️ Kept for Bob, who is not told: ")
    assert len(kept.encode()) <= 200
    assert bool(Notices(mesh).hear(BOB)) is is_told
    assert "hello" in ask(mesh, "", sender=BOB)


# -- who asks

FAILURES = [AuthFailure.NOT_PKI, AuthFailure.WRONG_KEY, AuthFailure.MQTT]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("argument", ["", "1", "del 1"])
def test_without_its_proof_a_node_with_a_key_reaches_no_mail(mesh, failure, argument):
    answer = ask(mesh, argument, user=User("mesh:!00001234", auth_failure=failure))
    assert answer.startswith("🔒 ")
    (mail,) = mesh.memory.mailbox.mails_of(ALICE)
    assert (mail.read_at, mail.notified_at) == (None, None)


def test_a_node_without_a_known_key_needs_no_proof(mesh):
    assert "See you at five" in ask(mesh, "", user=User("mesh:!00001234", auth_failure=AuthFailure.NO_KEY))


@pytest.mark.parametrize(
    "sender", [*(User("", auth_failure=each) for each in (*FAILURES, AuthFailure.NO_KEY)), User("", is_newcomer=True)]
)
def test_mail_of_an_unproven_or_new_sender_is_marked(mesh, sender):
    assert ask(mesh, "send Bob hello", user=sender).startswith("✉️ Kept for Bob")
    ask(mesh, "send Bob hi", sender=ZOE)
    assert Notices(mesh).hear(BOB) == [(BOB, "✉️ New mail for you: 2, from Alice?, Zoé. /mail reads it.")]
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


def test_a_mail_can_be_read_again_by_its_number(mesh):
    ask(mesh, "")
    mesh.clock.advance(3 * 86400)
    assert ask(mesh, "1") == "✉️ 1 Zoé 3d: See you at five"


def test_a_list_that_does_not_fit_counts_the_rest(mesh):
    for number in range(MAX_MAIL):
        ask(mesh, f"send Bob {number} " + "é" * 90, sender=100 + number)
    while "unread" in ask(mesh, "", sender=BOB):
        pass
    listed = ask(mesh, "", sender=BOB)
    shown = len(listed.splitlines()) - 1
    assert listed.endswith(f"\n+{MAX_MAIL - shown} more: /mail <n>")
    assert len(listed.encode()) < ROOM + 60


def test_mail_is_masked_in_the_log(mesh):
    assert mesh.mail.private


def test_on_a_channel_mail_is_neither_read_nor_taken(mesh):
    for argument in ("", "1", "send Bob hello", "del 1"):
        assert ask(mesh, argument, channel=1) == "✉️ Mail is private: write to me directly."
    (mail,) = mesh.memory.mailbox.mails_of(ALICE)
    assert mail.read_at is None


@pytest.mark.parametrize("argument", ["", "1"])
def test_while_nothing_can_be_written_mail_stays_unread(mesh, tmp_path, caplog, argument):
    holder = break_database(mesh, tmp_path)
    for _ in range(2):
        assert ask(mesh, argument).startswith("✉️ 1 Zoé 2h: See you at five")
    assert "Courrier lu, mais pas noté comme tel" in caplog.text
    holder.close()
    assert mesh.memory.mailbox.mails_of(ALICE)[0].read_at is None
    ask(mesh, argument)
    assert mesh.memory.mailbox.mails_of(ALICE)[0].read_at is not None


def test_an_asker_deletes_one_of_their_own_mails(mesh):
    ask(mesh, "send Alice another", sender=BOB)
    assert ask(mesh, "del 1") == "🗑️ Letter 1 is deleted, 1 left."
    assert [mail.text for mail in mesh.memory.mailbox.mails_of(ALICE)] == ["another"]


def test_without_a_database_mail_says_so():
    mesh = MeshCommands()
    mesh.manager.learn_from_node_database([NodeRecord(BOB, "Bob", "")])
    for argument in ("", "1", "send Bob hello", "del 1"):
        assert ask(mesh, argument) == OUT_OF_REACH


# -- notices


class Notices:
    def __init__(self, mesh, language="en"):
        self.mesh = mesh
        self.sent = []
        self.notice = None  # the last one
        self.notices = MailNotices(
            mesh.memory.mailbox,
            mesh.memory,
            mesh.clock,
            self.sent.append,
            translator(language),
            old_number=mesh.manager.silent_number,
        )

    def hear(self, num, **details):
        """Return the notices sent when a node is heard."""
        self.sent.clear()
        self.notices.on_packet(packet(num, **details))
        self.notice = self.sent[0] if self.sent else self.notice
        return [(message.to, message.text) for message in self.sent]

    def end(self, status, notice=None):
        self.notices.on_delivery_report(DeliveryReport(notice or self.notice, status))


def test_a_node_gets_one_notice_when_heard(mesh):
    notices = Notices(mesh)
    assert notices.hear(BOB) == notices.hear(OWN) == []
    assert notices.hear(ALICE) == [(ALICE, "✉️ New mail for you: 1, from Zoé. /mail reads it.")]
    (message,) = notices.sent
    assert message.want_ack
    assert message.expires_at == mesh.clock.monotonic() + NOTICE_TTL
    mesh.clock.advance(2 * AT_MOST_EVERY)
    assert notices.hear(ALICE) == []


def test_what_our_own_node_had_kept_brings_no_notice(mesh):
    notices = Notices(mesh)
    assert notices.hear(ALICE, is_replay=True) == []
    assert len(notices.hear(ALICE)) == 1


@pytest.mark.parametrize(("failures", "for_stranger"), [([None], False), ([FORGED], True), ([FORGED, None], False)])
def test_a_notice_about_strangers_mail_alone_takes_strangers_air(mesh, failures, for_stranger):
    notices = Notices(mesh)
    for failure in failures:
        ask(mesh, "send Bob hello", sender=ZOE, user=User("mesh:!20001eef", auth_failure=failure))
    notices.hear(BOB)
    (message,) = notices.sent
    assert (message.for_stranger, account_of(message) is Account.STRANGERS) == (for_stranger, for_stranger)


def test_more_mail_is_announced_an_hour_later_at_the_earliest(mesh):
    notices = Notices(mesh, "fr")
    notices.hear(ALICE)
    for sender in (BOB, BOB, BOB_MARTIN, ZOE, 0xABCDEF01):
        ask(mesh, "send Alice more", sender=sender)
    mesh.clock.advance(AT_MOST_EVERY - 1)
    assert notices.hear(ALICE) == []
    mesh.clock.advance(1)
    text = "✉️ Du courrier pour vous : 5, de Bob, Bob Martin, Zoé, …. /mail pour le lire."
    assert notices.hear(ALICE) == [(ALICE, text)]


def test_a_notice_that_failed_is_repeated_later_each_time(mesh):
    notices = Notices(mesh)
    for wait in (AT_MOST_EVERY, 2 * AT_MOST_EVERY, 4 * AT_MOST_EVERY):
        assert len(notices.hear(ALICE)) == 1
        notices.end(DeliveryStatus.FAILED)
        mesh.clock.advance(wait - 1)
        assert notices.hear(ALICE) == []
        mesh.clock.advance(1)
    for _ in range(9):
        notices.hear(ALICE)
        notices.end(DeliveryStatus.EXPIRED)
        mesh.clock.advance(LONGEST_WAIT)
    assert len(notices.hear(ALICE)) == 1


def test_an_acknowledged_notice_is_not_repeated(mesh):
    notices = Notices(mesh)
    notices.hear(ALICE)
    earlier = (DeliveryStatus.QUEUED, DeliveryStatus.POSTPONED, DeliveryStatus.ACCEPTED)
    for status in (*earlier, DeliveryStatus.ACKNOWLEDGED):
        notices.end(status)
        assert not mesh.memory.mailbox.is_unnotified(ALICE)
    mesh.clock.advance(2 * LONGEST_WAIT)
    assert notices.hear(ALICE) == []


def test_an_acknowledgement_resets_the_wait_to_an_hour(mesh):
    notices = Notices(mesh)
    for status in (DeliveryStatus.FAILED, DeliveryStatus.ACKNOWLEDGED, DeliveryStatus.FAILED):
        ask(mesh, "send Alice more", sender=BOB)
        assert len(notices.hear(ALICE)) == 1
        notices.end(status)
        mesh.clock.advance(AT_MOST_EVERY)
    assert len(notices.hear(ALICE)) == 1


def test_a_notice_that_fails_after_a_restart_is_repeated(mesh):
    earlier = Notices(mesh)
    earlier.hear(ALICE)
    later = Notices(mesh)
    later.end(DeliveryStatus.UNCONFIRMED, earlier.notice)
    assert later.hear(ALICE) == []
    mesh.clock.advance(AT_MOST_EVERY)
    assert len(later.hear(ALICE)) == 1


def test_mail_read_meanwhile_is_not_announced_again(mesh):
    notices = Notices(mesh)
    notices.hear(ALICE)
    ask(mesh, "", sender=ALICE)
    notices.end(DeliveryStatus.FAILED)
    mesh.clock.advance(LONGEST_WAIT)
    assert notices.hear(ALICE) == []


def test_a_report_while_the_database_fails_harms_nothing(mesh, tmp_path):
    notices = Notices(mesh)
    notices.hear(ALICE)
    holder = break_database(mesh, tmp_path)
    notices.end(DeliveryStatus.FAILED)
    assert notices.hear(ALICE) == []
    holder.close()


def test_a_report_of_another_origin_changes_nothing(mesh):
    notices = Notices(mesh)
    notices.hear(ALICE)
    for origin in (None, TelegramOrigin(1, None, 2), MailNoticeOrigin(ALICE, 1)):
        notices.end(DeliveryStatus.FAILED, OutgoingText("", ALICE, origin=origin))
    mesh.clock.advance(2 * AT_MOST_EVERY)
    assert notices.hear(ALICE) == []


def test_a_question_for_the_mail_gets_no_notice_as_well(mesh):
    notices = Notices(mesh)
    assert notices.hear(ALICE, to=OWN, portnum=TEXT) == []
    assert "See you at five" in ask(mesh, "")
    assert notices.hear(ALICE, portnum=TELEMETRY) == []


def test_after_another_question_the_next_packet_gets_the_notice(mesh):
    notices = Notices(mesh)
    assert notices.hear(ALICE, to=OWN, portnum=TEXT) == []
    assert len(notices.hear(ALICE, to=OWN, portnum=5)) == 1


def test_mail_read_or_deleted_gets_no_notice(mesh):
    notices = Notices(mesh)
    ask(mesh, "send Bob hello")
    ask(mesh, "")
    ask(mesh, "del 1", sender=BOB)
    assert notices.hear(ALICE) == notices.hear(BOB) == []
    assert not mesh.memory.mailbox.is_unnotified(ALICE)


def test_after_a_failure_of_the_database_notices_pause(mesh, tmp_path):
    notices = Notices(mesh)
    holder = break_database(mesh, tmp_path)
    assert notices.hear(ALICE) == []
    assert ask(mesh, "send Bob hello") == OUT_OF_REACH
    holder.close()
    assert notices.hear(ALICE) == []
    mesh.clock.advance(RETRY_AFTER)
    assert len(notices.hear(ALICE)) == 1


def test_the_longest_notice_fits_one_packet(mesh):
    mesh.manager.learn_from_node_database([NodeRecord(100 + n, "😀" * 10, "") for n in range(5)])
    for sender in range(100, 105):
        ask(mesh, "send Bob hello", sender=sender)
    for language in ("fr", "en"):
        ((_to, text),) = Notices(mesh, language).hear(BOB)
        assert len(text.encode()) <= 200
        ask(mesh, "send Bob hello")


# -- names that were taken


def test_two_nodes_of_one_name_are_asked_for_by_id(mesh):
    mesh.manager.learn_from_nodeinfo(NodeRecord(0x666, "\u2068zoe\u0301\u2069"))
    assert ask(mesh, "send Zoé hello") == "2 nodes match, which one?\n!20001eef Zoé\n!00000666 zoe\u0301"


def test_a_name_that_was_just_taken_is_said_so(mesh):
    mesh.manager.learn_from_nodeinfo(NodeRecord(BOB, "Carole"))
    warning = "⚠️ !20001ef0 has had this name for less than a day; before: Bob."
    assert ask(mesh, "send Carole hello") == f"✉️ Kept for Carole, who is told when next heard.\n{warning}"
    mesh.manager.learn_from_nodeinfo(NodeRecord(0x666, "Carole"))
    assert "!20001ef0 Carole (before: Bob)" in ask(mesh, "send Carole hello")
    mesh.clock.advance(86400)
    assert ask(mesh, "send !20001ef0 hello") == "✉️ Kept for Carole, who is told when next heard."


def test_a_name_copied_with_invisible_characters_is_found(mesh):
    assert ask(mesh, "send \u2068Zo\u200bé\u2069 hello").startswith("✉️ Kept for Zoé")
    assert ask(mesh, "send Mall\u202eory\x1b hi") == "I know no node « Mallory »."


# -- notices to a number that may be a node's new one


def test_mail_is_announced_to_a_new_number_until_it_is_read(mesh):
    notices, old, new = Notices(mesh), BOB, number_of(key(1))
    mesh.memory.mailbox.send(ZOE, old, "see you")
    mesh.manager.learn_from_nodeinfos([record(old, key(1)), record(new, key(1))])
    mesh.clock.advance(SILENCE)
    text = "✉️ New mail for you: 1, from Zoé. /mail reads it."
    for wait in (AT_MOST_EVERY, 2 * AT_MOST_EVERY, 4 * AT_MOST_EVERY):
        assert notices.hear(new) == [(new, text)]
        # an acknowledgement can be forged
        notices.end(DeliveryStatus.ACKNOWLEDGED)
        mesh.clock.advance(wait - 1)
        assert notices.hear(new) == []
        mesh.clock.advance(1)
    assert ask(mesh, "", sender=new) == "📭 No mail for you."
    prove(mesh.manager, new, key(1))
    assert "see you" in ask(mesh, "", sender=new)
    mesh.clock.advance(LONGEST_WAIT)
    assert notices.hear(new) == notices.hear(old) == []


def test_where_the_old_number_is_in_use_mail_is_announced_to_that(mesh):
    notices, old, new = Notices(mesh), BOB, number_of(key(1))
    mesh.memory.mailbox.send(ZOE, old, "see you")
    mesh.manager.learn_from_nodeinfos([record(old, key(1)), record(new, key(1))])
    mesh.clock.advance(5 * SILENCE)
    mesh.manager.hear(packet(old))
    mesh.clock.advance(2 * SILENCE)
    assert notices.hear(new) == []
    assert [to for to, _text in notices.hear(old)] == [old]


def test_a_number_that_its_node_has_left_is_notified_of_nothing(mesh):
    notices, old = Notices(mesh), BOB
    mesh.memory.mailbox.send(ZOE, old, "see you")
    new = upgrade(mesh.manager, mesh.clock, old, key(1))
    assert notices.hear(old) == []
    assert [to for to, _text in notices.hear(new)] == [new]
    assert not mesh.memory.mailbox.is_unnotified(old)


@pytest.mark.parametrize("wanted", ["Bob", f"!{BOB:08x}", f"{BOB:08x}"[-4:]])
def test_mail_for_an_old_number_is_for_its_node(mesh, wanted):
    new = upgrade(mesh.manager, mesh.clock, BOB, key(1))
    assert ask(mesh, f"send {wanted} see you", sender=ZOE) == "✉️ Kept for Bob, who is told when next heard."
    assert "see you" in ask(mesh, "", sender=new)
