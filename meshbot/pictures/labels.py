"""Texts on pictures, pure: as the font can draw them, and placed on the map so that none covers another (pixels)."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

ELLIPSIS: Final = "…"
NEAR: Final = 12.0  # pixels between a mark and its name
DISTANCES: Final = (NEAR, 30.0, 60.0, 100.0, 150.0)  # further ones need a line to the mark
SIDES: Final = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))  # right first, as people read
CELL: Final = 64.0  # pixels of the grid in which marks are looked up


def drawable(text: str, glyphs: Container[int], limit: int) -> str:
    """Return `text` on one line without what the font `glyphs` (code points) lacks, at most `limit` characters."""
    spaced = "".join(" " if unicodedata.category(char)[0] == "Z" or char in "\t\n\r" else char for char in text)
    kept: list[str] = []
    for char in unicodedata.normalize("NFC", spaced):
        kind = unicodedata.category(char)
        stacked = kind.startswith("M") and (not kept or unicodedata.category(kept[-1]).startswith(("M", "Z")))
        if kind[0] != "C" and not stacked and ord(char) in glyphs:
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def first_drawable(names: Iterable[str], glyphs: Container[int], limit: int) -> str:
    """Return the first of `names` that keeps at least half of its letters, drawable; empty if none does."""
    for name in names:
        shown = drawable(name, glyphs, limit)
        before = sum(map(str.isalnum, name[:limit]))
        if any(map(str.isalnum, shown)) and 2 * sum(map(str.isalnum, shown)) >= before:
            return shown
    return ""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Return whether they have an area in common."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def within(self, other: Box) -> bool:
        """Return whether it lies inside of another one, edges included."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """The place of a name."""

    index: int  # of its mark
    box: Box
    is_far: bool  # needs a line to its mark


def place(
    marks: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    room: Box,
    taken: Sequence[Box] = (),
    mark_radius: float = 9.0,
) -> list[Placed]:
    """Return the names of the first marks, whose sizes are given, that find a place.

    No name covers another one, a mark (any of `marks`) or a box of `taken`; all lie within `room`.
    """
    grid = Grid(marks, mark_radius)
    placed: list[Placed] = []
    occupied = list(taken)
    for index, (mark, size) in enumerate(zip(marks, sizes, strict=False)):
        for box, is_far in _candidates(mark, size):
            if box.within(room) and not any(map(box.overlaps, occupied)) and not grid.covers_mark(box):
                placed.append(Placed(index, box, is_far))
                occupied.append(box)
                break
    return placed


def _candidates(mark: tuple[float, float], size: tuple[float, float]) -> Iterator[tuple[Box, bool]]:
    (x, y), (width, height) = mark, size
    for distance in DISTANCES:
        for east, north in SIDES:
            middle_x = x + east * (distance + width / 2)
            middle_y = y + north * (distance + height / 2)
            box = Box(middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2)
            yield box, distance > NEAR


class Grid:
    """Marks by cell, so that a look-up does not visit thousands."""

    def __init__(self, marks: Sequence[tuple[float, float]], radius: float) -> None:
        self._radius = radius
        self._cells: dict[tuple[int, int], list[Box]] = {}
        for x, y in marks:
            key = int(x // CELL), int(y // CELL)
            self._cells.setdefault(key, []).append(Box(x - radius, y - radius, x + radius, y + radius))

    def covers_mark(self, box: Box) -> bool:
        """Return whether a mark is under the box."""
        reach = self._radius
        columns = range(int((box.left - reach) // CELL), int((box.right + reach) // CELL) + 1)
        rows = range(int((box.bottom - reach) // CELL), int((box.top + reach) // CELL) + 1)
        return any(
            box.overlaps(mark) for column in columns for row in rows for mark in self._cells.get((column, row), ())
        )
