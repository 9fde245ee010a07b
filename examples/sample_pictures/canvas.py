"""Drawing tools for the sample pictures: gradients, silhouettes, light, water and seeded noise. Needs only Pillow."""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter
from PIL.ImageColor import getrgb

SMOOTH = 2  # the canvas is this many times larger than the picture, and is scaled down at the end

Point = tuple[float, float]
Shape = Sequence[Point]
Curve = Callable[[float], float]


class Canvas:
    """A picture under construction. Lengths are pixels of the finished picture, `y` counts downwards.

    Colours are written `#rrggbb`; several of them make a gradient from top to bottom.
    """

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self.random = random.Random(seed)  # noqa: S311  scenery, no secrets
        self.image = Image.new("RGB", (width * SMOOTH, height * SMOOTH))

    def finish(self) -> Image.Image:
        """The picture in its own size."""
        return self.image.resize((self.width, self.height), Image.Resampling.LANCZOS)

    def sky(self, *colors: str, bottom: float) -> None:
        """Fill the canvas; below `bottom` the last colour stays."""
        self.image.paste(self._gradient(colors, 0, bottom))

    def shapes(
        self, shapes: Iterable[Shape], *colors: str, blur: float = 0, alpha: float = 1, span: Point | None = None
    ) -> None:
        """Paint polygons. Their gradient runs over `span`, by default from the highest point of all to the lowest."""
        shapes = list(shapes)
        heights = [y for shape in shapes for _, y in shape]
        top, bottom = span or (min(heights), max(heights))
        mask = self._mask(shapes)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * SMOOTH))
        if alpha < 1:
            mask = mask.point(lambda value: round(value * alpha))
        self.image.paste(self._gradient(colors, top, min(bottom, self.height)), mask=mask)

    def common(self, one: Shape, other: Shape, color: str) -> None:
        """Paint where two polygons overlap."""
        both = ImageChops.multiply(self._mask([one]), self._mask([other]))
        self.image.paste(Image.new("RGB", self.image.size, color), mask=both)

    def land(self, line: Curve, *colors: str, span: Point | None = None) -> None:
        """Paint everything below a line."""
        edge = [(x / 2, line(x / 2)) for x in range(-4, self.width * 2 + 5)]
        self.shapes([[*edge, (self.width + 2, self.height + 2), (-2, self.height + 2)]], *colors, span=span)

    def glow(self, x: float, y: float, radius: float, color: str, strength: float) -> None:
        """Light that fades outwards from a point."""
        # Pillow's gradient is 181 at the middle of its edges and 255 in the corners.
        fade = Image.radial_gradient("L").point(lambda value: round(255 * strength * max(1 - value / 180, 0) ** 2))
        left, top, size = round((x - radius) * SMOOTH), round((y - radius) * SMOOTH), round(2 * radius * SMOOTH)
        light = Image.new("RGB", (size, size))
        light.paste(Image.new("RGB", (size, size), color), mask=fade.resize((size, size)))
        behind = self.image.crop((left, top, left + size, top + size))
        self.image.paste(ImageChops.screen(behind, light), (left, top))

    def mist(self, y: float, spread: float, color: str, strength: float) -> None:
        """A band of haze, thickest at `y`."""
        column = Image.new("L", (1, self.image.height))
        for row in range(self.image.height):
            away = (row / SMOOTH - y) / spread
            column.putpixel((0, row), round(255 * strength * math.exp(-away * away)))
        self.image.paste(Image.new("RGB", self.image.size, color), mask=column.resize(self.image.size))

    def stars(self, count: int, bottom: float) -> None:
        """Points of light, most of them faint, fewer and fainter towards `bottom`."""
        draw = ImageDraw.Draw(self.image, "RGBA")
        for _ in range(count):
            x, y = self.random.random() * self.width * SMOOTH, self.random.random() * bottom * SMOOTH
            size = (0.5 + 1.5 * self.random.random() ** 6) * SMOOTH
            alpha = (0.15 + 0.85 * self.random.random() ** 2) * (1 - y / bottom / SMOOTH) ** 0.5
            draw.ellipse((x - size, y - size, x + size, y + size), fill=(255, 255, 255, round(255 * alpha)))

    def mirror(self, horizon: float, tint: str, strength: float, squeeze: float) -> None:
        """Turn what lies below `horizon` into water, in which everything is `squeeze` times lower than above it."""
        line = round(horizon * SMOOTH)
        width, depth = self.image.width, self.image.height - line
        water = self.image.crop((0, line - round(depth * squeeze), width, line)).resize((width, depth))
        water = water.transpose(Image.Transpose.FLIP_TOP_BOTTOM).filter(ImageFilter.BoxBlur((2, 5)))
        waves = noise(self.random, 26, octaves=2)
        for y in range(depth):
            near = y / depth
            shift = round(waves(y / (0.4 + 1.4 * near)) * 3 * SMOOTH * (0.3 + 2.2 * near))
            self.image.paste(ImageChops.offset(water.crop((0, y, width, y + 1)), shift, 0), (0, line + y))
        lower = (0, line, width, line + depth)
        self.image.paste(Image.blend(self.image.crop(lower), Image.new("RGB", (width, depth), tint), strength), lower)

    def _mask(self, shapes: Iterable[Shape]) -> Image.Image:
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        for shape in shapes:
            draw.polygon([(x * SMOOTH, y * SMOOTH) for x, y in shape], fill=255)
        return mask

    def _gradient(self, colors: Sequence[str], top: float, bottom: float) -> Image.Image:
        stops = [getrgb(color) for color in (*colors, colors[-1])]
        column = Image.new("RGB", (1, self.image.height))
        for y in range(self.image.height):
            place = min(max((y / SMOOTH - top) / max(bottom - top, 1), 0), 1) * (len(colors) - 1)
            above, below = stops[int(place)], stops[int(place) + 1]
            mixed = (round(a + (b - a) * (place % 1)) for a, b in zip(above, below, strict=True))
            column.putpixel((0, y), tuple(mixed))
        return column.resize(self.image.size)


# Lines


def noise(rng: random.Random, wave: float, *, octaves: int = 5, gain: float = 0.5, sharp: bool = False) -> Curve:
    """A rough line around 0, mostly within -1 and 1, with hills `wave` pixels apart; `sharp` makes crags of them."""
    layers = [[rng.uniform(-1, 1) for _ in range(512)] for _ in range(octaves)]

    def line(x: float) -> float:
        total, size, length = 0.0, 1.0, wave
        for layer in layers:
            index, part = divmod(x / length + 64, 1)
            part = part if sharp else part * part * (3 - 2 * part)
            total += size * (layer[int(index) % 512] * (1 - part) + layer[int(index + 1) % 512] * part)
            size, length = size * gain, length / 2
        return total

    return line


def ridge(rng: random.Random, height: float, size: float, wave: float) -> Curve:
    """A chain of mountains around `height`, some `size` high and low."""
    line = noise(rng, wave, octaves=7, sharp=True)
    return lambda x: height - line(x) * size


def hills(rng: random.Random, height: float, size: float, wave: float) -> Curve:
    """A soft chain of hills around `height`."""
    line = noise(rng, wave, octaves=3, gain=0.4)
    return lambda x: height - line(x) * size


def through(points: Sequence[Point]) -> Curve:
    """A smooth line through these points, level at each."""

    def line(x: float) -> float:
        for (x0, y0), (x1, y1) in pairwise(points):
            if x <= x1:
                t = min(max((x - x0) / (x1 - x0), 0), 1)
                return y0 + (y1 - y0) * t * t * (3 - 2 * t)
        return points[-1][1]

    return line


def steps(count: int) -> list[float]:
    """Even steps from 0 to 1."""
    return [step / count for step in range(count + 1)]


# Outlines


def disc(x: float, y: float, across: float, down: float | None = None) -> list[Point]:
    """A circle with this radius, or an ellipse with these two."""
    down = across if down is None else down
    return [(x + across * math.cos(a * math.tau), y + down * math.sin(a * math.tau)) for a in steps(90)]


def box(left: float, top: float, right: float, bottom: float) -> list[Point]:
    """An upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def mirrored(points: Shape, middle: float) -> list[Point]:
    """The same outline on the other side of a vertical line."""
    return [(2 * middle - x, y) for x, y in points]


def soft(*points: Point) -> list[Point]:
    """A rounded outline, pulled towards the points: quadratic arcs between the middles of the sides."""
    outline = []
    for (x0, y0), (x1, y1), (x2, y2) in zip((points[-1], *points), points, (*points[1:], points[0]), strict=False):
        for t in steps(24):
            a, b, c = (1 - t) ** 2 / 2, 0.5 + t - t * t, t * t / 2
            outline.append((a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2))
    return outline


def streak(rng: random.Random, x: float, y: float, wide: float) -> list[list[Point]]:
    """A long thin cloud."""
    reach = 0.5 * wide
    return [
        disc(x + rng.uniform(-reach, reach), y + rng.uniform(-6, 6), rng.uniform(0.2, 0.5) * wide, rng.uniform(3, 8))
        for _ in range(8)
    ]


def pine(rng: random.Random, x: float, foot: float, height: float) -> list[Point]:
    """A conifer."""
    tiers = max(5, round(height / 16))
    right, left = [], []
    for tier in range(1, tiers + 1):
        y = foot - height * (1 - tier / tiers * 0.93)
        reach = height * 0.21 * (tier / tiers) ** 0.85
        right += [(x + reach * rng.uniform(0.85, 1.15), y + height * 0.03), (x + reach * 0.6, y)]
        left += [(x - reach * rng.uniform(0.85, 1.15), y + height * 0.03), (x - reach * 0.6, y)]
    trunk = height * 0.018
    return [(x, foot - height), *right, (x + trunk, foot), (x - trunk, foot), *reversed(left)]


def tower(x: float, top: float, wide: float, foot: float, style: float) -> list[list[Point]]:
    """A building; `style` between 0 and 1 chooses its roof."""
    body, middle, edge = box(x, top, x + wide, foot), x + wide / 2, x + wide
    if style < 0.2:
        return [body, box(x + wide * 0.2, top - 18, edge - wide * 0.2, top)]
    if style < 0.36:
        return [body, [(middle - 4, top), (middle - 1, top - 60), (middle + 1, top - 60), (middle + 4, top)]]
    if style < 0.48:
        return [body, [(x, top), (edge, top - wide * 0.45), (edge, top)]]
    if style < 0.56:
        return [body, [(x, top), (middle, top - wide * 0.7), (edge, top)]]
    return [body]


# Things


def sun(canvas: Canvas, x: float, y: float, radius: float, *colors: str) -> None:
    """A plain round sun or moon."""
    canvas.shapes([disc(x, y, radius)], *colors)


def peak(canvas: Canvas, x: float, top: float, foot: float, half: float, colors: Sequence[str]) -> None:
    """A mountain lit from the left: `colors` are sunlit rock, rock in shade, sunlit snow, snow in shade, haze."""
    rng, height = canvas.random, foot - top
    sunlit, shade, snow, blue, haze = colors

    def slope(side: float) -> list[Point]:
        jag = noise(rng, height / 5, gain=0.55, sharp=True)
        return [
            (x + side * (half * t**1.1 + jag(t * height) * height * 0.05 * min(t * 4, 1)), top + height * t)
            for t in steps(120)
        ]

    left, right, spine = slope(-1), slope(1), [(x, top)]
    for index, t in enumerate((0.07, 0.13, 0.24, 0.31, 0.43, 0.52, 0.68, 0.8, 1.0)):
        sway = (0.2 + t) * (0.28 if index % 2 else -0.16) * rng.uniform(0.6, 1.2)
        spine.append((x + half * (sway + 0.1 * t), top + height * t))
    body, dark = [*left, *reversed(right)], [*spine, *reversed(right)]
    canvas.shapes([body], sunlit, haze)
    canvas.shapes([dark], shade, haze)
    teeth = noise(rng, height / 6, octaves=4, gain=0.6, sharp=True)
    line = [
        (a, top + height * (0.36 + 0.12 * teeth(a)) + abs(a - x) * 0.12) for a in range(int(x - half), int(x + half), 2)
    ]
    above = [*line, (x + half, 0), (x - half, 0)]
    canvas.common(body, above, snow)
    canvas.common(dark, above, blue)


def dune(canvas: Canvas, points: Sequence[tuple[int, int]], colors: Sequence[str]) -> None:
    """A chain of dunes over these crests and hollows: `colors` are the top and foot in the sun, and the lee side."""
    crest, top = through(points), min(y for _, y in points)
    light, foot, shade = colors
    canvas.land(crest, light, foot, span=(top, top + 260))
    for (_, before), (x, y), (end, after) in zip(points, points[1:], points[2:], strict=False):
        if y > min(before, after):
            continue
        wide, deep, drop = end - x, 1.5 * (after - y) + 60, after - y
        edge = [(place, crest(place)) for place in range(x, end + 1, 4)]
        down = steps(40)[:0:-1]
        back = [(end - 0.45 * wide * (1 - t) ** 1.6, y + deep * (1 - t) + drop * t) for t in down]
        fall = [(x + wide * (0.55 * t + 0.13 * math.sin(t * math.tau)), y + deep * t) for t in down]
        canvas.shapes([[*edge, *back, *fall]], shade, foot, span=(y, y + deep))


def balloon(canvas: Canvas, x: float, y: float, radius: float, colors: Sequence[str]) -> None:
    """A hot-air balloon whose stripes take these four colours, from the outside in."""
    foot, basket = y + radius * 1.3, radius * 0.13
    for across, color in zip((radius, radius * 0.76, radius * 0.46, radius * 0.16), colors, strict=True):
        upper = [(x + across * math.sin(t * math.pi / 2), y - radius * math.cos(t * math.pi / 2)) for t in steps(40)]
        lower = [(x + across * (0.16 + 0.84 * math.cos(t * math.pi / 2)), y + radius * 1.3 * t) for t in steps(40)]
        right = [*upper, *lower]
        canvas.shapes([[*right, *reversed(mirrored(right, x))]], color)
    low = foot + radius * 0.3
    rope = [(x + basket * 1.15, foot), (x + basket * 1.3, foot), (x + basket, low), (x + basket * 0.85, low)]
    canvas.shapes([rope, mirrored(rope, x)], "#5b3a29")
    rim, floor = foot + radius * 0.28, foot + radius * 0.5
    side = [(x + basket, rim), (x + basket * 0.8, floor)]
    canvas.shapes([[*side, *reversed(mirrored(side, x))]], "#8a5a3a", "#5b3a29")
