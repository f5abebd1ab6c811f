"""Alerts: one message an incident, edited as it goes on, and one for all that was missed."""

from datetime import timedelta

import pytest

from meshbot.runtime.incidents import (
    DatabaseTrouble,
    DatabaseWell,
    DiskLow,
    DiskWell,
    KeyChanged,
    KeyShared,
    KeyWord,
    LinkBack,
    LinkLost,
    NodeRebooted,
)
from meshbot.telegram_bot.alerts.message import JOIN, SHOWN, SPAN, STALE
from tests.support.alerting import HERE, THERE, Reader

NODE = "192.168.1.5:4403"
REFUSED = "[Errno 111] Connection refused"
BOB = 0x20001EF0
OLD, NEW, OTHER = "AAIAAAAA…", "AAkAAAAA…", "AAoAAAAA…"


def lost(outage=60.0, failures=5, cause=REFUSED):
    return LinkLost(NODE, outage, failures, cause)


def another_key(num=BOB, name="Bob", new=NEW, word=KeyWord.NODE):
    return KeyChanged(num, name, OLD, new, word)


@pytest.fixture
def reader():
    return Reader()


# -- the link


def test_a_lost_link_is_told_with_who_since_when_how_often_and_what_to_do(reader):
    (post,) = reader.hear(lost())
    assert post.text == (
        "🔴 13:59 Link to the node lost: 192.168.1.5:4403, for 1 min, 5 attempts. "
        "It refuses the connection: it is starting, or its TCP server is off.\nI keep trying."
    )
    assert (post.chat, post.silent) == (HERE, False)


def test_it_goes_on_and_ends_in_the_same_message(reader):
    (first,) = reader.hear(lost())
    (second,) = reader.hear(lost(660.0, 130, "pas de réponse"), after=600)
    (third,) = reader.hear(LinkBack(720.0), after=60)
    assert first.key == second.key == third.key
    assert "for 11 min, 130 attempts. It does not answer." in second.text
    assert reader.texts() == ["🟢 14:11 The link to the node is back, after 12 min."]


def test_a_link_that_flaps_is_one_message_with_a_count(reader):
    for _ in range(5):
        reader.hear(lost(), after=100)
        reader.hear(LinkBack(70.0), after=10)
    assert reader.texts() == [
        "🟢 14:09 The link to the node is back, after 1 min.\n5 times in 8 min, 5 min in all.",
    ]


def test_an_outage_long_after_the_last_one_is_a_message_of_its_own(reader):
    reader.hear(lost())
    reader.hear(LinkBack(70.0), after=10)
    reader.hear(lost(), after=JOIN)
    assert [text[0] for text in reader.texts()] == ["🟢", "🔴"]


def test_a_link_that_flaps_for_hours_is_heard_of_again(reader):
    for _ in range(int(SPAN / 300) + 1):
        reader.hear(lost(), after=290)
        reader.hear(LinkBack(70.0), after=10)
    assert len(reader.texts()) == 2


def test_a_return_that_nobody_waits_for_is_not_told(reader):
    assert reader.hear(LinkBack(5.0)) == []
    reader.hear(lost())
    reader.hear(LinkBack(70.0), after=10)
    assert reader.hear(LinkBack(70.0), after=60) == []


def test_what_looks_the_same_is_not_posted_again(reader):
    reader.hear(lost())
    assert reader.hear(lost()) == []


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("", ""),
        ("[Errno 113] No route to host", "No way leads to it."),
        ("[Errno -3] Temporary failure in name resolution", "Its name is not found in the network."),
        ("[Errno 104] Connection reset by peer", "It has closed the connection."),
        ("réception: [Errno 104] Connection reset by peer", "It has closed the connection."),
        ("silence", "It says nothing any more."),
        ("4 sessions bloquées", "« 4 sessions bloquées »"),
        ("[Errno 9999] What", "« [Errno 9999] What »"),
        ("x" * 500, f"« {'x' * 120} »"),
    ],
)
def test_a_cause_is_told_in_words_or_as_it_is(reader, cause, words):
    reader.hear(lost(cause=cause))
    assert f", 5 attempts. {words}\nI keep trying." in reader.texts()[0]


@pytest.mark.parametrize(
    ("cause", "asks"),
    [
        ("pas de réponse", True),
        ("[Errno 113] No route to host", True),
        (REFUSED, False),
        ("silence", False),
        ("", False),
    ],
)
def test_power_and_wifi_are_asked_for_only_where_nobody_answers(reader, cause, asks):
    reader.hear(lost(cause=cause))
    assert reader.texts()[0].endswith(" Has it power and WiFi?") == asks


def test_a_second_outage_that_lasts_is_heard_of_in_a_message_of_its_own(reader):
    (first,) = reader.hear(lost())
    reader.hear(LinkBack(120.0), after=60)
    assert [post.key for post in reader.hear(lost(), after=120)] == [first.key]
    assert reader.hear(lost(JOIN - 1), after=JOIN - 61)[0].key == first.key
    old, new = reader.hear(lost(JOIN), after=1)
    assert (old.key, old.text) == (first.key, "🟢 14:01 The link to the node is back, after 2 min.")
    assert (new.text.partition(":")[0], new.silent) == ("🔴 14", False)
    assert "times in" not in new.text
    (last,) = reader.hear(LinkBack(JOIN + 60), after=60)
    assert (last.key, last.text) == (new.key, "🟢 14:13 The link to the node is back, after 11 min.")


def test_a_third_outage_that_lasts_leaves_the_first_two_told_with_their_count(reader):
    for _ in range(2):
        reader.hear(lost(), after=100)
        reader.hear(LinkBack(70.0), after=10)
    reader.hear(lost(), after=100)
    old, _new = reader.hear(lost(JOIN + 60), after=JOIN)
    assert old.text == "🟢 14:03 The link to the node is back, after 1 min.\n2 times in 3 min, 2 min in all."


def test_one_long_outage_stays_one_message(reader):
    (first,) = reader.hear(lost())
    assert {post.key for _ in range(20) for post in reader.hear(lost(9000.0, 99), after=JOIN)} <= {first.key}
    assert len(reader.texts()) == 1


def test_an_outage_that_began_again_without_telegram_is_heard_of_when_it_is_back(reader):
    (first,) = reader.hear(lost())
    reader.hear(LinkBack(120.0), after=60)
    reader.hear(lost(), after=60)
    reader.go_away()
    reader.wait(JOIN)
    old, new = reader.come_back()
    assert (old.key, old.text[0], new.text[0]) == (first.key, "🟢", "🔴")


# -- time


def test_a_jump_of_the_wall_clock_changes_no_duration_and_corrects_what_is_shown(reader):
    reader.wall -= timedelta(days=40)  # it is January for a Pi that has just started
    reader.hear(lost())
    assert reader.texts()[0].startswith("🔴 13:59 ")
    reader.wall += timedelta(days=40)
    reader.hear(lost(660.0), after=600)
    assert reader.texts()[0].startswith("🔴 13:59 Link to the node lost: 192.168.1.5:4403, for 11 min")
    reader.wall -= timedelta(days=90)
    reader.hear(LinkBack(720.0), after=60)
    assert reader.texts() == ["🟢 The link to the node is back, after 12 min."], "no time that cannot be right"


def test_another_day_is_told_as_such(reader):
    reader.hear(lost(20 * 3600.0))
    assert reader.texts()[0].startswith("🔴 03/03 18:00 ")


# -- the node


def test_a_restart_is_told_with_its_count_and_a_new_firmware(reader):
    reader.hear(NodeRebooted(42, firmware="2.7.11", firmware_before="2.7.9"))
    assert reader.texts() == ["🔁 14:00 The node has restarted. Start number 42. Firmware 2.7.9 → 2.7.11."]


def test_a_restart_by_our_own_order_is_said_as_such_without_a_sound(reader):
    (post,) = reader.hear(NodeRebooted(42, ordered=True))
    assert (post.text, post.silent) == ("🔁 14:00 The node has restarted, as ordered. Start number 42.", True)


def test_restart_after_restart_is_one_message_that_names_the_power_supply(reader):
    for boots in range(3):
        reader.hear(NodeRebooted(boots + 1), after=30)
    assert reader.texts() == [
        "🔁 14:01 The node has restarted. Start number 3.\n3 restarts in 1 min. Look at its power supply."
    ]


# -- keys


def test_another_key_is_told_with_both_and_with_the_cure(reader):
    reader.hear(another_key())
    assert reader.texts() == [
        (
            f"🔑 14:00 Bob (!20001ef0) sends another public key, {NEW}; {OLD} stays trusted.\n"
            "A reset device, or somebody else: ask its owner, and if the key is right: /trust !20001ef0 AAkAAAAA"
        )
    ]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (KeyWord.OPERATOR, f"✅ 17:46 Bob (!20001ef0): {NEW} instead of {OLD}, on an operator's word."),
        (
            KeyWord.RADIO,
            f"🔑 17:46 Bob (!20001ef0) has another public key: {NEW} instead of {OLD}, on the radio's word.",
        ),
    ],
)
def test_a_word_about_a_key_changes_the_message_that_told_of_it_also_hours_later(reader, word, text):
    reader.hear(another_key())
    reader.hear(another_key(word=word), after=13600)
    assert reader.texts() == [text]


def test_many_changed_keys_are_one_message_that_fits(reader):
    for num in range(1, 500):
        reader.hear(another_key(num, "🦊" * 100), after=0.1)
    (text,) = reader.texts()
    assert text.endswith(f"\n… and {499 - SHOWN} more, see /keys")
    assert len(text.encode("utf-16-le")) / 2 < 4096
    assert len({post.key for post in reader.posts}) == 1


def test_a_shared_key_is_told_with_who_has_it(reader):
    reader.hear(KeyShared(NEW, ((BOB, "Bob"), (0xA, "")), 2))
    assert reader.texts() == [
        (
            f"⚠️ 14:00 One public key, {NEW}, in 2 nodes: Bob (!20001ef0), !0000000a\n"
            "A copied device, or somebody pretending: the copy needs new keys, made on it."
        )
    ]
    reader.hear(KeyShared(NEW, ((BOB, "Bob"), (0xA, "")), 7), after=60)
    assert "in 7 nodes: Bob (!20001ef0), !0000000a, …\n" in reader.texts()[0]


def test_many_shared_keys_are_one_message_that_fits(reader):
    for number in range(100):
        reader.hear(KeyShared(f"AA{number:03}AAA…", tuple((num, "🦊" * 100) for num in range(4)), 9))
    (text,) = reader.texts()
    assert f"\n… and {100 - SHOWN} more, see /keys\n" in text
    assert len(text.encode("utf-16-le")) / 2 < 4096


# -- disk and database


def test_a_disk_that_fills_is_told_and_so_is_its_end(reader):
    reader.hear(DiskLow(1_234_567_890, 0.03))
    assert reader.texts()[0].startswith("💾 14:00 Little disk space: 1.2 GB free (3.0 %).\nMake room soon")
    reader.hear(DiskLow(45_600_000, 0.001), after=900)
    assert reader.texts()[0].startswith("💾 14:00 Little disk space: 46 MB free (0.1 %).")
    reader.hear(DiskWell(2_000_000_000, 0.07), after=900)
    assert reader.texts() == ["🟢 14:30 Enough disk space again: 2.0 GB free (7.0 %)."]


def test_a_database_in_trouble_is_told_with_the_reason_and_so_is_its_end(reader):
    reader.hear(DatabaseTrouble("disque plein"))
    assert reader.texts()[0].startswith("🗄️ 14:00 Database in trouble: disque plein.\n")
    reader.hear(DatabaseWell(), after=300)
    assert reader.texts() == ["🟢 14:05 The database is well again, after 5 min."]


def test_each_kind_has_its_own_message(reader):
    reader.hear(lost())
    reader.hear(DatabaseTrouble("disque plein"))
    reader.hear(DiskLow(1, 0.0))
    reader.hear(LinkBack(70.0), after=10)
    assert [text[0] for text in reader.texts()] == ["🟢", "🗄️"[0], "💾"]


# -- chats and languages


def test_every_chat_is_told_the_same():
    reader = Reader(HERE, THERE)
    assert [post.chat for post in reader.hear(lost())] == [HERE, THERE]
    assert reader.texts(HERE) == reader.texts(THERE)


def test_french_is_spoken_and_no_text_lacks():
    french, english = Reader(language="fr"), Reader()
    for reader in (french, english):
        for word in KeyWord:
            reader.hear(another_key(word.value, word=word))
        for incident in (lost(), NodeRebooted(1), NodeRebooted(2), NodeRebooted(3), NodeRebooted(4, ordered=True)):
            reader.hear(incident)
        for incident in (KeyShared(NEW, ((1, "A"), (2, "B")), 2), DiskLow(10**10, 0.0), DatabaseTrouble("…")):
            reader.hear(incident)
        for incident in (LinkBack(70.0), DiskWell(10**6, 1.0), DatabaseWell()):
            reader.hear(incident)
        reader.go_away()
        for incident in (lost(), LinkBack(70.0), NodeRebooted(9), another_key(new=OTHER), DiskLow(1, 0.0)):
            reader.hear(incident, after=SPAN)
        for incident in (DiskWell(1, 1.0), DatabaseTrouble("…"), DatabaseWell(), KeyShared(OLD, ((1, "A"),), 2)):
            reader.hear(incident, after=SPAN)
        reader.wait(SPAN)
        reader.come_back()
    told = {line for post in english.posts for line in post.text.splitlines()}
    assert len(told) > 25
    assert not told & {line for post in french.posts for line in post.text.splitlines()}


# -- without Telegram


def test_before_telegram_was_reached_nothing_is_posted():
    reader = Reader(reachable=False)
    assert reader.hear(lost()) == []
    (post,) = reader.come_back()
    assert post.text.startswith("🔴")


def test_what_is_still_so_when_telegram_is_back_has_a_message_of_its_own(reader):
    reader.go_away()
    reader.hear(lost())
    reader.hear(lost(8 * 3600.0, 9999), after=8 * 3600 - 60)
    (post,) = reader.come_back()
    assert "for 8 h, 9999 attempts" in post.text


def test_what_is_over_or_old_is_merged_into_one_message(reader):
    reader.go_away()
    for hour in range(5):
        reader.hear(lost(), after=3600)
        reader.hear(LinkBack(120.0), after=60)
        reader.hear(NodeRebooted(hour), after=0)
        reader.hear(another_key(hour + 1, f"N{hour}"), after=0)
    reader.wait(STALE)
    (post,) = reader.come_back()
    assert post.text.splitlines() == [
        "📭 Telegram was out of reach for 7 h 5 min. Meanwhile:",
        "🟢 19:05 link to the node back; lost 5 ×, 10 min in all",
        "🔁 19:05 the node has restarted; 5 × in all",
        (
            "🔑 other public keys (5): N0 (!00000001), N1 (!00000002), N2 (!00000003), N3 (!00000004), N4 (!00000005)."
            " /keys tells what waits"
        ),
    ]


def test_what_was_told_before_telegram_went_is_told_to_its_end(reader):
    (post,) = reader.hear(lost())
    reader.go_away()
    reader.hear(LinkBack(120.0), after=60)
    reader.hear(lost(), after=3600)
    reader.hear(LinkBack(120.0), after=60)
    summary, last = reader.come_back()
    assert last.key == post.key
    assert last.text == "🟢 14:01 The link to the node is back, after 2 min."
    assert "lost 1 ×, 2 min in all" in summary.text


def test_a_restart_a_moment_ago_is_no_old_news(reader):
    reader.go_away()
    reader.hear(NodeRebooted(1))
    reader.wait(60)
    (post,) = reader.come_back()
    assert post.text.startswith("🔁 14:00")


def test_nothing_happened_nothing_is_told(reader):
    reader.hear(lost())
    reader.go_away()
    reader.wait(3 * 86400)
    assert reader.come_back() == []
    assert reader.come_back() == []


def test_what_was_missed_is_told_once(reader):
    for told in (1, 0):
        reader.go_away()
        if told:
            reader.hear(NodeRebooted(1))
        reader.wait(STALE)
        assert len(reader.come_back()) == told


def test_of_many_nodes_that_were_missed_the_first_are_named(reader):
    reader.go_away()
    for num in range(1, 31):
        reader.hear(another_key(num, f"N{num}"), after=JOIN)
    reader.wait(STALE)
    (post,) = reader.come_back()
    assert "🔑 other public keys (30): N1 (!00000001), " in post.text
    assert post.text.count("!") == SHOWN


def test_the_time_without_telegram_counts_from_its_beginning(reader):
    reader.hear(lost())
    for _ in range(3):
        reader.wait(3600)
        reader.go_away()  # told at each attempt in vain
    reader.hear(LinkBack(9.0))
    reader.hear(lost(), after=JOIN)
    reader.hear(LinkBack(9.0))
    assert reader.come_back()[0].text.startswith("📭 Telegram was out of reach for 2 h 10 min.")
