"""Messages whose texts are no UTF-8 are read all the same; nothing else is changed or let in."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from meshtastic.protobuf import mesh_pb2

from meshbot.mesh_link.decoding import clean_text, cleaned, decode

MARK = "\ue0ff"
names = st.text(max_size=12).map(lambda text: text.replace(MARK, "") + MARK)


@given(st.binary(max_size=40))
def test_any_bytes_become_a_text(data):
    clean_text(data).encode()


@given(st.text())
def test_a_text_stays_as_it_is(text):
    assert clean_text(text.encode(errors="replace")) == text.encode(errors="replace").decode()


@given(names, names, st.binary(max_size=32), st.integers(0, 2**32 - 1), st.floats(width=32, allow_nan=False))
def test_all_but_the_faulty_text_is_kept(long_name, short_name, key, num, snr):
    user = mesh_pb2.User(id="!1", long_name=long_name, short_name=short_name, public_key=key)
    info = mesh_pb2.NodeInfo(num=num, user=user, snr=snr, hops_away=2)
    whole = mesh_pb2.FromRadio(id=3, node_info=info).SerializeToString()
    read = decode(whole.replace(MARK.encode(), b"\xe9\xc3\xc3"))
    info.user.long_name, info.user.short_name = long_name.removesuffix(MARK), short_name.removesuffix(MARK)
    if MARK.encode() not in key:
        assert read == mesh_pb2.FromRadio(id=3, node_info=info)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_message_raise_nothing_but_value_error(data):
    try:
        cleaned(data, mesh_pb2.FromRadio.DESCRIPTOR)
    except ValueError:
        assert decode(data) is None


@given(st.binary(max_size=60))
def test_a_message_that_reads_is_left_alone(data):
    try:
        message = mesh_pb2.FromRadio.FromString(data)
    except DecodeError:
        return
    assert mesh_pb2.FromRadio.FromString(cleaned(data, mesh_pb2.FromRadio.DESCRIPTOR)) == message


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x05ab", b"\x0b", b"\xff" * 12, b"\x0d\x01"])
def test_a_message_that_ends_too_early_is_refused(data):
    with pytest.raises(ValueError, match=r"message|number|wire type"):
        cleaned(data, mesh_pb2.FromRadio.DESCRIPTOR)
