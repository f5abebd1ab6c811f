"""Whatever comes to the control socket is a request or is refused, however its bytes are cut."""

import json

from hypothesis import given
from hypothesis import strategies as st

from meshbot.control.protocol import LONGEST_LINE, Lines, Query, RefusedError, Verb, encode, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(["verb", "text", "to", "wait", "language", "id"])
ALMOST = st.dictionaries(FIELDS, JSON | st.sampled_from([*Verb, "fr", "/ping"]), max_size=6)


def taken(line):
    try:
        return parse(line)
    except RefusedError as refused:
        return refused


@given(st.binary(max_size=200) | ALMOST.map(lambda body: json.dumps(body).encode()))
def test_any_line_is_a_request_or_is_refused(line):
    found = taken(line)
    assert isinstance(found, Query | RefusedError)
    if isinstance(found, Query):
        assert found.verb in Verb
        assert found.language in {"", "fr", "en"}


@given(st.lists(st.binary(max_size=50).map(lambda line: line.replace(b"\n", b"").strip())), st.data())
def test_lines_are_the_same_however_they_are_cut(wanted, data):
    stream, lines, found = b"".join(line + b"\n" for line in wanted), Lines(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        lines.add(stream[:cut])
        stream = stream[cut:]
        while (line := lines.next()) is not None:
            found.append(line)
    assert found == [line for line in wanted if line]
    assert len(lines) < LONGEST_LINE


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()))
def test_an_answer_is_always_one_line(body):
    line = encode(body)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
