"""The thread Mesh-Dispatcher: questions in, answers out, whatever the commands do."""

import threading
from queue import SimpleQueue

import pytest

from meshbot.commands.dispatcher import Dispatcher
from meshbot.commands.executor import COMMANDS_OF_STRANGERS, LOST_WORKERS_LIMIT, WAITING_LIMIT
from meshbot.commands.filter import MessageFilter
from meshbot.commands.greetings import IN_AN_HOUR
from meshbot.commands.language import translator
from meshbot.commands.registry import Command, Registry
from meshbot.mesh_link.messages import BROADCAST_NUM, RadioMetadata, ReceivedText, TextMessage
from tests.support.dispatching import ASKER, LIMITS, OWN, PATIENCE, SLOW_TIMEOUT, Sent
from tests.support.fake_clock import EPOCH, FakeClock
from tests.support.sample_commands import open_access

TOO_LONG = "⌛ /hang took too long."


# -- questions and answers


def test_an_answer_goes_back_to_the_question(bench):
    bench.ask("/echo bonjour", packet_id=77)
    answer = bench.sent.next_text()
    assert (answer.text, answer.to, answer.reply_id, answer.want_ack) == ("bonjour", ASKER, 77, True)
    assert answer.expires_at == bench.clock.monotonic() + LIMITS.answer_ttl


def test_a_question_is_for_the_node_that_received_it(bench):
    bench.ask("/echo a", to=OWN + 1, packet_id=5)
    bench.ask("/echo a", to=OWN + 1, packet_id=6, own_num=OWN + 1)
    assert bench.sent.next_text().reply_id == 6


def test_an_answer_on_a_channel_stays_on_the_channel(bench):
    bench.ask("/echo bonjour", to=BROADCAST_NUM, channel=2)
    answer = bench.sent.next_text()
    assert (answer.to, answer.channel, answer.want_ack) == (BROADCAST_NUM, 2, False)


@pytest.mark.parametrize("text", ["/reboot", "/echo <text> — says it"])
def test_an_answer_on_a_channel_is_no_command_to_other_bots(bench, text):
    bench.ask(f"/echo {text}", to=BROADCAST_NUM, channel=2)
    assert bench.sent.next_text().text == f"› {text}"
    bench.ask(f"/echo {text}")
    # the asker alone reads it
    assert bench.sent.next_text().text == text


@pytest.mark.parametrize("command", ["/letter", "/LETTRE"])
def test_what_is_private_does_not_stand_in_the_log(bench, caplog, command):
    bench.ask(f"{command} send Bob the key is 9876")
    assert bench.sent.next_text().text == "send Bob the key is 9876"
    bench.ask("/echo the sun shines")
    bench.sent.next_text()
    assert f"MESSAGE BRUT: '{command.lower()} *** (24 octets)'" in caplog.text
    assert "9876" not in caplog.text
    assert "the sun shines" in caplog.text


@pytest.mark.parametrize("question", ["/ia 9876", "/ bot 9876", "\uff0fmail send Bob 9876", "/ mdp 9876"])
def test_a_private_text_for_a_command_we_lack_is_not_logged_either(bench, caplog, question):
    bench.ask(question)
    bench.sent.next_text()
    assert "MESSAGE BRUT" in caplog.text
    assert "9876" not in caplog.text


def test_a_text_forges_neither_fields_nor_another_line(bench, caplog):
    bench.ask("✅ SYNC COMPLETE: 9' | from=0x00000bad | to=0x1")
    bench.ask("/echo done")
    bench.sent.next_text()
    (line,) = (line for line in caplog.messages if "COMPLETE" in line)
    assert "SYNC" not in line
    assert line.split(" | ")[1] == "from=0x00001234"
    assert line.count("from=") == 1


def test_an_empty_answer_is_not_sent(bench):
    bench.ask("/echo")
    bench.ask("/echo done")
    texts = {bench.sent.next_text().text}
    bench.settle()
    assert texts == {"done"}
    assert bench.sent.texts.empty()


def test_a_command_by_its_alias_in_capitals_runs(bench):
    bench.ask("/H x")
    assert bench.begun.get(timeout=PATIENCE) == "x"


def test_a_command_of_telegram_alone_is_unknown_to_the_mesh(bench):
    bench.ask("/press")
    assert bench.sent.next_text().text == "Unknown command /press. /help lists mine."
    bench.ask("/may")
    assert "press" not in bench.sent.next_text().text


def test_an_unknown_command_gets_an_error_directly(bench):
    bench.ask("/" + "x" * 50)
    assert bench.sent.next_text().text == f"Unknown command /{'x' * 20}. /help lists mine."


def test_an_unknown_command_with_braces_gets_an_error_too(bench):
    bench.ask("/{name}{0}")
    assert "/{name}{0." in bench.sent.next_text().text


def test_an_unknown_command_on_a_channel_may_be_another_bots(bench):
    bench.ask("/meteo", to=BROADCAST_NUM, channel=2)
    bench.settle()
    assert bench.sent.texts.empty()


GREETING_LINE = "👋 I answer commands such as /ping. /help lists them."
BOT_LINE = "🤖 I am a bot: nobody reads this. /help lists what I answer."
GREETINGS = ["bonjour", "Aide", "help", "ping", "!ping", "Salut !", "\u200bbonjour", "echo x", "?", "Hello bot"]


def test_ordinary_text_is_logged_and_answered_once_a_day(bench, caplog):
    bench.ask("il pleut")
    answer = bench.sent.next_text()
    assert (answer.text, answer.to) == (BOT_LINE, ASKER)
    assert "📨 MESSAGE BRUT: 'il pleut' | from=0x00001234 | to=0x00009999 | broadcast=False" in caplog.messages
    bench.ask("tu es là ?")
    bench.settle()
    assert bench.sent.texts.empty()
    bench.clock.advance(86400)
    bench.ask("il neige")
    assert bench.sent.next_text().text == BOT_LINE


@pytest.mark.parametrize("text", GREETINGS)
def test_who_greets_or_forgets_the_slash_gets_one_line_a_day(bench, text):
    bench.ask(text)
    answer = bench.sent.next_text()
    assert (answer.text, answer.to) == (GREETING_LINE, ASKER)
    bench.ask("bonjour")
    bench.settle()
    assert bench.sent.texts.empty()
    bench.clock.advance(86400)
    bench.ask(text)
    assert bench.sent.next_text().text == GREETING_LINE


@pytest.mark.parametrize(
    ("first", "line", "second"), [("bonjour", GREETING_LINE, "il pleut"), ("il pleut", BOT_LINE, "bonjour")]
)
def test_a_node_gets_one_of_the_two_lines_a_day(bench, first, line, second):
    bench.ask(first)
    assert bench.sent.next_text().text == line
    bench.ask(second)
    bench.settle()
    assert bench.sent.texts.empty()


@pytest.mark.parametrize("text", ["bonjour", "il pleut"])
def test_plain_texts_on_a_channel_or_for_others_get_no_line(bench, text):
    bench.ask(text, to=BROADCAST_NUM, channel=2)
    bench.ask(text, to=77)
    bench.ask(text, sender=OWN)
    bench.ask(text, is_repeat=True)
    bench.ask(text, is_notice=True)
    bench.ask(text, reception=RadioMetadata(rx_time=int(EPOCH.timestamp()) - 3600))
    bench.settle()
    assert bench.sent.texts.empty()


@pytest.mark.parametrize("to", [OWN, BROADCAST_NUM])
def test_an_alert_is_no_command_whatever_it_says(bench, to):
    bench.ask("/echo alert", to=to, channel=2, is_notice=True)
    bench.ask("/echo done")
    assert bench.sent.next_text().text == "done"
    bench.settle()
    assert bench.sent.texts.empty()


@pytest.mark.parametrize("text", ["👍", "❓", "?"])
def test_an_emoji_on_an_answer_gets_no_line(bench, text):
    bench.ask(text, reply_id=7)
    bench.settle()
    assert bench.sent.texts.empty()


@pytest.mark.parametrize("text", ["bonjour", "il pleut", "/nonsense"])
def test_what_a_person_elsewhere_waits_for_gets_no_line(bench, text):
    bench.awaited.add(ASKER)
    bench.ask(text)
    bench.settle()
    assert bench.sent.texts.empty()
    bench.ask("/echo here")
    assert bench.sent.next_text().text == "here"
    # it took none of the day's lines
    bench.awaited.clear()
    bench.ask("il pleut")
    assert bench.sent.next_text().text == BOT_LINE


@pytest.mark.parametrize("text", ["bonjour", "il pleut"])
def test_without_air_a_plain_text_gets_no_line_until_there_is_some(bench, text):
    bench.answers_go_in[True] = LIMITS.answer_ttl + 1
    bench.ask(text)
    bench.settle()
    assert bench.sent.texts.empty()
    bench.answers_go_in[True] = 0.0
    bench.ask(text)
    assert bench.sent.next_text().for_stranger
    bench.settle()
    assert bench.sent.texts.empty()


@pytest.mark.parametrize("texts", [("bonjour",), ("il pleut",), ("bonjour", "il pleut")])
def test_plain_texts_of_invented_users_do_not_fill_the_air(bench, texts):
    for sender in range(1, 100):
        bench.ask(texts[sender % len(texts)], sender=sender)
    bench.ask("/echo end", sender=1)
    answers = [bench.sent.next_text().text for _ in range(IN_AN_HOUR + 1)]
    assert answers[-1] == "end"


@pytest.mark.parametrize(
    "text", ["/echo! x", "/ echo x", "/ECHO. x", "/echo@MeshBot x", "\u2068/ec\u200bho\u2069 x", "\x00/echo x"]
)
def test_a_command_that_is_clear_is_run(bench, text):
    bench.ask(text)
    assert bench.sent.next_text().text == "x"


def test_nothing_that_cannot_be_seen_comes_back(bench):
    bench.ask("/no\u202esuch\u200b\x1b[2J")
    assert bench.sent.next_text().text == "Unknown command /nosuch[2j. /help lists mine."


def test_a_stale_question_is_logged_and_not_answered(bench, caplog):
    bench.ask("/echo hier", reception=RadioMetadata(rx_time=int(EPOCH.timestamp()) - 3600))
    bench.settle()
    assert "⏳ Commande de 0x00001234 trop ancienne, sans réponse" in caplog.messages
    assert bench.sent.texts.empty()


def test_a_repeated_packet_is_not_answered_again(bench):
    bench.ask("/echo bonjour", packet_id=5)
    bench.ask("/echo bonjour", packet_id=5, is_repeat=True)
    bench.sent.next_text()
    bench.settle()
    assert bench.sent.texts.empty()


@pytest.mark.parametrize(("to", "channel"), [(OWN, None), (BROADCAST_NUM, 2)])
def test_a_command_knows_on_which_channel_it_was_asked(bench, to, channel):
    bench.ask("/where", to=to, channel=2)
    assert bench.sent.next_text().text == f"on {channel}"


# -- commands that misbehave


@pytest.mark.parametrize("command", ["fail", "exit"])
def test_a_command_that_fails_answers_its_user_and_logs(bench, caplog, command):
    bench.ask(f"/{command}")
    assert bench.sent.next_text().text == f"⚠️ /{command} failed, the operator can see why in the log."
    assert any(line.startswith(f"❌ Commande /{command}: ") for line in caplog.messages)


def test_a_failed_command_costs_no_worker(bench):
    for _ in range(LIMITS.workers + 1):
        bench.ask("/exit")
        bench.sent.next_text()
    bench.ask("/echo bonjour")
    assert bench.sent.next_text().text == "bonjour"


def test_a_command_that_hangs_is_answered_for_at_its_timeout(bench, caplog):
    bench.hang()
    bench.clock.advance(LIMITS.timeout - 0.1)
    assert bench.sent.texts.empty()
    bench.clock.advance(0.1)
    assert bench.sent.next_text().text == TOO_LONG
    assert "❌ Commande /hang sans fin: abandonnée" in caplog.messages


def test_a_command_that_comes_back_too_late_is_not_answered_twice(bench):
    bench.hang()
    bench.clock.advance(LIMITS.timeout)
    bench.sent.next_text()
    bench.release.set()
    bench.ask("/echo after")
    assert bench.sent.next_text().text == "after"
    bench.settle()
    assert bench.sent.texts.empty()


def test_commands_that_hang_do_not_stop_the_others(bench):
    bench.hang(LIMITS.workers)
    bench.clock.advance(LIMITS.timeout)
    bench.ask("/echo bonjour")
    texts = [bench.sent.next_text().text for _ in range(LIMITS.workers + 1)]
    assert texts == [TOO_LONG] * LIMITS.workers + ["bonjour"]


def test_a_command_that_was_given_up_while_it_waited_is_not_run(bench):
    bench.hang(LIMITS.workers)
    bench.ask("/hang again")
    bench.clock.advance(LIMITS.timeout)
    assert [bench.sent.next_text().text for _ in range(LIMITS.workers + 1)] == [TOO_LONG] * (LIMITS.workers + 1)
    for _ in range(LIMITS.workers):
        # behind it in the queue
        bench.ask("/echo bonjour")
        assert bench.sent.next_text().text == "bonjour"
    assert bench.begun.empty()


def test_with_too_many_waiting_commands_a_stranger_is_asked_for_patience(bench, caplog):
    bench.hang(LIMITS.workers)
    for _ in range(COMMANDS_OF_STRANGERS - LIMITS.workers):
        bench.ask("/echo later")
    bench.settle()
    assert bench.sent.texts.empty()
    bench.ask("/echo too much")
    assert bench.sent.next_text().text == "🚦 Too busy, please ask again in a minute."
    assert "⚠️ Trop de commandes en cours: /echo refusée" in caplog.messages


def test_with_too_many_hanging_threads_no_command_starts_until_one_returns(bench):
    for _ in range(LOST_WORKERS_LIMIT // LIMITS.workers):
        bench.hang(LIMITS.workers)
        bench.clock.advance(LIMITS.timeout)
    for _ in range(LOST_WORKERS_LIMIT):
        bench.sent.next_text()
    assert bench.dispatcher.is_stuck
    bench.ask("/echo bonjour")
    assert "Too busy" in bench.sent.next_text().text
    bench.release.set()
    texts = set()
    # each thread tells on its own that it is back
    while "bonjour" not in texts:
        bench.ask("/echo bonjour")
        texts.add(bench.sent.next_text().text)
    assert texts <= {"bonjour", "🚦 Too busy, please ask again in a minute."}
    assert not bench.dispatcher.is_stuck


# -- commands that wait for other computers


def test_fast_commands_never_wait_behind_slow_ones(bench):
    bench.think(*range(1, LIMITS.slow_workers + 1))
    # waits for a thread
    bench.ask("/think", sender=100)
    # a minute of packets
    for _ in range(60):
        bench.clock.advance(1.0)
        bench.ask("/echo here")
        answer = bench.sent.next_text()
        assert answer.text == "here"
        # answered in the second it came
        assert answer.expires_at == bench.clock.monotonic() + LIMITS.answer_ttl
    bench.release.set()
    texts = [bench.sent.next_text().text for _ in range(LIMITS.slow_workers + 2)]
    assert sorted(texts) == ["at last"] * (LIMITS.slow_workers + 1) + ["hm"]


def test_slow_commands_start_while_all_fast_ones_hang(bench):
    bench.hang(LIMITS.workers)
    bench.think(1)


def test_an_interim_answer_goes_the_same_way_before_the_final_one(bench):
    bench.release.set()
    bench.ask("/think", to=BROADCAST_NUM, channel=2, packet_id=77)
    answers = [bench.sent.next_text() for _ in range(2)]
    assert [answer.text for answer in answers] == ["hm", "at last"]
    assert {(answer.to, answer.channel, answer.reply_id) for answer in answers} == {(BROADCAST_NUM, 2, 77)}


def test_a_command_has_its_own_time(bench):
    bench.think(1)
    bench.clock.advance(SLOW_TIMEOUT - 0.1)
    assert bench.sent.texts.empty()
    bench.clock.advance(0.1)
    assert bench.sent.next_text().text == "⌛ /think took too long."


def test_no_interim_answer_follows_the_last_one(bench):
    texts = []
    late = Command("late", "", lambda request: texts.append(request.send_interim) or "done")
    bench.dispatcher._registry = Registry([late])
    bench.ask("/late")
    assert bench.sent.next_text().text == "done"
    texts.pop()("too late")
    bench.settle()
    assert bench.sent.texts.empty()


def test_a_user_has_one_question_of_a_slow_kind_at_a_time(bench):
    bench.think(1, 2)
    bench.ask("/think", sender=1)
    assert bench.sent.next_text().text == "⏳ I am still working on your previous /think."
    bench.release.set()
    assert {bench.sent.next_text().text for _ in range(2)} == {"at last"}
    bench.think(1)


def test_a_user_may_ask_slow_questions_of_two_kinds_at_once(bench):
    bench.think(1)
    bench.ask("/look", sender=1)
    bench.begun.get(timeout=PATIENCE)


def test_a_question_that_took_too_long_does_not_bar_the_next_one(bench):
    bench.think(1)
    bench.clock.advance(SLOW_TIMEOUT)
    bench.sent.next_text()
    bench.think(1)


def test_slow_commands_beyond_the_limit_are_refused_and_fast_ones_are_not(bench):
    for asker in range(1, WAITING_LIMIT + 1):
        bench.ask("/look", sender=asker)
    bench.ask("/look", sender=WAITING_LIMIT + 1)
    assert bench.sent.next_text().text == "🚦 Too busy, please ask again in a minute."
    bench.ask("/echo here")
    assert bench.sent.next_text().text == "here"


def test_slow_threads_that_hang_bar_slow_commands_alone(bench):
    for asker in range(1, LOST_WORKERS_LIMIT + 1):
        bench.think(asker)
        bench.clock.advance(SLOW_TIMEOUT)
        bench.sent.next_text()
    bench.ask("/think")
    assert "Too busy" in bench.sent.next_text().text
    bench.ask("/echo here")
    assert bench.sent.next_text().text == "here"


def test_without_slow_commands_no_thread_waits_for_any(caplog):
    registry = Registry([Command("echo", "", lambda request: request.argument)])
    sent = Sent()
    message_filter = MessageFilter([], 1.0, refuse_mqtt=False)
    dispatcher = Dispatcher(
        FakeClock(), registry, message_filter, open_access(), translator("en"), LIMITS, sent, lambda **_: 0.0
    )
    dispatcher.start(SimpleQueue())
    dispatcher.offer(ReceivedText(TextMessage(1, ASKER, OWN, 0, "/echo x"), OWN))
    assert sent.next_text().text == "x"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("Commands-Slow")]
    dispatcher.stop()
    assert dispatcher.join(PATIENCE)


def test_a_command_with_a_queue_of_its_own_leaves_room_for_others(bench):
    for asker in range(1, 9):
        bench.ask("/wonder", sender=asker)
    refused = bench.sent.next_text()
    assert (refused.text, refused.to) == ("🚦 Too busy, please ask again in a minute.", LIMITS.slow_workers + 6)
    bench.ask("/look", sender=1)
    bench.release.set()
    answers = [bench.sent.next_text() for _ in range(LIMITS.slow_workers + 6)]
    assert {answer.text for answer in answers} == {"at last"}


# -- length


def test_an_answer_on_a_channel_is_written_for_a_signed_packet():
    registry = Registry([Command("room", "", lambda request: f"{request.limit}")])
    sent, message_filter = Sent(), MessageFilter([0], 1.0, refuse_mqtt=False)
    dispatcher = Dispatcher(
        FakeClock(),
        registry,
        message_filter,
        open_access(),
        translator("en"),
        LIMITS,
        sent,
        lambda **_: 0.0,
        text_limit=lambda text: 161 if text.is_broadcast and text.reply_id else 0,
    )
    dispatcher.start(SimpleQueue())
    for packet_id, to in enumerate((BROADCAST_NUM, OWN), 1):
        dispatcher.offer(ReceivedText(TextMessage(packet_id, ASKER, to, 0, "/room"), OWN))
    assert {sent.next_text().text for _ in range(2)} == {"161", "200"}
    dispatcher.stop()
    assert dispatcher.join(PATIENCE)


# -- air time


def test_a_question_that_cannot_be_answered_in_time_is_dropped(bench, caplog):
    bench.answers_go_in[True] = LIMITS.answer_ttl + 1
    for _ in range(3):
        bench.ask("/hang")
        bench.ask("/nonsense")
    bench.settle()
    assert bench.begun.empty()
    bench.answers_go_in[True] = LIMITS.answer_ttl
    bench.ask("/echo now")
    assert bench.sent.next_text().text == "now"
    lines = [line for line in caplog.messages if "🚪" in line]
    assert lines == ["🚪 Questions sans réponse, faute de temps d'émission: 1. Dernière: mesh:!00001234"]


def test_what_a_stranger_asks_on_a_busy_channel_is_not_worked_on(bench):
    bench.channel_is_busy = True
    for text in ("/hang", "/nonsense", "bonjour"):
        bench.ask(text)
    bench.settle()
    assert bench.begun.empty()
    # it acknowledges what it does
    bench.ask("/keep this")
    assert bench.sent.next_text().text == "kept"
    bench.channel_is_busy = False
    bench.ask("/echo now")
    assert bench.sent.next_text().text == "now"


@pytest.mark.parametrize("to", [OWN, BROADCAST_NUM])
def test_an_answer_names_its_asker_as_a_stranger(bench, to):
    bench.ask("/echo hello", to=to, channel=2)
    answer = bench.sent.next_text()
    assert (answer.person, answer.for_stranger, answer.is_proven, answer.despite_load) == (ASKER, True, False, False)


def test_an_acknowledgement_goes_despite_load(bench):
    bench.ask("/keep this")
    answer = bench.sent.next_text()
    assert (answer.text, answer.despite_load) == ("kept", True)
