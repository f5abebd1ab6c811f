"""The contenders' own time from a command's arrival to its answer, measured at the other end of the socket."""

from __future__ import annotations

from contextlib import ExitStack

from bench.effort import Effort
from bench.peer import Peer
from bench.program import Contender, launch
from bench.scaled_clock import ScaledClock
from bench.table import Measured, Row, percentile

QUESTION = "/help"
# Seconds of the bot's clock between two questions: its sender is idle again after 2.2
PACE = 2.4
SCALE = 20.0
WARM_UP = 3  # first questions load what is loaded once
TARGETS = {50: 5.0, 99: 20.0}  # percentile: milliseconds
SYNC_SOON = {"tcp_pubkey_sync_delay": 0}  # before the questions, not between them


def own_time(effort: Effort) -> Measured:
    taken = _ask_both(SCALE, effort.questions)
    rows = [_row(percent, target, taken) for percent, target in TARGETS.items()]
    note = (
        f"own time: {effort.questions} questions {PACE:g} s apart on clocks that run {SCALE:g} times as fast, so that "
        "the pacing between two texts has passed; the milliseconds are real. The library echoes, the bot runs /help"
    )
    return Measured(rows, [note], {f"{who} ms": list(samples) for who, samples in taken.items()})


def own_time_unscaled(effort: Effort) -> Measured:
    """Show that the scale does not flatter."""
    taken = _ask_both(1.0, effort.unscaled_questions)
    row = _row(50, TARGETS[50], taken)
    what = f"the same at real pace ({effort.unscaled_questions} questions {PACE:g} s apart): median"
    return Measured(
        [Row(what, row.target, row.stock, row.bot, row.passed)], (), {f"{w} ms": list(s) for w, s in taken.items()}
    )


def _row(percent: int, target: float, taken: dict[Contender, list[float]]) -> Row:
    stock, bot = (percentile(taken[contender], percent) for contender in Contender)
    what = f"own time from a command's arrival to its answer on the wire: p{percent}"
    return Row(what, f"≤ {target:g} ms", f"{stock:.2f} ms", f"{bot:.2f} ms", bot <= target)


def _ask_both(scale: float, questions: int) -> dict[Contender, list[float]]:
    """Return the milliseconds of each answer; the two take turns, so that both meet the same noise."""
    clock = ScaledClock(scale)
    with ExitStack() as stack:
        peers = {contender: stack.enter_context(Peer(clock)) for contender in Contender}
        for contender, peer in peers.items():
            stack.enter_context(launch(contender, peer.port, scale, **SYNC_SOON))
            peer.configure()
        taken: dict[Contender, list[float]] = {contender: [] for contender in Contender}
        for _ in range(WARM_UP + questions):
            for contender, peer in peers.items():
                peer.rest(PACE / scale / len(peers))
                taken[contender].append(peer.ask(QUESTION) * 1000)
    return {contender: samples[WARM_UP:] for contender, samples in taken.items()}
