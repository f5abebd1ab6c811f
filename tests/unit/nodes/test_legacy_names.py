import base64
import json

import pytest

from meshbot.nodes.legacy_names import parse_key, read_node_names
from meshbot.storage.nodes import NodeRow

KEY = bytes(range(32))


def read(document):
    return read_node_names(json.dumps(document).encode())


def test_a_bare_name_and_an_object_are_both_read():
    names = read(
        {
            "536878831": "Alice",
            "536878832": {
                "name": "Bob",
                "shortName": "BOB",
                "hwModel": "TBEAM",
                "lat": 45.5,
                "lon": -5,
                "alt": 210,
                "last_update": 1767620158.7,
                "publicKey": base64.b64encode(KEY).decode(),
            },
        }
    )
    assert names.complaints == []
    assert names.entries == [
        (NodeRow(536878831, "Alice"), b""),
        (NodeRow(536878832, "Bob", "BOB", "TBEAM", "", 45.5, -5, 210, 1767620159), KEY),
    ]


def test_null_and_empty_fields_are_not_faults():
    names = read({"1": {"name": "A", "shortName": None, "lat": None, "publicKey": "", "extra": 1}})
    assert names == read({"1": "A"})


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(KEY).decode(),
        base64.b64encode(KEY).decode().rstrip("="),
        base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "base64:" + base64.b64encode(KEY).decode(),
        f"  {KEY.hex()}\n",
        KEY.hex().upper(),
    ],
)
def test_a_key_is_read_in_every_usual_form(text):
    assert parse_key(text) in {KEY, b"\xff" * 32}


@pytest.mark.parametrize("text", ["x", "", "é" * 44, base64.b64encode(KEY[:31]).decode(), "zz" * 32, "base64:"])
def test_no_key_is_read_from_other_text(text):
    with pytest.raises(ValueError):
        parse_key(text)


@pytest.mark.parametrize("number", ["", "!20001eef", "0", "-5", "4294967295", "12.0", "9" * 5000, "١٢"])
def test_an_entry_without_a_node_number_is_a_complaint(number):
    names = read({number: "Mallory", "5": "Eve"})
    assert names.entries == [(NodeRow(5, "Eve"), b"")]
    assert len(names.complaints) == 1
    assert len(names.complaints[0]) < 60


@pytest.mark.parametrize("value", [None, 5, [], True])
def test_an_entry_that_is_neither_name_nor_object_is_complained_of(value):
    names = read({"5": value})
    assert (names.entries, names.complaints) == ([], ["5: ni nom ni objet"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("shortName", ["x"]),
        ("lat", "45"),
        ("lat", 91),
        ("lon", True),
        ("lon", float("nan")),
        ("alt", 10**400),
        ("last_update", 1e300),
        ("publicKey", "short"),
        ("publicKey", [1, 2]),
    ],
)
def test_a_faulty_field_is_left_out_of_its_entry(field, value):
    names = read({"5": {"role": "x", "hwModel": "TBEAM", field: value}})
    assert names.entries == [(NodeRow(5, hw_model="TBEAM"), b"")]
    assert names.complaints == [f"5: {field} ignoré"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"1": NaN'])
def test_a_file_that_is_no_object_is_refused(content):
    with pytest.raises(ValueError):
        read_node_names(content)


def test_a_byte_order_mark_is_tolerated():
    assert read_node_names(b'\xef\xbb\xbf{"5": "Eve"}').entries == [(NodeRow(5, "Eve"), b"")]
