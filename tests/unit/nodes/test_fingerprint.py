import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.nodes.fingerprint import DIGITS, fingerprint_digits, fingerprint_of, parse_fingerprint
from tests.support.nodes import key

KEYS = st.binary(min_size=32, max_size=32)
BETWEEN = st.text(alphabet=" -\u2013\u00a0\u202f.:\t\n", max_size=2)


def test_a_fingerprint_is_six_groups_of_four_digits():
    assert fingerprint_of(bytes(range(32))) == "3203 5284 7083 5029 6529 7373"


def test_a_fingerprint_is_the_end_of_the_hash_in_decimal():
    number = str(int(hashlib.sha256(key(1)).hexdigest(), 16))
    assert fingerprint_of(key(1)).replace(" ", "") == number[-DIGITS:]


@given(KEYS, st.lists(BETWEEN, min_size=DIGITS, max_size=DIGITS))
def test_separators_of_any_kind_are_forgiven(public_key, between):
    digits = fingerprint_of(public_key).replace(" ", "")
    written = "".join(separator + digit for separator, digit in zip(between, digits, strict=True))
    assert parse_fingerprint(written) == fingerprint_of(public_key)


@pytest.mark.parametrize("zero", "\u0660\u0966\uff10")
def test_digits_of_another_script_are_read(zero):
    written = "".join(each if each == " " else chr(ord(zero) + int(each)) for each in fingerprint_of(key(1)))
    assert parse_fingerprint(written) == fingerprint_of(key(1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "alice",
        "4085",
        fingerprint_of(key(1)) + "0",
        fingerprint_of(key(1))[:-1],
        "!20001eef",
        "-" * 500,
        "²" * 24,
    ],
)
def test_other_texts_are_no_fingerprint(text):
    assert parse_fingerprint(text) is None


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text):
    parsed = parse_fingerprint(text)
    assert parsed is None or parse_fingerprint(parsed) == parsed


@given(KEYS, st.integers(1, DIGITS))
def test_the_beginning_of_a_fingerprint_is_recognised(public_key, length):
    digits = fingerprint_of(public_key).replace(" ", "")
    assert (
        fingerprint_digits(fingerprint_of(public_key)[:length])
        == digits[: len(fingerprint_of(public_key)[:length].replace(" ", ""))]
    )
