"""The frame reader under any bytes and any cuts; see FrameReader for its contract."""

from itertools import pairwise
from zlib import crc32

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshbot.mesh_link.framing import HEADER_LENGTH, MAX_PAYLOAD, START, FrameReader

MAGIC = b"frame"
TRICKY = b"\x94\xc3\x00\x01\x02\x05?"  # bytes that look like headers; MAGIC has none of them, so garbage never decodes
KEPT = HEADER_LENGTH + MAX_PAYLOAD - 1

bodies = st.lists(st.sampled_from(TRICKY), max_size=40).map(bytes)
garbage = st.lists(st.sampled_from(TRICKY), min_size=1, max_size=40).map(bytes)


def payload_of(body):
    return MAGIC + crc32(body).to_bytes(4) + body


def decode(payload):
    body = payload[len(MAGIC) + 4 :]
    return payload if payload == payload_of(body) else None


def frame(payload):
    return START + len(payload).to_bytes(2) + payload


plain_payloads = bodies.filter(lambda body: START not in body).map(payload_of)
nested_payloads = st.builds(
    lambda before, inner, after: payload_of(before + b"".join(map(frame, inner)) + after),
    bodies,
    st.lists(plain_payloads, max_size=3),
    st.one_of(bodies, st.just(b"")),
)


def cut(data, places):
    """Return `data` in pieces, cut at each of `places` (taken modulo its length)."""
    places = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(places)]


places = st.lists(st.integers(0, 5000), max_size=12)


def read(pieces):
    reader = FrameReader(decode)
    return [payload for piece in pieces for payload in reader.feed(piece)]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(garbage, st.binary(max_size=200), nested_payloads.map(frame)), max_size=12), places)
def test_any_bytes_in_any_pieces_are_read_and_all_accounted_for(parts, cuts):
    reader = FrameReader(decode)
    data = b"".join(parts)
    in_frames = 0
    for piece in cut(data, cuts):
        in_frames += sum(HEADER_LENGTH + len(payload) for payload in reader.feed(piece))
        assert len(reader._buffer) <= KEPT
    assert in_frames + reader.skipped + len(reader._buffer) == len(data)


@settings(deadline=None, max_examples=200)
@given(st.lists(nested_payloads, max_size=6), places)
def test_an_undamaged_stream_gives_exactly_its_frames_however_it_is_cut(payloads, cuts):
    pieces = cut(b"".join(map(frame, payloads)), cuts)
    assume(not any(made_of_whole_frames(piece) for piece in inner_pieces(payloads, pieces)))
    assert read(pieces) == payloads


@settings(deadline=None, max_examples=100)
@given(st.lists(nested_payloads, max_size=6))
def test_an_undamaged_stream_gives_exactly_its_frames_byte_by_byte_and_whole(payloads):
    data = b"".join(map(frame, payloads))
    assert read([data]) == read(bytes([byte]) for byte in data) == payloads


@settings(deadline=None, max_examples=100)
@given(st.lists(nested_payloads, min_size=1, max_size=6), st.integers(0, 5000))
def test_an_undamaged_stream_comes_as_far_as_it_has_come(payloads, place):
    """Each frame is there as soon as its last byte is."""
    data = b"".join(map(frame, payloads))
    data = data[: place % (len(data) + 1)]
    whole, length = [], 0
    for payload in payloads:
        length += HEADER_LENGTH + len(payload)
        if length <= len(data):
            whole.append(payload)
    assert read([data]) == whole


def made_of_whole_frames(piece):
    return b"".join(map(frame, read([piece]))) == piece


def inner_pieces(payloads, pieces):
    """Return the pieces that begin and end within one frame: the one cut that FrameReader excepts."""
    ends, end = set(), 0
    for payload in payloads:
        end += HEADER_LENGTH + len(payload)
        ends.add(end)
    inner, position = [], 0
    for piece in pieces:
        after = position + len(piece)
        if not any(position <= end <= after for end in {0, *ends}):
            inner.append(piece)
        position = after
    return inner


# -- after garbage

segments = st.lists(st.one_of(garbage, plain_payloads), max_size=12)  # payloads are recognised by their MAGIC


def stream_of(parts):
    return b"".join(frame(part) if part.startswith(MAGIC) else part for part in parts)


def payloads_of(parts):
    return [part for part in parts if part.startswith(MAGIC)]


@settings(deadline=None, max_examples=300)
@given(segments, places)
def test_no_whole_frame_is_lost_after_garbage_whatever_the_cuts(parts, cuts):
    pieces = cut(stream_of(parts), cuts)
    assert read([*pieces, b"?" * (KEPT + 1)]) == payloads_of(parts)


@settings(deadline=None, max_examples=200)
@given(segments, st.lists(plain_payloads, min_size=1, max_size=3), places)
def test_the_next_piece_of_whole_frames_brings_all_that_garbage_held_back(parts, payloads, cuts):
    pieces = [*cut(stream_of(parts), cuts), b"".join(map(frame, payloads))]
    assert read(pieces) == payloads_of(parts) + payloads


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(garbage.map(b"?".__add__), plain_payloads), max_size=12), plain_payloads)
def test_garbage_that_does_not_begin_like_a_frame_holds_back_nothing(parts, last):
    parts = [*parts, last]
    assert read([stream_of(parts)]) == payloads_of(parts)
