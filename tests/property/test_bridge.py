"""Whatever people's names and texts: a bridged text fits, is no command, names its author, and never comes back."""

from hypothesis import example, given
from hypothesis import strategies as st

from meshbot.commands.language import translator
from meshbot.commands.registry import parse
from meshbot.mesh_link.packets import BROADCAST_NUM, TextMessage
from meshbot.sending.outgoing import OutgoingText
from meshbot.telegram_bot.bridge import Bridge, BridgeRule
from meshbot.telegram_bot.models import Chat
from meshbot.telegram_bot.status import origin_of
from meshbot.telegram_bot.status import parse as parse_origin
from meshbot.text import split_text

CHAT, OWN, PEER = Chat(-100, 5), 0x9999, 0x1111
pieces = st.sampled_from([*"/!: \n\r\x00\u202e\u200dé|", "ping", "👍🏽", "(1/2) "])
anything = st.one_of(st.text(max_size=300), st.lists(pieces, max_size=40).map("".join))
limits = st.integers(60, 400)


def bridge(limit=400):
    return Bridge([BridgeRule(1, CHAT)], limit, translator("fr"))


def heard(text, packet_id=7, sender=PEER):
    return TextMessage(packet_id, sender, BROADCAST_NUM, 1, text)


@given(anything, anything, limits)
@example("/reboot", "now", 60)
def test_a_bridged_text_fits_and_is_no_command_on_any_line(author, text, limit):
    sides = bridge(limit)
    outgoing = sides.to_mesh(CHAT, 1, author, text, 0.0)
    if not isinstance(outgoing, OutgoingText):
        return
    assert len(outgoing.text.encode()) <= limit
    first, *others = outgoing.text.split("\n")
    assert first.partition(": ")[0].strip()
    assert first[0] not in "/!.#@ "
    assert all(line.startswith("| ") for line in others)
    assert len(outgoing.text.splitlines()) == 1 + len(others)
    assert all(parse(part) is None for part in split_text(outgoing.text, 200))


@given(anything, anything)
def test_in_telegram_every_line_is_its_sender_s(name, text):
    for post in bridge().to_telegram(heard(text), name, OWN):
        first, *others = post.text.split("\n")
        assert first.partition(": ")[0].strip()
        assert all(line.startswith("| ") for line in others)
        assert len(post.text.splitlines()) == 1 + len(others)
        assert 0 < len(post.text) <= 4096


@given(anything, anything, st.integers(40, 200), st.integers(1, 5))
def test_what_was_sent_never_comes_back_from_the_mesh(author, text, packet_bytes, chunk):
    sides = bridge()
    outgoing = sides.to_mesh(CHAT, 1, author, text, 0.0)
    if isinstance(outgoing, OutgoingText):
        repeated = [
            outgoing.text,
            *split_text(outgoing.text, packet_bytes),
            *split_text(outgoing.text, packet_bytes - chunk),
        ]
        for packet_id, part in enumerate(repeated, 1):
            assert sides.to_telegram(heard(part, packet_id), "Bridge", OWN) == []


@given(anything, anything)
def test_what_was_posted_never_comes_back_from_telegram(name, text):
    sides = bridge()
    for post in sides.to_telegram(heard(text), name, OWN):
        assert sides.to_mesh(CHAT, 1, "Bridge", post.text, 0.0) is None


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9), st.integers(1, 10**9))
def test_an_origin_is_read_as_it_was_written(chat, topic, message_id):
    for each in (Chat(chat), Chat(chat, topic)):
        origin = parse_origin(origin_of(each, message_id))
        assert (origin.chat, origin.message_id) == (each, message_id)


@given(anything)
def test_any_string_in_the_place_of_an_origin_is_one_or_none(text):
    parse_origin(text)
    parse_origin(f"telegram:{text}")
