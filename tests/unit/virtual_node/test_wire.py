from random import Random

from meshbot.virtual_node.faults import ActiveFaults
from meshbot.virtual_node.framing import Deframer, frame
from meshbot.virtual_node.wire import Wire

ONE, TWO = frame(b"a" * 20), frame(b"b" * 20)


def wire(name=None, seed=1, **params):
    faults = ActiveFaults()
    if name:
        faults.switch_on(name, params, 1)
    return Wire(faults, Random(seed), 0.0)


def drained(wire, now):
    stream = b""
    while piece := wire.ready(now):
        wire.sent(len(piece))
        stream += piece
    return stream


def test_frames_go_at_once_and_in_order():
    sound = wire()
    sound.push([ONE, TWO], 0.0)
    assert sound.ready(0.0) == ONE + TWO
    sound.sent(10)
    assert (drained(sound, 0.0), sound.pending) == ((ONE + TWO)[10:], 0)


def test_noise_between_frames_costs_no_frame():
    noisy = wire("garbage", bytes=50)
    noisy.push([ONE, TWO], 0.0)
    stream = drained(noisy, 0.0)
    assert len(stream) == len(ONE + TWO) + 100
    assert len(Deframer().feed(stream)) == 2


def test_noise_can_end_in_a_lone_start_byte():
    noisy = wire("garbage", bytes=5, start_byte=1)
    noisy.push([ONE], 0.0)
    assert drained(noisy, 0.0)[5:] == b"\x94" + ONE


def test_a_cut_frame_pauses_in_its_middle_then_all_goes_on():
    cut = wire("cut_frame", pause=2)
    cut.push([ONE, TWO], 0.0)
    first = drained(cut, 1.9)
    assert ONE.startswith(first)
    assert 4 < len(first) < len(ONE)
    assert cut.due(1.0) == 2.0
    assert first + drained(cut, 2.0) == ONE + TWO


def test_a_truncated_frame_is_followed_by_whole_ones():
    torn = wire("truncated_frame")
    torn.push([ONE, TWO], 0.0)
    assert drained(torn, 0.0) == ONE[:14] + TWO


def test_an_oversized_header_comes_before_the_frame():
    torn = wire("oversized", length=0x1234)
    torn.push([ONE, TWO], 0.0)
    assert drained(torn, 0.0) == b"\x94\xc3\x12\x34" + ONE + TWO


def test_frames_0_means_every_frame_until_healed():
    torn = wire("truncated_frame", frames=0)
    torn.push([ONE, TWO], 0.0)
    assert drained(torn, 0.0) == ONE[:14] + TWO[:14]


def test_a_slow_link_hands_out_its_rate_and_earns_nothing_by_silence():
    slow = wire("slow", rate=10)
    slow.push([ONE, TWO], 100.0)
    assert drained(slow, 100.0) == b""
    assert drained(slow, 101.0) == ONE[:10]
    assert len(drained(slow, 103.0)) == 20
    assert slow.due(103.0) > 103.0


def test_a_delayed_segment_comes_after_its_time():
    late = wire("delay", seconds=4)
    late.push([ONE], 100.0)
    assert drained(late, 103.9) == b""
    assert late.due(100.0) == 104.0
    assert drained(late, 104.0) == ONE


def test_a_lost_segment_comes_later_and_holds_up_what_follows():
    arrivals = []
    for seed in range(200):
        late = wire("delay", seed, seconds=4, loss=50)
        late.push([ONE], 0.0)
        arrivals.append(round(late.due(0.0), 3))
        late.push([TWO], 1.0)
        assert drained(late, late.due(0.0)).startswith(ONE)
        assert drained(late, 1000.0).endswith(TWO) or late.pending == 0
    # 1.1 times 4 s, then twice that, and so on
    assert set(arrivals) == {4.0, 8.4, 17.2, 34.8, 70.0}
    assert 80 <= arrivals.count(4.0) <= 120


def test_without_the_fault_nothing_is_delayed_any_more():
    late = wire("delay", seconds=4)
    late.push([ONE], 100.0)
    late._faults.heal("delay")
    late.push([TWO], 110.0)
    assert drained(late, 110.0) == ONE + TWO
