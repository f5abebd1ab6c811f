"""Requests and answers of the control socket, line by line."""

import json

import pytest

from meshbot.commands.language import translator
from meshbot.control.protocol import LONGEST_LINE, Error, Lines, Query, RefusedError, Verb, encode, parse, refusal


@pytest.mark.parametrize(
    ("request_", "query"),
    [
        ({"verb": "status"}, Query(Verb.STATUS)),
        ({"verb": "command", "text": "/nodes 2"}, Query(Verb.COMMAND, "/nodes 2")),
        ({"verb": "say", "to": "Kim", "text": "hi", "wait": False}, Query(Verb.SAY, "hi", "Kim", wait=False)),
        ({"verb": "log", "language": "fr"}, Query(Verb.LOG, language="fr")),
        ({"verb": "log", "language": "de"}, Query(Verb.LOG)),
    ],
)
def test_a_request_is_what_its_fields_say(request_, query):
    assert parse(encode(request_)) == query


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"status", "JSON object"),
        (b"[1, 2]", "JSON object"),
        (b"[" * 5000, "JSON object"),
        (b"1" * 5000, "JSON object"),
        (b'{"verb": "fly"}', "one of command, status"),
        (b'{"verb": ["status"]}', "verb is of another kind"),
        (b'{"verb": "status", "colour": 1}', 'no field "colour"'),
        (b'{"verb": "say", "to": "Kim"}', "say needs the field text"),
        (b'{"verb": "command", "text": "  "}', "command needs the field text"),
    ],
)
def test_any_other_line_is_refused_with_the_reason(line, said):
    with pytest.raises(RefusedError) as refused:
        parse(line)
    answer = refusal(refused.value, translator("en"))
    assert (answer["ok"], answer["error"]) == (False, Error.BAD_REQUEST)
    assert said in answer["text"]


def test_an_answer_is_one_line_whatever_is_in_it():
    line = encode({"text": "a\nb\u2028c \ud800 é"})
    assert line.count(b"\n") == 1
    assert json.loads(line)["text"].startswith("a\nb\u2028c ")


def test_lines_come_whole_however_the_bytes_are_cut():
    lines, found = Lines(), []
    for byte in b'\n {"verb": 1}\r\nsecond\n\nthird':
        lines.add(bytes([byte]))
        while (line := lines.next()) is not None:
            found.append(line)
    assert found == [b'{"verb": 1}', b"second"]
    lines.end()
    assert lines.next() == b"third"
    assert lines.next() is None


def test_a_line_without_an_end_is_refused_and_forgotten():
    lines = Lines()
    lines.add(b"x" * LONGEST_LINE)
    with pytest.raises(RefusedError) as refused:
        lines.next()
    assert refused.value.error is Error.TOO_LONG
    assert len(lines) == 0
    lines.add(b"x" * (LONGEST_LINE - 1) + b"\n")
    assert lines.next() == b"x" * (LONGEST_LINE - 1)
