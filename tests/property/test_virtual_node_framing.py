from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from meshbot.virtual_node.framing import MAX_PAYLOAD, START1, Deframer, frame

QUIET = st.binary(max_size=40).map(lambda noise: noise.replace(bytes((START1,)), b"."))
PAYLOADS = st.lists(st.tuples(QUIET, st.binary(max_size=MAX_PAYLOAD)), max_size=6)


def _pieces(stream, cuts):
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[start:end] for start, end in pairwise(places)]


@given(PAYLOADS, st.lists(st.integers(0, 10_000), max_size=12))
def test_every_frame_among_noise_is_found_whatever_the_cuts(parts, cuts):
    stream = b"".join(noise + frame(payload) for noise, payload in parts)
    deframer = Deframer()
    assert [found for piece in _pieces(stream, cuts) for found in deframer.feed(piece)] == [p for _, p in parts]


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=8))
def test_any_bytes_are_read_the_same_in_one_piece_or_in_many(stream, cuts):
    deframer = Deframer()
    assert [found for piece in _pieces(stream, cuts) for found in deframer.feed(piece)] == Deframer().feed(stream)
