"""Any text can be cut into packets."""

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.text import MIN_LIMIT, folded, legible, one_line, split_text

limits = st.integers(MIN_LIMIT, 200)
texts = st.one_of(
    st.text(max_size=600),
    st.lists(st.sampled_from(["mot ", "ligne\n", "é", "🤖", "👨‍👩‍👧", "x" * 50, " ", "(1/2) "]), max_size=80).map(
        "".join
    ),
)


@settings(deadline=None, max_examples=200)
@given(texts, limits)
def test_parts_fit_the_limit_and_join_to_the_text(text, limit):
    parts = split_text(text, limit)
    assert all(len(part.encode()) <= limit for part in parts)
    if len(parts) == 1:
        assert parts == [text]
    else:
        assert "".join(re.sub(rf"\A\({n}/{len(parts)}\) ", "", part) for n, part in enumerate(parts, 1)) == text


@settings(deadline=None, max_examples=200)
@given(texts, limits)
def test_every_part_of_several_has_its_number_and_text(text, limit):
    parts = split_text(text, limit)
    if len(parts) > 1:
        for n, part in enumerate(parts, 1):
            assert part.startswith(f"({n}/{len(parts)}) ")
            assert part != f"({n}/{len(parts)}) "


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(), max_size=300), limits)
def test_even_half_characters_can_be_sent(text, limit):
    assert all(len(part.encode()) <= limit for part in split_text(text, limit))


# What cannot be seen

HIDDEN = st.sampled_from(
    "\x00\x07\x1b\x7f\x85\xad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u202e\u2060"
    "\u2066\u2069\u3164\ufe0f\ufeff\ufff9\U000e0041\U000e0101"
)
ODD_PARTS = st.one_of(st.text(st.characters(), max_size=4), HIDDEN, st.sampled_from("🏴❤👩🔥ab1é \n"))
ODD = st.lists(ODD_PARTS, max_size=20).map("".join)


@settings(deadline=None, max_examples=400)
@given(ODD)
def test_what_is_legible_stays_as_it_is_and_hides_nothing(text):
    clean = legible(text)
    assert legible(clean) == clean
    assert one_line(one_line(text)) == one_line(text)
    for before, char in zip(" " + clean, clean, strict=False):
        kind = unicodedata.category(char)
        assert kind != "Cc" or char == "\n"
        assert kind != "Cf" or not before.isascii()
        assert char not in set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@settings(deadline=None, max_examples=400)
@given(st.text("abcéÉ 1🐟", min_size=1, max_size=12), st.lists(st.tuples(st.integers(0, 12), HIDDEN), max_size=6))
def test_a_name_is_found_with_what_hides_in_it(name, hidden):
    copied = name
    for place, char in hidden:
        copied = copied[:place] + char.replace("\u3164", "").replace("\x85", "") + copied[place:]
    assert folded(copied) == folded(name)
    assert folded(one_line(copied)) == folded(name)
