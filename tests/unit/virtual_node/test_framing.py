import pytest

from meshbot.virtual_node.framing import Deframer, frame


def test_a_frame_is_found_however_the_stream_is_cut():
    stream = frame(b"one") + frame(b"two")
    deframer = Deframer()
    assert [payload for byte in stream for payload in deframer.feed(bytes((byte,)))] == [b"one", b"two"]


def test_a_lone_start_byte_just_before_a_frame_costs_that_frame_only():
    assert Deframer().feed(b"\x94" + frame(b"lost") + frame(b"kept")) == [b"kept"]


@pytest.mark.parametrize("noise", [b"\xc3" * 32, b"boot: wifi up\r\n", b"\x94\x00"])
def test_other_noise_before_a_frame_costs_nothing(noise):
    assert Deframer().feed(noise + frame(b"kept")) == [b"kept"]


def test_a_header_with_a_bogus_length_is_noise():
    assert Deframer().feed(b"\x94\xc3\x10\x00" + frame(b"kept")) == [b"kept"]


def test_an_empty_frame_is_a_message():
    assert Deframer().feed(frame(b"") + frame(b"x")) == [b"", b"x"]


def test_the_longest_frame_is_512_bytes():
    assert Deframer().feed(frame(b"x" * 512) + frame(b"y" * 513)) == [b"x" * 512]
