"""Landscapes that stand for photos: hills, a sky, and something on the hills. A text and a colour decide all of it."""

import colorsys
import hashlib
import math
import random

from PIL import Image, ImageDraw

from imagevault.testing.pictures import Color

Point = tuple[float, float]

WHITE = (255, 255, 255)
SUNLIGHT = (255, 248, 220)
NIGHT = (20, 20, 30)
PLASTER = (240, 232, 214)
WOOD = (80, 60, 50)
ROOF = (120, 30, 20)
FIR = (10, 40, 20)
BALLOONS = ((220, 60, 50), (240, 200, 60), (60, 110, 200))

RIDGE_STEPS = 24  # straight pieces of a ridge
RANGES = 3  # of hills, one before the other


def landscape(text: str, color: Color | None, width: int, height: int) -> Image.Image:
    """Return a landscape of this size. Equal texts have equal shapes. Without a colour, the text decides it."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    chance = random.Random(digest)  # noqa: S311  not for cryptography
    return _Landscape(chance, color or _any_color(chance), width, height).draw()


def _any_color(chance: random.Random) -> Color:
    """Return a colour that is neither grey nor dark."""
    red, green, blue = colorsys.hls_to_rgb(chance.random(), 0.5, 0.45)
    return round(255 * red), round(255 * green), round(255 * blue)


def _mixed(color: Color, other: Color, part: float) -> Color:
    """Return a colour with a part, from 0 to 1, of another."""
    red, green, blue = (round(one + (two - one) * part) for one, two in zip(color, other, strict=True))
    return red, green, blue


class _Landscape:
    """One landscape. Its shapes are in proportion to its shorter side."""

    def __init__(self, chance: random.Random, color: Color, width: int, height: int) -> None:
        self.chance = chance
        self.color = color
        self.width = width
        self.height = height
        self.unit = min(width, height)
        self.image = self._sky()
        self.pen = ImageDraw.Draw(self.image)

    def draw(self) -> Image.Image:
        """Draw from the back to the front."""
        self._draw_sun()
        for number in range(RANGES):
            ridge = self._draw_hills(number)
            if number == 1:
                self._draw_shapes(ridge)
        return self.image

    def _sky(self) -> Image.Image:
        """Return a sky that is brighter towards the horizon."""
        column = Image.new("RGB", (1, 2), _mixed(self.color, SUNLIGHT, 0.85))
        column.putpixel((0, 0), _mixed(self.color, WHITE, 0.25))
        return column.resize((self.width, self.height), Image.Resampling.BILINEAR)

    def _draw_sun(self) -> None:
        radius = self.unit * self.chance.uniform(0.06, 0.13)
        x = self.width * self.chance.uniform(0.15, 0.85)
        y = self.height * self.chance.uniform(0.12, 0.4)
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_mixed(self.color, SUNLIGHT, 0.9))

    def _draw_hills(self, number: int) -> list[Point]:
        """Draw a range of hills, and return the points of its ridge. The range in front is the darkest."""
        waves = self.chance.uniform(0.8, 2.5)
        phase = self.chance.uniform(0, math.tau)
        rise = self.height * self.chance.uniform(0.04, 0.12)
        horizon = self.height * (0.45 + 0.17 * number)
        ridge = []
        for step in range(RIDGE_STEPS + 1):
            along = step / RIDGE_STEPS
            ridge.append((self.width * along, horizon + rise * math.sin(math.tau * waves * along + phase)))
        corners = [(self.width, self.height), (0, self.height)]
        self.pen.polygon([*ridge, *corners], fill=_mixed(self.color, NIGHT, 0.25 + 0.22 * number))
        return ridge

    def _draw_shapes(self, ridge: list[Point]) -> None:
        """Draw one to four trees, houses, towers or balloons."""
        draw_shape = self.chance.choice([self._draw_tree, self._draw_house, self._draw_tower, self._draw_balloon])
        for _ in range(self.chance.randint(1, 4)):
            x, y = self.chance.choice(ridge)
            draw_shape(x, y)

    def _draw_tree(self, x: float, y: float) -> None:
        high = self.unit * self.chance.uniform(0.12, 0.25)
        color = _mixed(self.color, FIR, 0.8)
        for level in range(3):
            top = y - high + high * 0.22 * level
            wide = high * (0.16 + 0.09 * level)
            self.pen.polygon([(x, top), (x - wide, top + high * 0.45), (x + wide, top + high * 0.45)], fill=color)
        self.pen.rectangle((x - high * 0.04, y - high * 0.15, x + high * 0.04, y + 2), fill=color)

    def _draw_house(self, x: float, y: float) -> None:
        side = self.unit * self.chance.uniform(0.08, 0.15)
        self.pen.rectangle((x - side, y - side, x + side, y + side * 0.4), fill=PLASTER)
        roof = [(x - side * 1.25, y - side), (x, y - side * 2), (x + side * 1.25, y - side)]
        self.pen.polygon(roof, fill=_mixed(self.color, ROOF, 0.7))
        self.pen.rectangle((x - side * 0.25, y - side * 0.4, x + side * 0.25, y + side * 0.4), fill=WOOD)

    def _draw_tower(self, x: float, y: float) -> None:
        high = self.unit * self.chance.uniform(0.22, 0.36)
        for band in range(4):
            top = y - high + band * high / 4
            wide = high * (0.09 + 0.015 * band)
            fill = PLASTER if band % 2 else _mixed(self.color, ROOF, 0.6)
            self.pen.rectangle((x - wide, top, x + wide, top + high / 4 + 1), fill=fill)
        self.pen.polygon([(x - high * 0.11, y - high), (x, y - high * 1.15), (x + high * 0.11, y - high)], fill=WOOD)

    def _draw_balloon(self, x: float, y: float) -> None:
        y *= self.chance.uniform(0.3, 0.75)
        radius = self.unit * self.chance.uniform(0.05, 0.1)
        color = _mixed(self.color, self.chance.choice(BALLOONS), 0.8)
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        side = radius * 0.7
        self.pen.polygon(
            [(x - side, y + radius * 0.6), (x + side, y + radius * 0.6), (x, y + radius * 1.6)], fill=color
        )
        self.pen.rectangle((x - radius * 0.2, y + radius * 1.6, x + radius * 0.2, y + radius * 1.95), fill=WOOD)
