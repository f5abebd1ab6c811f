"""A map of nodes around a centre. Only the drawing process imports it."""

from __future__ import annotations

from math import atan2, cos, pi, sin
from typing import Final

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from meshbot.pictures.canvas import FONT, HEAD, ROW, Canvas, mark
from meshbot.pictures.data import MapNode, NodeMap
from meshbot.pictures.labels import Box, Grid, first_drawable, place
from meshbot.pictures.style import AGES, BACKGROUND, FAINT, GRID, INK, MARGIN, NAME, TEXT, WIDTH

SIDE: Final = WIDTH - 2 * MARGIN  # pixels of the map
EDGE: Final = 14.0  # pixels from the border to the marks of those beyond it
MOST_NUMBERS: Final = 30  # nodes in the legend
NAME_LENGTH: Final = 14  # characters of the centre's name
LABEL_LENGTH: Final = 24  # characters in the legend
COLUMNS: Final = 3  # of the legend
LINE: Final = 38  # height of one of its lines
MIDDLE: Final = SIDE / 2
# Pixels of the radius; beyond is room for the arrows
REACH: Final = MIDDLE - 2.5 * EDGE
CROWD: Final = 150  # beyond so many nodes numbers may cover some marks
STAR: Final = 14.0  # pixels that the centre's mark is wider than others
TURNS: Final = tuple(pi * turn / 8 for turn in (4, 2, 6, 12, 10, 14, 0, 8, 3, 5))  # where a ring is named, up first
# Up to so many: radius in pixels, opacity
MARKS: Final = ((150, 9.0, 0.95), (1000, 6.0, 0.75), (10_000, 4.0, 0.5))

Spot = tuple[float, float]  # pixels from the map's bottom left


def node_map(data: NodeMap) -> bytes:
    """Return the map as PNG."""
    lines = -(-min(MOST_NUMBERS, len(data.nodes)) // COLUMNS)
    below = 2 * ROW + (len(data.notes) + bool(data.unlabelled)) * ROW + lines * LINE
    canvas = Canvas(HEAD + SIDE + MARGIN + below + MARGIN, data.title, data.subtitle)
    bottom = MARGIN + below + 18.0
    axes = _board(canvas, bottom)
    spots = [_spot(data, node) for node in data.nodes]
    taken = [_north(axes), _scale(canvas, axes, data)]
    taken += _rings(canvas, axes, data, spots, taken)
    _marks(axes, data, spots)
    labels = _numbers(canvas, axes, data, spots, taken)
    ages = [(name, mark("o", colour, 20)) for name, colour in zip(data.ages, AGES, strict=True)]
    shapes = [(data.direct, mark("o", INK, 18)), (data.relayed, mark("o", INK, 15, filled=False))]
    top = canvas.legend(bottom - ROW - 8, ages)
    top = _legend(canvas, canvas.legend(top, shapes), labels)
    notes = list(data.notes)
    if data.unlabelled and len(labels) < len(data.nodes):
        notes.append(data.unlabelled.replace("{count}", str(len(data.nodes) - len(labels))))
    for note in notes:
        canvas.text(MARGIN, top, canvas.fitted(note, TEXT, SIDE), colour=FAINT)
        top -= ROW
    return canvas.png()


def _legend(canvas: Canvas, top: float, labels: list[str]) -> float:
    """Write the numbers with their nodes, in columns; return the height of the rest."""
    lines = -(-len(labels) // COLUMNS)
    for index, label in enumerate(labels):
        column, line = divmod(index, lines)
        words = canvas.fitted(f"{index + 1}  {label}", NAME, SIDE / COLUMNS - 10)
        canvas.text(MARGIN + column * SIDE / COLUMNS, top - line * LINE, words, size=NAME)
    return top - lines * LINE


def _north(axes: Axes) -> Box:
    """Draw an arrow to the north into the corner; return its box."""
    x, y = SIDE - 40.0, SIDE - 64.0
    axes.annotate(
        "", (x, y + 44), (x, y), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 3, "mutation_scale": 26}
    )
    box = _box(x, y - 16, 34, 30)
    _write(axes, box, "N", INK)
    return Box(x - 24, y - 34, SIDE, SIDE)


def _scale(canvas: Canvas, axes: Axes, data: NodeMap) -> Box:
    """Draw a bar as long as the first ring's radius, with its distance; return its box."""
    if not data.rings:
        return Box(0, 0, 0, 0)
    length = data.rings[0] / data.radius * REACH
    left, level = 24.0, 26.0
    axes.plot([left, left, left + length, left + length], [level + 9, level, level, level + 9], color=INK, linewidth=3)
    words = _distance(data.rings[0])
    width, height = canvas.size_of(words, NAME)
    box = Box(left + 6, level + 6, left + 14 + width, level + 14 + height)
    _write(axes, box, words, INK)
    return Box(0, 0, max(left + length, box.right) + 8, box.top + 6)


def _distance(km: float) -> str:
    return f"{km:g} km" if km >= 1 else f"{km * 1000:g} m"


def _board(canvas: Canvas, bottom: float) -> Axes:
    """Return the map's square, whose units are its pixels."""
    axes = canvas.axes(bottom, SIDE, left=MARGIN)
    axes.set(xlim=(0, SIDE), ylim=(0, SIDE), xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID, linewidth=2)
    return axes


def _rings(canvas: Canvas, axes: Axes, data: NodeMap, spots: list[Spot], taken: list[Box]) -> list[Box]:
    """Draw circles of round distances; return the boxes of their texts, beside the marks where possible."""
    boxes, grid = [], Grid(spots, _look_of(spots)[0])
    for ring in data.rings:
        size = ring / data.radius * REACH
        axes.add_patch(Circle((MIDDLE, MIDDLE), size, fill=False, edgecolor=GRID, linewidth=2))
        words = _distance(ring)
        width, height = canvas.size_of(words, NAME)
        around = [_box(MIDDLE + size * cos(turn), MIDDLE + size * sin(turn), width + 8, height + 8) for turn in TURNS]
        free = [each for each in around if not any(map(each.overlaps, taken))] or around
        box = next((each for each in free if not grid.covers_mark(each)), free[0])
        _write(axes, box, words, FAINT)
        boxes.append(box)
    return boxes


def _spot(data: NodeMap, node: MapNode) -> Spot:
    """Return a node's place on the map; one beyond it is at its edge."""
    scale = REACH / data.radius
    if _is_beyond(data, node):
        scale = (MIDDLE - EDGE) / max(abs(node.east), abs(node.north))
    return MIDDLE + node.east * scale, MIDDLE + node.north * scale


def _is_beyond(data: NodeMap, node: MapNode) -> bool:
    return max(abs(node.east), abs(node.north)) > data.radius * 1.001


def _look_of(spots: list[Spot]) -> tuple[float, float]:
    """Return the radius and the opacity of so many marks."""
    return next((radius, opacity) for most, radius, opacity in MARKS if len(spots) <= most)


def _marks(axes: Axes, data: NodeMap, spots: list[Spot]) -> None:
    """Draw all nodes, the freshest on top: discs for direct ones, circles for relayed ones, arrows to those beyond."""
    radius, opacity = _look_of(spots)
    groups: dict[tuple[int, bool], list[Spot]] = {}
    for spot, node in zip(spots, data.nodes, strict=True):
        if _is_beyond(data, node):
            arrow = _arrow(atan2(node.north, node.east))
            axes.plot([spot[0]], [spot[1]], marker=arrow, color=AGES[node.age], markersize=max(16, 2 * radius + 4))
        else:
            groups.setdefault((-node.age, node.direct), []).append(spot)
    for (age, direct), chosen in sorted(groups.items()):
        colour = AGES[-age]
        axes.plot(
            *zip(*chosen, strict=True),
            "o",
            alpha=opacity,
            markersize=2 * radius if direct else 2 * radius - 3,
            markerfacecolor=colour if direct else BACKGROUND,
            markeredgecolor=BACKGROUND if direct else colour,
            markeredgewidth=1.5 if direct else max(1.5, radius / 3),
        )


def _arrow(turn: float) -> list[Spot]:
    """Return the corners of a slim triangle that points to `turn` (radians from east)."""
    return [
        (cos(turn + corner) * size, sin(turn + corner) * size) for corner, size in ((0, 1.0), (2.6, 0.9), (-2.6, 0.9))
    ]


def _numbers(canvas: Canvas, axes: Axes, data: NodeMap, spots: list[Spot], taken: list[Box]) -> list[str]:
    """Number the nodes that have room for it, and draw the centre; return the numbered ones' labels, in order."""
    is_crowded = len(spots) > CROWD
    labels = [_label(canvas, node) for node in data.nodes[:MOST_NUMBERS]]
    number_size = canvas.size_of("88", NAME)
    sizes = [number_size if label else (0.0, 0.0) for label in labels]
    # In a crowd numbers may cover some marks
    marks = spots[: len(labels)] if is_crowded else spots
    centre = ""
    if data.centre:
        axes.plot(
            [MIDDLE], [MIDDLE], marker="*", color=INK, markersize=34, markeredgecolor=BACKGROUND, markeredgewidth=2
        )
        centre = first_drawable(data.centre, canvas.glyphs, NAME_LENGTH)
        width, height = canvas.size_of(centre, NAME)
        marks, sizes = [(MIDDLE, MIDDLE), *marks], [(width + 2 * STAR, height), *sizes]
        labels = [centre, *labels]
    room = Box(4, 4, SIDE - 4, SIDE - 4)
    shown: list[str] = []
    for each in place(marks, [(width + 6, height + 6) for width, height in sizes], room, taken):
        if not labels[each.index]:
            continue
        is_centre = bool(data.centre) and each.index == 0
        if not is_centre:
            shown.append(labels[each.index])
        if each.is_far:
            _lead(axes, marks[each.index], each.box)
        words = centre if is_centre else str(len(shown))
        _write(axes, each.box, words, INK, opacity=0.75 if is_crowded else 0.0)
    return shown


def _label(canvas: Canvas, node: MapNode) -> str:
    return first_drawable((node.label, *node.names), canvas.glyphs, LABEL_LENGTH)


def _lead(axes: Axes, spot: Spot, box: Box) -> None:
    """Draw a line from a mark to its name."""
    end = min(max(spot[0], box.left), box.right), min(max(spot[1], box.bottom), box.top)
    axes.plot(*zip(spot, end, strict=True), color=FAINT, linewidth=1.5, zorder=1.5)


def _write(axes: Axes, box: Box, words: str, colour: str, opacity: float = 1.0) -> None:
    """Write in the middle of a box, whose background hides what is below it."""
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    font = FontProperties(fname=FONT, size=NAME)
    ground = {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 2, "alpha": opacity}
    text = axes.text(x, y, words, fontproperties=font, color=colour, ha="center", va="center", bbox=ground)
    text.set_path_effects([withStroke(linewidth=5, foreground=BACKGROUND)])


def _box(x: float, y: float, width: float, height: float) -> Box:
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
