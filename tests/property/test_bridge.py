"""Bridged texts under any names and texts: they fit, are no command, show their author, and are never bridged back."""

from hypothesis import example, given
from hypothesis import strategies as st

from meshbot.commands.language import translator
from meshbot.commands.registry import parse
from meshbot.mesh_link.packets import BROADCAST_NUM, TextMessage
from meshbot.sending.outgoing import OutgoingText
from meshbot.telegram_bot.bridge import Bridge, BridgeRule
from meshbot.telegram_bot.models import Chat
from meshbot.text import split_text

CHAT, OWN, PEER = Chat(-100, 5), 0x9999, 0x1111
pieces = st.sampled_from([*"/!: \n\r\x00\u202e\u200dé|", "ping", "👍🏽", "(1/2) "])
anything = st.one_of(st.text(max_size=300), st.lists(pieces, max_size=40).map("".join))
limits = st.integers(60, 400)

FRENCH = translator("fr")


def bridge(limit=400):
    return Bridge([BridgeRule(1, CHAT)], limit, lambda message: message.text.split()[:1] == ["/ping"])


def received(text, packet_id=7, sender=PEER):
    return TextMessage(packet_id, sender, BROADCAST_NUM, 1, text)


@given(anything, anything, limits)
@example("/reboot", "now", 60)
def test_a_text_on_the_mesh_shows_its_author_and_is_no_command(author, text, limit):
    sides = bridge(limit)
    outgoing = sides.to_mesh(CHAT, 1, author, text, FRENCH)
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
def test_in_telegram_every_line_shows_its_sender(name, text):
    for message in bridge().to_telegram(received(text), name, OWN):
        first, *others = message.text.split("\n")
        assert first.partition(": ")[0].strip()
        assert all(line.startswith("| ") for line in others)
        assert len(message.text.splitlines()) == 1 + len(others)
        assert 0 < len(message.text) <= 4096


@given(anything, anything, st.integers(40, 200), st.integers(1, 5))
def test_a_text_repeated_on_the_mesh_is_never_bridged_back(author, text, packet_bytes, chunk):
    sides = bridge()
    outgoing = sides.to_mesh(CHAT, 1, author, text, FRENCH)
    if isinstance(outgoing, OutgoingText):
        repeated = [
            outgoing.text,
            *split_text(outgoing.text, packet_bytes),
            *split_text(outgoing.text, packet_bytes - chunk),
        ]
        for packet_id, part in enumerate(repeated, 1):
            assert sides.to_telegram(received(part, packet_id), "Bridge", OWN) == []


@given(anything, anything)
def test_a_message_repeated_in_telegram_is_never_bridged_back(name, text):
    sides = bridge()
    for message in sides.to_telegram(received(text), name, OWN):
        assert sides.to_mesh(CHAT, 1, "Bridge", message.text, FRENCH) is None
