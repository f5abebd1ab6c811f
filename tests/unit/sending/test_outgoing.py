"""Origins of texts and how they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbot.sending.outgoing import EchoOrigin, MailNoticeOrigin, TelegramOrigin, decode_origin, encode_origin

# As every version of the program has stored them
STORED = {
    "": None,
    "mail:20001eef:1800000000": MailNoticeOrigin(0x20001EEF, 1_800_000_000),
    "echo:1234": EchoOrigin(0x1234),
    "telegram:42:0:77": TelegramOrigin(42, None, 77),
    "telegram:-1001234567890:5:77": TelegramOrigin(-1001234567890, 5, 77),
}
NUMBERS = st.integers(0, 2**32 - 1)
CHATS = st.integers(-(10**16) + 1, 10**16 - 1)
IDS = st.integers(1, 10**16 - 1)
ORIGINS = st.one_of(
    st.none(),
    st.builds(MailNoticeOrigin, NUMBERS, st.integers(0, 10**12 - 1)),
    st.builds(EchoOrigin, NUMBERS),
    st.builds(TelegramOrigin, CHATS, st.none() | IDS, IDS),
)


@pytest.mark.parametrize(("stored", "origin"), STORED.items())
def test_an_origin_is_stored_as_earlier_versions_stored_it(stored, origin):
    assert encode_origin(origin) == stored
    assert decode_origin(stored) == origin


@given(ORIGINS)
def test_every_origin_survives_being_stored(origin):
    assert decode_origin(encode_origin(origin)) == origin


@pytest.mark.parametrize(
    "stored",
    [
        "telegram",
        "telegram:1:2",
        "telegram:1:2:3:4",
        "telegram:x:0:3",
        "telegram:1:0:-3",
        "telegram:1:0:3\n",
        "telegram:١:0:3",
        "telegram:1:0:" + "9" * 5000,
        " telegram:1:0:3",
        "echo:",
        "echo:x",
        "echo:123456789",
        "mail:",
        "mail:1234",
        "mail:x:1",
        "mail:1234:1:1",
        "mailbox:1:1",
        "somebody",
    ],
)
def test_any_other_text_is_no_origin(stored):
    assert decode_origin(stored) is None


@given(st.text(), st.sampled_from(["", "telegram:", "mail:", "echo:"]))
def test_no_stored_text_raises(text, prefix):
    decode_origin(prefix + text)
