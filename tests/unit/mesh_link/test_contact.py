import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.node import Node

from meshbot.mesh_link.contact import contact_url, parse_contact_url
from meshbot.mesh_link.messages import NodeRecord
from tests.support.nodes import ALICE, key, text_of

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


class Interface:
    """What the library's function reads of an interface."""

    def __init__(self, user):
        self.nodesByNum = {ALICE: {"user": user}}
        self.debugOut = None


def test_the_url_is_the_one_that_the_library_makes():
    user = {
        "id": f"!{ALICE:08x}",
        "longName": "Alice 🦊",
        "shortName": "AL",
        "hwModel": "TBEAM",
        "role": "ROUTER",
        "publicKey": text_of(key(1)),
    }
    url = contact_url(NodeRecord(ALICE, "Alice 🦊", "AL", "TBEAM", "ROUTER", key(1)))
    assert url == Node.getContactURL(Node(Interface(user), ALICE, noProto=True), ALICE)


@given(st.integers(1, 0xFFFFFFFE), NAMES, NAMES, st.binary(min_size=32, max_size=32))
def test_a_url_is_read_as_it_was_made(num, long_name, short_name, public_key):
    parsed = parse_contact_url(contact_url(NodeRecord(num, long_name, short_name, "NONE", "NONE", public_key)))
    assert parsed == NodeRecord(num, long_name, short_name, public_key=public_key)


@pytest.mark.parametrize(
    "prefix", ["https://www.meshtastic.org/v/#", "HTTPS://meshtastic.org/v/#", "meshtastic.org/v/#"]
)
def test_other_spellings_of_the_address_are_read(prefix):
    url = contact_url(NodeRecord(ALICE, public_key=key(1)))
    assert parse_contact_url(f" {prefix}{url.partition('#')[2]}==\n").public_key == key(1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://meshtastic.org/v/#",
        "https://meshtastic.org/v/#AAAA",
        "https://meshtastic.org/v/#é",
        "https://meshtastic.org/e/#CgMSAQ",
        "https://example.org/v/#CKqkvZgI",
        "https://meshtastic.org/v/#" + "A" * 2000,
    ],
)
def test_other_texts_are_no_contact(url):
    assert parse_contact_url(url) is None


def test_a_contact_without_a_whole_key_is_none():
    assert parse_contact_url(contact_url(NodeRecord(ALICE, "Alice", public_key=b"short"))) is None


@given(st.text(max_size=80))
def test_any_text_is_a_contact_or_none(text):
    parse_contact_url("https://meshtastic.org/v/#" + text)
