"""`python -m chaos --seed SEED --seconds 60`: faults of every part at every moment, and what must hold meanwhile."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from chaos.lane import Lane
from chaos.schedule import Round, round_of, rounds, smaller

# Seconds of a run that are left to what waits when the rounds are over, and to the stop
LEFT: Final = 20.0
# Seconds in which a failing round is made smaller
SHRINKING: Final = 90.0
LAST_LINES: Final = 60


@dataclass(slots=True)
class Outcome:
    """What a lane lived through."""

    rounds: list[Round] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lives: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything held, 1 if not."""
    options = _parser().parse_args(arguments)
    seed = options.seed or f"{secrets.randbits(32):08x}"
    print(f"chaos: SEED={seed}, {options.seconds} s, {options.lanes} lanes", flush=True)
    began = time.monotonic()
    if options.rounds:
        outcomes = [live([round_of(seed, number) for number in options.rounds], began + 3600)]
    else:
        until = began + options.seconds
        with ThreadPoolExecutor(options.lanes) as pool:
            lanes = [rounds(seed, lane, options.lanes) for lane in range(options.lanes)]
            outcomes = list(pool.map(lambda lane: live(lane, until), lanes))
    lived = [one for outcome in outcomes for one in outcome.rounds]
    print(_summary(lived, sum(outcome.lives for outcome in outcomes), time.monotonic() - began), flush=True)
    for outcome in outcomes:
        if outcome.violations:
            _report(seed, outcome, shrinks=not options.keep)
    return int(any(outcome.violations for outcome in outcomes))


def live(chosen: Iterable[Round], until: float) -> Outcome:
    """Live through rounds until one fails or the time is up (monotonic seconds)."""
    outcome = Outcome()
    with Lane() as lane:
        for one in chosen:
            if lane.violations or time.monotonic() > until - LEFT:
                break
            print(f"  {one}", flush=True)
            outcome.rounds.append(one)
            try:
                lane.live(one)
            except Exception as error:  # noqa: BLE001 - whatever keeps a round from its end is what was looked for
                lane.violations.append(f"{type(error).__name__}: {error}")
        lane.settle()
        outcome.violations, outcome.lives = list(dict.fromkeys(lane.violations)), lane.lives
        if outcome.violations:
            failed = [f"❌ {each}" for each in outcome.violations]
            print("\n".join([*failed, "  the bot's last lines:", *lane.deeds.lines()[-LAST_LINES:]]), flush=True)
    return outcome


def _report(seed: str, outcome: Outcome, *, shrinks: bool) -> None:
    numbers = ",".join(str(one.number) for one in outcome.rounds)
    print("\n".join(["", *(f"❌ {each}" for each in outcome.violations)]))
    print(f"   in {outcome.rounds[-1] if outcome.rounds else 'the start'}")
    print(f"   repeat: make chaos SEED={seed} ROUNDS={numbers}", flush=True)
    if shrinks and outcome.rounds:
        least = _least(outcome.rounds[-1], time.monotonic() + SHRINKING)
        print(f"   least that fails: {least}" if least else "   that round alone does not fail", flush=True)


def _least(failing: Round, until: float) -> Round | None:
    """Return the smallest round found that fails by itself, None if even the whole one does not."""
    if not live([failing], until).violations:
        return None
    least, candidates = failing, smaller(failing)
    while time.monotonic() < until and (one := next(candidates, None)) is not None:
        if live([one], until + LEFT).violations:
            least, candidates = one, smaller(one)
    return least


def _summary(lived: Sequence[Round], lives: int, seconds: float) -> str:
    faults = Counter(str(fault.part.value) for one in lived for fault in one.faults)
    pairs = sum(len(one.faults) > 1 for one in lived)
    acts = sum(len(one.acts) for one in lived)
    parts = ", ".join(f"{count} of {part}" for part, count in sorted(faults.items())) or "none"
    return f"{len(lived)} rounds in {seconds:.0f} s: faults {parts}; {pairs} pairs; {acts} acts; {lives} processes"


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", default="", help="any text; a random one is printed")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the whole run (%(default)g)")
    parser.add_argument("--lanes", type=int, default=2, help="bots at the same time, each with its node (%(default)s)")
    parser.add_argument("--rounds", type=_numbers, metavar="N,N", help="these rounds alone, in one lane")
    parser.add_argument("--keep", action="store_true", help="do not make a failing round smaller")
    return parser


if __name__ == "__main__":
    sys.exit(main())
