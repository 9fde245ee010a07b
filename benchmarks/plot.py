"""Small line plots beside each other, as one SVG that suits light and dark pages."""

from collections.abc import Mapping, Sequence
from html import escape

import msgspec

WIDTH, HEIGHT = 300, 200  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 40, 36  # the margins around its axes
COLUMNS = 3
HEAD = 48  # above the panels: the title and the legend
COLORS = ("#2f7ed8", "#d9822b", "#3a9d5d")
STYLE = """
text { font: 12px sans-serif; fill: #333 } .axis { stroke: #999 } .grid { stroke: #ddd }
.title { font-weight: bold; font-size: 14px }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .grid { stroke: #444 } }
"""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One plot.

    Attributes:
        title: what the values are of.
        across: what the horizontal axis counts.
        lines: name -> points of (size, value). The sizes stand at equal distances.
    """

    title: str
    across: str
    lines: Mapping[str, Sequence[tuple[int, float]]]


def draw(title: str, panels: Sequence[Panel]) -> str:
    """Return the SVG. Each panel has an axis of its own, which begins at 0."""
    rows = -(-len(panels) // COLUMNS)
    width = COLUMNS * WIDTH
    height = HEAD + rows * HEIGHT
    names = dict.fromkeys(name for panel in panels for name in panel.lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>',
    ]
    for number, name in enumerate(names):
        x = LEFT + 110 * number
        parts.append(f'<rect x="{x}" y="29" width="12" height="12" fill="{COLORS[number]}"/>')
        parts.append(f'<text x="{x + 18}" y="39">{escape(name)}</text>')
    for number, panel in enumerate(panels):
        x, y = number % COLUMNS * WIDTH, HEAD + number // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel, list(names))}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel, names: Sequence[str]) -> str:
    sizes = sorted({size for line in panel.lines.values() for size, _ in line})
    top = _round_up(max(value for line in panel.lines.values() for _, value in line))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(sizes) - 1)

    def x_of(size: int) -> float:
        return LEFT + step * sizes.index(size)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = [f'<text x="{LEFT}" y="{TOP - 16}">{escape(panel.title)}</text>']
    for value in (0, top / 2, top):
        y = y_of(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    below = HEIGHT - BOTTOM + 16
    parts += [f'<text x="{x_of(size):.1f}" y="{below}" text-anchor="middle">{_short(size)}</text>' for size in sizes]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(panel.across)}</text>')
    for name, line in panel.lines.items():
        color = COLORS[names.index(name)]
        places = [(x_of(size), y_of(value)) for size, value in line]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
    return "".join(parts)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 and so on."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= factor * step:
                return factor * step
        step *= 10


def _short(size: int) -> str:
    return f"{size // 1000}k" if size >= 1000 else str(size)
