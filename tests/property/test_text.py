"""Any text can be cut into packets."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from meshbot.text import MIN_LIMIT, split_text

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
