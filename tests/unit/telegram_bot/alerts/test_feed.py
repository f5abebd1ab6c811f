"""Alerts: one message for each incident, edited as it goes on, and a summary of those that were missed."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from meshbot.runtime.incidents import (
    DatabaseFailed,
    DatabaseRecovered,
    DiskLow,
    DiskRecovered,
    KeyChanged,
    KeyChangeSource,
    KeyShared,
    LinkCause,
    LinkLost,
    LinkRecovered,
    NodeLocked,
    NodeRebooted,
    NodeUnlocked,
    NodeWarning,
    OwnNumberChanged,
    RadioForgot,
)
from meshbot.telegram_bot.alerts.keys import MOST_ALONE, TOGETHER
from meshbot.telegram_bot.alerts.message import JOIN, SHOWN, SPAN, STALE
from tests.support.alert_reader import CHAT, OTHER_CHAT, AlertReader

NODE = "192.168.1.5:4403"
BOB = 0x20001EF0
REFUSED = "It refuses the connection: it is starting, or its TCP server is off."
BACK = "The link to the node is back"
OLD, NEW, OTHER = "1489 6247 9011 2739 4611 7919", "6388 6079 2036 5532 8235 0105", "1630 8242 3072 5835 0762 8959"


def lost(outage=60.0, failures=5, cause=LinkCause.REFUSED, detail="[Errno 111] Connection refused"):
    return LinkLost(NODE, outage, failures, cause, detail)


def changed_key(num=BOB, name="Bob", new=NEW, source=KeyChangeSource.NODE, *, is_newcomer=False):
    return KeyChanged(num, name, OLD, new, source, is_newcomer)


@pytest.fixture
def reader():
    return AlertReader()


# -- the link


def test_a_lost_link_is_reported_with_duration_attempts_and_cause(reader):
    (message,) = reader.report(lost())
    assert message.text == (
        "🔴 13:59 Link to the node lost: 192.168.1.5:4403, for 1 min, 5 attempts. "
        "It refuses the connection: it is starting, or its TCP server is off.\nI keep trying."
    )
    assert (message.chat, message.silent) == (CHAT, False)


def test_an_outage_is_updated_and_resolved_in_one_message(reader):
    (first,) = reader.report(lost())
    (second,) = reader.report(lost(660.0, 130, LinkCause.NO_ANSWER), after=600)
    (third,) = reader.report(LinkRecovered(720.0), after=60)
    assert first.key == second.key == third.key
    assert "for 11 min, 130 attempts. It does not answer." in second.text
    assert reader.texts() == ["🟢 14:11 The link to the node is back, after 12 min.\n🔴 13:59 It does not answer."]


def test_a_link_that_flaps_is_one_message_with_a_count(reader):
    for _ in range(5):
        reader.report(lost(), after=100)
        reader.report(LinkRecovered(70.0), after=10)
    assert reader.texts() == [
        f"🟢 14:09 The link to the node is back, after 1 min.\n🔴 14:08 {REFUSED}\n5 times in 8 min, 5 min in all.",
    ]


def test_an_outage_long_after_the_last_gets_a_new_message(reader):
    reader.report(lost())
    reader.report(LinkRecovered(70.0), after=10)
    reader.report(lost(), after=JOIN)
    assert [text[0] for text in reader.texts()] == ["🟢", "🔴"]


def test_a_link_that_flaps_for_hours_gets_a_second_message(reader):
    for _ in range(int(SPAN / 300) + 1):
        reader.report(lost(), after=290)
        reader.report(LinkRecovered(70.0), after=10)
    assert len(reader.texts()) == 2


def test_a_return_without_an_outage_is_not_reported(reader):
    assert reader.report(LinkRecovered(5.0)) == []
    reader.report(lost())
    reader.report(LinkRecovered(70.0), after=10)
    assert reader.report(LinkRecovered(70.0), after=60) == []


def test_an_unchanged_text_is_not_sent_again(reader):
    reader.report(lost())
    assert reader.report(lost()) == []


@pytest.mark.parametrize(
    ("cause", "detail", "words"),
    [
        (LinkCause.OTHER, "", ""),
        (LinkCause.NO_ROUTE, "[Errno 113] No route to host", "No way leads to it."),
        (LinkCause.SILENCE, "silence", "It says nothing any more."),
        (LinkCause.OTHER, "[Errno 9999] What", "« [Errno 9999] What »"),
        (LinkCause.OTHER, "x" * 500, f"« {'x' * 120} »"),
    ],
)
def test_a_known_cause_is_explained_and_another_is_quoted(reader, cause, detail, words):
    reader.report(lost(cause=cause, detail=detail))
    assert f", 5 attempts. {words}\nI keep trying." in reader.texts()[0]


@pytest.mark.parametrize("cause", LinkCause)
def test_power_and_wifi_are_asked_for_only_without_an_answer(reader, cause):
    reader.report(lost(cause=cause))
    is_absent = cause in {LinkCause.NO_ANSWER, LinkCause.NO_ROUTE}
    assert reader.texts()[0].endswith(" Has it power and WiFi?") == is_absent


def test_a_second_outage_that_lasts_gets_a_new_message(reader):
    (first,) = reader.report(lost())
    reader.report(LinkRecovered(120.0), after=60)
    assert [message.key for message in reader.report(lost(), after=120)] == [first.key]
    assert reader.report(lost(JOIN - 1), after=JOIN - 61)[0].key == first.key
    old, new = reader.report(lost(JOIN), after=1)
    assert (old.key, old.text) == (
        first.key,
        f"🟢 14:01 The link to the node is back, after 2 min.\n🔴 13:59 {REFUSED}",
    )
    assert (new.text.partition(":")[0], new.silent) == ("🔴 14", False)
    assert "times in" not in new.text
    (last,) = reader.report(LinkRecovered(JOIN + 60), after=60)
    assert (last.key, last.text) == (
        new.key,
        f"🟢 14:13 The link to the node is back, after 11 min.\n🔴 14:02 {REFUSED}",
    )


def test_a_third_outage_that_lasts_leaves_the_count_of_two(reader):
    for _ in range(2):
        reader.report(lost(), after=100)
        reader.report(LinkRecovered(70.0), after=10)
    reader.report(lost(), after=100)
    old, _new = reader.report(lost(JOIN + 60), after=JOIN)
    text = f"🟢 14:03 The link to the node is back, after 1 min.\n🔴 14:02 {REFUSED}\n2 times in 3 min, 2 min in all."
    assert old.text == text


def test_one_long_outage_stays_one_message(reader):
    (first,) = reader.report(lost())
    assert {message.key for _ in range(20) for message in reader.report(lost(9000.0, 99), after=JOIN)} <= {first.key}
    assert len(reader.texts()) == 1


def test_an_outage_repeated_without_telegram_gets_a_new_message_afterwards(reader):
    (first,) = reader.report(lost())
    reader.report(LinkRecovered(120.0), after=60)
    reader.report(lost(), after=60)
    reader.disconnect()
    reader.wait(JOIN)
    old, new = reader.reconnect()
    assert (old.key, old.text[0], new.text[0]) == (first.key, "🟢", "🔴")


# -- time


def test_a_jump_of_the_wall_clock_corrects_times_and_changes_no_duration(reader):
    # a Pi that has just started has an old date
    reader.wall -= timedelta(days=40)
    reader.report(lost())
    assert reader.texts()[0].startswith("🔴 13:59 ")
    reader.wall += timedelta(days=40)
    reader.report(lost(660.0), after=600)
    assert reader.texts()[0].startswith("🔴 13:59 Link to the node lost: 192.168.1.5:4403, for 11 min")
    reader.wall -= timedelta(days=90)
    reader.report(LinkRecovered(720.0), after=60)
    assert reader.texts() == [f"🟢 The link to the node is back, after 12 min.\n🔴 {REFUSED}"], (
        "no time that cannot be right"
    )


def test_another_day_is_shown_with_its_date(reader):
    reader.report(lost(20 * 3600.0))
    assert reader.texts()[0].startswith("🔴 03/03 18:00 ")


# -- the node


def test_a_restart_is_reported_with_its_count_and_a_new_firmware(reader):
    reader.report(NodeRebooted(42, firmware="2.7.11", firmware_before="2.7.9"))
    assert reader.texts() == ["🔁 14:00 The node has restarted. Start number 42. Firmware 2.7.9 → 2.7.11."]


def test_a_restart_that_we_ordered_is_silent(reader):
    (message,) = reader.report(NodeRebooted(42, ordered=True))
    assert (message.text, message.silent) == ("🔁 14:00 The node has restarted, as ordered. Start number 42.", True)


def test_repeated_restarts_are_one_message_that_names_the_power_supply(reader):
    for boots in range(3):
        reader.report(NodeRebooted(boots + 1), after=30)
    assert reader.texts() == [
        "🔁 14:01 The node has restarted. Start number 3.\n3 restarts in 1 min. Look at its power supply."
    ]


# -- keys


def test_a_changed_key_is_reported_with_both_keys_and_the_command(reader):
    reader.report(changed_key())
    assert reader.texts() == [
        (
            f"🔑 14:00 Bob (!20001ef0) sends another public key: {NEW}\nTrusted until you decide: {OLD}\n"
            "A reset device, or somebody else: compare it with its owner, then "
            "/keys accept !20001ef0 6388 or /keys reject !20001ef0 6388"
        )
    ]


def test_an_admins_first_key_is_told_with_what_to_do_and_settled(reader):
    reader.report(replace(changed_key(source=KeyChangeSource.FIRST), old=""))
    (text,) = reader.texts()
    assert text.startswith(f"🔑 14:00 Bob (!20001ef0), of admin_nodes, sends its first public key: {NEW}\n")
    assert "/keys verify !20001ef0 or /keys reject !20001ef0 6388" in text
    assert not reader.messages[-1].silent
    reader.report(replace(changed_key(source=KeyChangeSource.OPERATOR), old=NEW), after=13600)
    assert reader.texts() == [f"✅ 17:46 Bob (!20001ef0): {NEW} is right, an operator decided so."]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (KeyChangeSource.REJECTED, f"🚫 17:46 Bob (!20001ef0): {NEW} proves nothing any more, an operator decided so."),
        (KeyChangeSource.OPERATOR, f"✅ 17:46 Bob (!20001ef0): {NEW} instead of {OLD}, an operator decided so."),
        (
            KeyChangeSource.RADIO,
            f"🔑 17:46 Bob (!20001ef0) has another public key: {NEW} instead of {OLD}, the radio says so.",
        ),
    ],
)
def test_a_decision_about_a_key_edits_its_message_hours_later(reader, word, text):
    reader.report(changed_key())
    reader.report(changed_key(source=word), after=13600)
    assert reader.texts() == [text]


def test_each_node_whose_key_waits_is_named_with_a_sound(reader):
    for num in range(1, 30):
        reader.report(changed_key(num, f"R{num}", source=KeyChangeSource.RADIO))
    for num in range(100, 105):
        (message,) = reader.report(changed_key(num, f"N{num}"))
        assert f"N{num} (!{num:08x}) sends another public key" in message.text
        assert not message.silent
    assert len(reader.texts()) == 6


def test_a_flood_of_suspicious_keys_names_all_in_few_messages_that_fit(reader):
    for num in range(1, 500):
        reader.report(changed_key(num, "🦊" * 100), after=0.1)
    text = "\n".join(reader.texts())
    assert all(f"/keys accept !{num:08x} " in text for num in range(1, 500))
    assert len(reader.texts()) <= MOST_ALONE + math.ceil((499 - MOST_ALONE) / TOGETHER)
    assert all(len(each.encode("utf-16-le")) / 2 < 4096 for each in reader.texts())


def test_contradicted_newcomers_share_a_message_beside_a_suspicious_key(reader):
    for num in range(1, 500):
        reader.report(changed_key(num, f"N{num}", is_newcomer=True), after=0.1)
    (message,) = reader.report(changed_key())
    assert "/keys accept !20001ef0 " in message.text
    assert not message.silent
    crowd, alone = reader.texts()
    assert (crowd.splitlines()[-1], alone) == ("… and 491 more, see /keys", message.text)


def test_suspicious_keys_of_an_outage_of_telegram_are_all_named(reader):
    reader.disconnect()
    for num in range(1, 31):
        reader.report(changed_key(num, f"N{num}"), after=JOIN)
    reader.wait(STALE)
    messages = reader.reconnect()
    assert [message.silent for message in messages] == [False] * 3
    assert all(f"N{num} (" in "".join(reader.texts()) for num in range(1, 31))
    reader.report(changed_key(3, "N3", source=KeyChangeSource.OPERATOR), after=60)
    assert "an operator decided so" in reader.texts()[0]


def test_many_changed_keys_are_one_message_that_fits(reader):
    for num in range(1, 500):
        reader.report(changed_key(num, "🦊" * 100, source=KeyChangeSource.RADIO), after=0.1)
    (text,) = reader.texts()
    assert text.endswith(f"\n… and {499 - SHOWN} more, see /keys")
    assert len(text.encode("utf-16-le")) / 2 < 4096
    assert len({message.key for message in reader.messages}) == 1


def test_a_shared_key_is_reported_with_its_nodes(reader):
    reader.report(KeyShared(NEW, ((BOB, "Bob"), (0xA, "")), 2))
    assert reader.texts() == [
        (
            f"⚠️ 14:00 One public key, {NEW}, in 2 nodes: Bob (!20001ef0), !0000000a\n"
            "A copied device, or somebody pretending: the copy needs new keys, made on it."
        )
    ]
    reader.report(KeyShared(NEW, ((BOB, "Bob"), (0xA, "")), 7), after=60)
    assert "in 7 nodes: Bob (!20001ef0), !0000000a, …\n" in reader.texts()[0]


def test_many_shared_keys_are_one_message_that_fits(reader):
    for number in range(100):
        reader.report(KeyShared(f"AA{number:03}AAA…", tuple((num, "🦊" * 100) for num in range(4)), 9))
    (text,) = reader.texts()
    assert f"\n… and {100 - SHOWN} more, see /keys\n" in text
    assert len(text.encode("utf-16-le")) / 2 < 4096


# -- disk and database


def test_a_full_disk_is_reported_and_resolved(reader):
    reader.report(DiskLow(1_234_567_890, 0.03))
    assert reader.texts()[0].startswith("💾 14:00 Little disk space: 1.2 GB free (3.0 %).\nMake room soon")
    reader.report(DiskLow(45_600_000, 0.001), after=900)
    assert reader.texts()[0].startswith("💾 14:00 Little disk space: 46 MB free (0.1 %).")
    reader.report(DiskRecovered(2_000_000_000, 0.07), after=900)
    assert reader.texts() == ["🟢 14:30 Enough disk space again: 2.0 GB free (7.0 %).\n💾 14:00 46 MB were left."]


def test_a_failing_database_is_reported_with_its_reason_and_resolved(reader):
    reader.report(DatabaseFailed("disque plein"))
    assert reader.texts()[0].startswith("🗄️ 14:00 Database in trouble: disque plein.\n")
    reader.report(DatabaseRecovered(), after=300)
    assert reader.texts() == [
        "🟢 14:05 The database is well again, after 5 min.\n🗄️ 14:00 It was in trouble: disque plein."
    ]


def test_each_kind_has_its_own_message(reader):
    reader.report(lost())
    reader.report(DatabaseFailed("disque plein"))
    reader.report(DiskLow(1, 0.0))
    reader.report(LinkRecovered(70.0), after=10)
    assert [text[0] for text in reader.texts()] == ["🟢", "🗄️"[0], "💾"]


# -- chats and languages


def test_every_chat_gets_the_same_messages():
    reader = AlertReader(CHAT, OTHER_CHAT)
    assert [message.chat for message in reader.report(lost())] == [CHAT, OTHER_CHAT]
    assert reader.texts(CHAT) == reader.texts(OTHER_CHAT)


def test_every_text_is_translated():
    french, english = AlertReader(language="fr"), AlertReader()
    for reader in (french, english):
        for word in KeyChangeSource:
            reader.report(changed_key(word.value, source=word))
        for incident in (lost(), NodeRebooted(1), NodeRebooted(2), NodeRebooted(3), NodeRebooted(4, ordered=True)):
            reader.report(incident)
        for incident in (KeyShared(NEW, ((1, "A"), (2, "B")), 2), DiskLow(10**10, 0.0), DatabaseFailed("…")):
            reader.report(incident)
        for incident in (LinkRecovered(70.0), DiskRecovered(10**6, 1.0), DatabaseRecovered()):
            reader.report(incident)
        reader.disconnect()
        for incident in (
            lost(),
            LinkRecovered(70.0),
            NodeRebooted(9),
            changed_key(source=KeyChangeSource.RADIO),
            DiskLow(1, 0.0),
        ):
            reader.report(incident, after=SPAN)
        for incident in (
            DiskRecovered(1, 1.0),
            DatabaseFailed("…"),
            DatabaseRecovered(),
            KeyShared(OLD, ((1, "A"),), 2),
        ):
            reader.report(incident, after=SPAN)
        reader.wait(SPAN)
        reader.reconnect()
    lines = {line for message in english.messages for line in message.text.splitlines()}
    assert len(lines) > 25
    assert not lines & {line for message in french.messages for line in message.text.splitlines()}


# -- without Telegram


def test_before_telegram_was_reached_nothing_is_sent():
    reader = AlertReader(reachable=False)
    assert reader.report(lost()) == []
    (message,) = reader.reconnect()
    assert message.text.startswith("🔴")


def test_an_unresolved_incident_gets_its_message_after_an_outage_of_telegram(reader):
    reader.disconnect()
    reader.report(lost())
    reader.report(lost(8 * 3600.0, 9999), after=8 * 3600 - 60)
    (message,) = reader.reconnect()
    assert "for 8 h, 9999 attempts" in message.text


def test_resolved_or_old_incidents_are_merged_into_one_message(reader):
    reader.disconnect()
    for hour in range(5):
        reader.report(lost(), after=3600)
        reader.report(LinkRecovered(120.0), after=60)
        reader.report(NodeRebooted(hour), after=0)
        reader.report(changed_key(hour + 1, f"N{hour}", source=KeyChangeSource.RADIO), after=0)
    reader.wait(STALE)
    (message,) = reader.reconnect()
    assert message.text.splitlines() == [
        "📭 Telegram was out of reach for 7 h 5 min. Meanwhile:",
        "🟢 19:05 link to the node back; lost 5 ×, 10 min in all",
        "🔁 19:05 the node has restarted; 5 × in all",
        (
            "🔑 other public keys (5): N0 (!00000001), N1 (!00000002), N2 (!00000003), N3 (!00000004), N4 (!00000005)."
            " /keys tells more"
        ),
    ]


def test_an_alert_sent_before_an_outage_of_telegram_is_resolved(reader):
    (message,) = reader.report(lost())
    reader.disconnect()
    reader.report(LinkRecovered(120.0), after=60)
    reader.report(lost(), after=3600)
    reader.report(LinkRecovered(120.0), after=60)
    summary, last = reader.reconnect()
    assert last.key == message.key
    assert last.text == f"🟢 14:01 The link to the node is back, after 2 min.\n🔴 13:59 {REFUSED}"
    assert "lost 1 ×, 2 min in all" in summary.text


def test_a_recent_restart_gets_its_own_message(reader):
    reader.disconnect()
    reader.report(NodeRebooted(1))
    reader.wait(60)
    (message,) = reader.reconnect()
    assert message.text.startswith("🔁 14:00")


def test_an_outage_of_telegram_without_incidents_sends_nothing(reader):
    reader.report(lost())
    reader.disconnect()
    reader.wait(3 * 86400)
    assert reader.reconnect() == []
    assert reader.reconnect() == []


def test_the_summary_is_sent_once(reader):
    for count in (1, 0):
        reader.disconnect()
        if count:
            reader.report(NodeRebooted(1))
        reader.wait(STALE)
        assert len(reader.reconnect()) == count


def test_the_summary_names_only_the_first_nodes(reader):
    reader.disconnect()
    for num in range(1, 31):
        reader.report(changed_key(num, f"N{num}", source=KeyChangeSource.RADIO), after=JOIN)
    reader.wait(STALE)
    (message,) = reader.reconnect()
    assert "🔑 other public keys (30): N1 (!00000001), " in message.text
    assert message.text.count("!") == SHOWN


def test_the_summary_shows_the_whole_duration_without_telegram(reader):
    reader.report(lost())
    for _ in range(3):
        reader.wait(3600)
        reader.disconnect()  # at each failed attempt
    reader.report(LinkRecovered(9.0))
    reader.report(lost(), after=JOIN)
    reader.report(LinkRecovered(9.0))
    assert reader.reconnect()[0].text.startswith("📭 Telegram was out of reach for 2 h 10 min.")


def test_the_node_s_own_warnings_reach_the_operator_in_one_message(reader):
    (first,) = reader.report(NodeWarning("Remote device has advertised your public key"))
    assert first.text.endswith(" The node warns: Remote device has advertised your public key")
    (second,) = reader.report(NodeWarning("Compromised keys detected"), after=30)
    assert second.key == first.key
    assert [line.partition("warns: ")[2] for line in second.text.split("\n")] == [
        "Remote device has advertised your public key",
        "Compromised keys detected",
    ]


def test_our_node_s_new_number_is_told_with_what_follows(reader):
    (message,) = reader.report(OwnNumberChanged(0x12, 0xDEE721D6))
    first, second = message.text.split("\n")
    assert first.endswith(" Our node has another number: !00000012 → !dee721d6.")
    assert second.startswith("Direct messages to the number before no longer arrive")
    assert not message.silent


def test_a_radio_without_memory_is_told_with_all_that_it_lost(reader):
    (message,) = reader.report(RadioForgot(OLD, NEW, 40, 3, region_unset=True))
    first, key, nodes, region = message.text.split("\n")
    assert first.endswith(" The node has lost its memory.")
    assert key.startswith(f"Its key is {NEW} instead of {OLD}: ")
    assert nodes.startswith("Of 40 nodes it knows 3: ")
    assert region == "Its region is not set: it sends nothing until you set it."
    assert not message.silent


def test_a_radio_that_lost_its_nodes_alone_keeps_its_key(reader):
    (message,) = reader.report(RadioForgot(nodes_before=40, nodes=3))
    assert len(message.text.split("\n")) == 2


def test_a_lockdown_is_one_message_from_beginning_to_end(reader):
    (locked,) = reader.report(NodeLocked())
    assert locked.text.startswith("🔒 14:00 The node is in lockdown: ")
    (unlocked,) = reader.report(NodeUnlocked(), after=600)
    assert unlocked.key == locked.key
    assert unlocked.text == "🟢 14:10 The node is unlocked, after 10 min.\n🔒 14:00"


# -- over a restart


def restarted(reader, after=3600.0):
    """Return a new process's reader an hour later, which has what the old one saved."""
    state = {name: each.value for name, each in reader.alerts.take_changes().items() if each.value}
    later = AlertReader()
    later.now += 17.0
    later.wall = reader.wall + timedelta(seconds=after)
    return later, state


END = {LinkLost: LinkRecovered(0.0), NodeLocked: NodeUnlocked(), DiskLow: DiskRecovered(2 * 10**9, 0.5)}


@pytest.mark.parametrize("begin", [lost(), NodeLocked(), DiskLow(10**6, 0.01)], ids=["link", "lock", "disk"])
@pytest.mark.parametrize("is_well_first", [False, True])
def test_an_alert_that_ended_while_no_bot_ran_is_ended(reader, begin, is_well_first):
    (red,) = reader.report(begin)
    later, state = restarted(reader)
    end = END[type(begin)]
    if is_well_first:
        assert later.report(end) == []
        (green,) = later.alerts.restore(state, later.now, later.wall)
    else:
        assert later.alerts.restore(state, later.now, later.wall) == []
        (green,) = later.report(end)
    assert (green.key, green.text[0]) == (red.key, "🟢")
    # the beginning stays
    assert " 13:59" in green.text or " 14:00" in green.text
    assert {each.value for each in later.alerts.take_changes().values()} == {""}


def test_a_database_that_can_be_read_again_ends_its_alert(reader):
    (red,) = reader.report(DatabaseFailed("disque plein"))
    later, state = restarted(reader)
    (green,) = later.alerts.restore(state, later.now, later.wall)
    assert green.key == red.key
    assert green.text == "🟢 15:00 The database is well again, after 1 h.\n🗄️ 14:00 It was in trouble: disque plein."


def test_an_alert_that_goes_on_after_a_restart_keeps_its_message(reader):
    (red,) = reader.report(lost())
    later, state = restarted(reader)
    later.alerts.restore(state, later.now, later.wall)
    (again,) = later.report(lost(120.0, 9), after=120)
    assert (again.key, again.text[:7]) == (red.key, "🔴 13:59")


def test_an_alert_of_before_a_restart_ends_beside_the_new_one(reader):
    (old,) = reader.report(lost())
    later, state = restarted(reader)
    (new,) = later.report(lost())
    later.alerts.restore(state, later.now, later.wall)
    assert {message.key for message in later.report(LinkRecovered(70.0), after=10)} == {old.key, new.key}


@pytest.mark.parametrize("value", ["", "{", "[]", '["link", 1, {}]', '["mail", 1, {}]', '["link", null, 3]'])
def test_saved_alerts_that_make_no_sense_are_forgotten(reader, value):
    assert reader.alerts.restore({"open:alert:1:1": value, "moved:-5": "-6"}, reader.now, reader.wall) == []
    assert list(reader.alerts.take_changes()) == ["open:alert:1:1"]
