"""Frames out of a byte stream."""

import pytest

from meshbot.mesh_link.framing import HEADER_LENGTH, MAX_PAYLOAD, FrameReader

# The payloads of these tests begin so; anything else decodes to nothing
SIGN = b"P"


def decode(payload):
    return bytes(payload) if payload.startswith(SIGN) else None


def frame(payload):
    return b"\x94\xc3" + len(payload).to_bytes(2) + payload


def header(length):
    return b"\x94\xc3" + length.to_bytes(2)


@pytest.fixture
def reader():
    return FrameReader(decode)


def feed(reader, *pieces):
    return [list(reader.feed(piece)) for piece in pieces]


def test_a_whole_frame_comes_at_once(reader):
    assert feed(reader, frame(b"Pa")) == [[b"Pa"]]


def test_several_frames_in_one_piece_come_in_sequence(reader):
    assert feed(reader, frame(b"Pa") + frame(b"Pb")) == [[b"Pa", b"Pb"]]


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_frame_may_be_cut_anywhere(reader, cut):
    whole = frame(b"Pabc")
    assert feed(reader, whole[:cut], whole[cut:]) == [[], [b"Pabc"]]


def test_a_frame_may_come_byte_by_byte(reader):
    assert feed(reader, *(bytes([byte]) for byte in frame(b"Pabc")))[-1] == [b"Pabc"]


def test_the_longest_frame_passes(reader):
    payload = b"P" * MAX_PAYLOAD
    assert feed(reader, frame(payload)) == [[payload]]


def test_an_empty_payload_is_what_decode_makes_of_it():
    assert feed(FrameReader(bytes), header(0)) == [[b""]]


def test_garbage_before_a_frame_is_skipped_and_counted(reader):
    assert feed(reader, b"INFO  | boot\r\n" + frame(b"Pa")) == [[b"Pa"]]
    assert reader.skipped == 14


def test_an_oversized_length_is_garbage(reader):
    assert feed(reader, header(MAX_PAYLOAD + 1) + frame(b"Pa")) == [[b"Pa"]]


def test_a_start_byte_too_many_is_garbage(reader):
    assert feed(reader, b"\x94" + frame(b"Pa")) == [[b"Pa"]]


def test_a_payload_that_means_nothing_is_searched_for_frames(reader):
    assert feed(reader, frame(b"?" + frame(b"Pa") + b"?") + frame(b"Pb")) == [[b"Pa", b"Pb"]]


def test_a_header_in_garbage_does_not_hold_the_next_frame_back(reader):
    assert feed(reader, b"?" + header(300) + b"..." + frame(b"Pa")) == [[b"Pa"]]


def test_a_frame_cut_short_delays_only_to_the_next_whole_frames(reader):
    cut_short = frame(b"P" * 100)[:50]
    assert feed(reader, cut_short + frame(b"Pa"), frame(b"Pb") + frame(b"Pc")) == [[], [b"Pa", b"Pb", b"Pc"]]


def test_behind_a_frame_cut_short_nothing_is_lost(reader):
    cut_short = frame(b"?" * 100)[:50]
    pieces = frame(b"Pa") * 9 + frame(b"Pb")[:3]
    assert feed(reader, cut_short + pieces, frame(b"Pb")[3:]) == [[b"Pa"] * 9, [b"Pb"]]


def test_a_frame_within_a_frame_does_not_end_the_outer_one(reader):
    """Anybody on the mesh can send bytes that look like a frame; the network cuts where it likes."""
    outer = frame(b"P" + frame(b"Pforged") + b"rest")
    for cut in range(1, len(outer)):
        assert feed(reader, outer[:cut], outer[cut:]) == [[], [outer[4:]]]


def test_after_garbage_the_next_frame_makes_headers_trustworthy_again(reader):
    feed(reader, b"?!" + frame(b"Pa"))
    outer = frame(b"P" + frame(b"Pforged") + b"rest")
    cut = len(outer) - 4
    assert feed(reader, outer[:cut], outer[cut:]) == [[], [outer[4:]]]


def test_what_is_kept_between_two_pieces_is_less_than_a_frame(reader):
    feed(reader, b"?" * 100_000 + header(MAX_PAYLOAD) + b"x" * (MAX_PAYLOAD - 1))
    assert len(reader._buffer) == HEADER_LENGTH + MAX_PAYLOAD - 1


def test_garbage_alone_is_not_kept(reader):
    feed(reader, b"?" * 100_000)
    assert not reader._buffer
    assert reader.skipped == 100_000
