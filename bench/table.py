"""The result of a measure, and the table that all results make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean

Samples = dict[str, list[float | None]]  # every figure by name; None: not within the limit
UNMEASURED = "not measured"
HEADER = ("what", "target", "plain library", "our bot", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `passed` is None where there is no target, or where nothing could be measured."""

    what: str
    target: str
    stock: str
    bot: str
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The rows of one measure, notes on how they were measured, and every figure behind them."""

    rows: Sequence[Row]
    notes: Sequence[str] = ()
    samples: Samples = field(default_factory=dict)


def render(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table whose columns line up in a terminal."""
    lines = [(row.what, row.target, row.stock, row.bot, _verdict(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADER, *lines, strict=True)]
    rule = tuple("-" * width for width in widths)
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (HEADER, rule, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def seconds(samples: Sequence[float | None], limit: float) -> str:
    """Return mean and worst; a sample that is None took longer than `limit` seconds."""
    if not samples:
        return UNMEASURED
    done = [sample for sample in samples if sample is not None]
    late = len(samples) - len(done)
    parts = []
    if done:
        parts.append(f"{done[0]:.1f} s" if len(done) == 1 else f"mean {fmean(done):.1f} s, worst {max(done):.1f} s")
    if late:
        parts.append(f"{late} of {len(samples)} not within {limit:g} s")
    return "; ".join(parts)


def within(samples: Sequence[float | None], target: float) -> bool | None:
    """Return whether every sample reached the target; None without samples."""
    return all(sample is not None and sample <= target for sample in samples) if samples else None


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the smallest sample that `percent` of them do not exceed."""
    return sorted(samples)[max(0, ceil(len(samples) * percent / 100) - 1)]


def _verdict(row: Row) -> str:
    return "–" if row.passed is None else "✅" if row.passed else "❌"
