"""Draws ImageVault's sample pictures: `python examples/sample_pictures/draw.py [FOLDER]`.

FOLDER is `imagevault/samples` by default. The twelve pictures are stylised landscapes, dedicated to the public domain
(CC0 1.0). Each file carries its title, keywords, creator and licence as XMP. One version of Pillow draws the same bytes
each time.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from canvas import (
    Canvas,
    balloon,
    box,
    disc,
    dune,
    hills,
    mirrored,
    noise,
    peak,
    pine,
    ridge,
    soft,
    streak,
    sun,
    through,
    tower,
)
from PIL import Image, ImageChops, ImageFilter
from PIL.PngImagePlugin import PngInfo

SHIPPED = Path(__file__).parents[2] / "imagevault" / "samples"
MAX_BYTES = 60_000  # of one picture
LICENSE = "https://creativecommons.org/publicdomain/zero/1.0/"


def misty_mountains() -> Canvas:
    """Layers of ridges, each darker than the one behind."""
    canvas = Canvas(1200, 800, 11)
    canvas.sky("#f7d9c4", "#f2c6b8", "#c9c3d6", bottom=560)
    canvas.glow(820, 230, 520, "#ffdcae", 0.75)
    sun(canvas, 820, 230, 46, "#fff5e0")
    layers = (
        (330, 90, 420, "#b7b4cf", "#d6cfe0"),
        (400, 95, 390, "#9199be", "#c1c3dc"),
        (475, 90, 360, "#6c7aa8", "#a3b0d0"),
        (560, 80, 330, "#4a5b8c", "#7f92bd"),
        (650, 70, 300, "#2f4070", "#4d639a"),
        (735, 50, 270, "#1a2648", "#22315c"),
    )
    for height, size, wave, top, bottom in layers:
        canvas.land(ridge(canvas.random, height, size, wave), top, bottom, span=(height - size, height + 150))
        if height < 700:
            canvas.mist(height + 120, 60, "#f3dfe0", 0.28)
    return canvas


def mountain_lake() -> Canvas:
    """Three peaks over still water."""
    canvas = Canvas(1200, 800, 5)
    rng = canvas.random
    canvas.sky("#3f8fc4", "#8cc4e0", "#e6f2ef", bottom=480)
    canvas.glow(250, 120, 500, "#fff3cf", 0.5)
    canvas.land(ridge(rng, 400, 50, 200), "#9cc0d4", "#cfe3e6", span=(340, 480))
    peak(canvas, 930, 190, 500, 330, ("#6f8ea8", "#4d6d8c", "#f4f9fb", "#b4cee0", "#a9c6d2"))
    peak(canvas, 560, 90, 505, 430, ("#7d97ab", "#466684", "#ffffff", "#a9c8df", "#9dbdca"))
    peak(canvas, 190, 230, 500, 330, ("#7f9db0", "#54758f", "#f6fafb", "#b6d0df", "#aac8d2"))
    canvas.mist(492, 30, "#e9f4f2", 0.7)
    canvas.land(hills(rng, 470, 14, 180), "#3d7567", "#2c5a55", span=(440, 510))
    shore = [pine(rng, x, 512, rng.uniform(24, 62) * (0.7 + abs(x - 600) / 900)) for x in range(-10, 1220, 11)]
    canvas.shapes(shore, "#2f6459", "#1d4844")
    canvas.mirror(510, "#1f5d7a", 0.3, 1.55)
    canvas.mist(512, 5, "#dff2f0", 0.5)
    near = ((40, 420), (120, 330), (-20, 500), (190, 240), (1090, 300), (1150, 440), (1210, 380))
    canvas.shapes([pine(rng, x, 830, height) for x, height in near], "#12383a", "#0a2228")
    return canvas


def mountain_sunrise() -> Canvas:
    """The sun between ridges, under streaks of cloud."""
    canvas = Canvas(1200, 800, 23)
    canvas.sky("#3b2a63", "#8b3f7d", "#e5657a", "#ffa765", "#ffd88a", bottom=520)
    canvas.glow(700, 450, 640, "#ffcf6b", 0.8)
    sun(canvas, 700, 395, 72, "#fffbe6", "#ffe9a8")
    for x, y, wide in ((250, 150, 260), (930, 195, 320), (480, 250, 200), (820, 300, 240), (700, 110, 160)):
        canvas.shapes(streak(canvas.random, x, y, wide), "#ffb08a", "#d8577d", alpha=0.75, blur=1.5)
    layers = (
        (480, 120, 360, "#c9566f", "#f79a6d"),
        (560, 110, 320, "#8f3a68", "#cf5f6c"),
        (650, 90, 280, "#54265a", "#8b3a66"),
        (740, 60, 240, "#241338", "#3a1c4b"),
    )
    for height, size, wave, top, bottom in layers:
        line = ridge(canvas.random, height, size, wave)
        canvas.land(_valley(line), top, bottom, span=(height - size, height + 90))
    return canvas


def _valley(line: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: line(x) - abs(x - 600) * 0.09


def aurora() -> Canvas:
    """Northern lights over a peak and its lake."""
    canvas = Canvas(800, 1200, 31)
    rng = canvas.random
    canvas.sky("#060b24", "#0a1c3d", "#0e3a4f", "#17555a", bottom=900)
    canvas.stars(420, 880)
    for foot, length, strength in ((150, 60, 1.0), (118, 75, 0.8), (172, 30, 0.55)):
        curtain = _curtain(canvas, foot, length, strength).filter(ImageFilter.GaussianBlur(1.1))
        canvas.image = ImageChops.screen(canvas.image, curtain.resize(canvas.image.size, Image.Resampling.BICUBIC))
    canvas.land(ridge(rng, 890, 80, 260), "#123a4a", "#1a5a5c", span=(800, 990))
    peak(canvas, 470, 770, 1010, 330, ("#1f4a59", "#0d2838", "#8fd3c0", "#3b7f86", "#174a52"))
    canvas.mirror(1000, "#06202e", 0.4, 2.6)
    shore = noise(rng, 140, octaves=4)
    canvas.land(lambda x: 1128 - shore(x) * 22 - abs(x - 380) * 0.12, "#04101c", "#020810")
    places = (10, 60, 105, 150, 215, 600, 650, 690, 740, 790)
    heights = [rng.uniform(70, 210) * (0.35 + abs(x - 380) / 420) for x in places]
    trees = [pine(rng, x, 1140 - abs(x - 380) * 0.12, height) for x, height in zip(places, heights, strict=True)]
    canvas.shapes(trees, "#04101c")
    return canvas


def _curtain(canvas: Canvas, foot: float, length: float, strength: float) -> Image.Image:
    """A curtain of rays in a fifth of the size, for it is soft: green at its foot, purple where it fades."""
    light = Image.new("RGB", (canvas.width // 5, canvas.height // 5))
    curve, rays = noise(canvas.random, 90, octaves=2), noise(canvas.random, 7, octaves=3)
    for x in range(light.width):
        bottom = foot + curve(x) * 26 + (x - 80) * 0.22
        ray = strength * (0.55 + 0.45 * max(-1, min(1, rays(x + curve(x) * 20))))
        tall = length * (0.8 + 0.35 * rays(x * 0.5))
        for y in range(light.height):
            over = (bottom - y) / tall
            value = ray * math.exp(-over if over >= 0 else over * tall / 3)
            high = min(max(over, 0) / 1.6, 1)
            red, green, blue = 40 + 170 * high, 255 - 150 * high, 130 + 60 * high
            light.putpixel((x, y), (round(value * red), round(value * green), round(value * blue)))
    return light


def pine_forest() -> Canvas:
    """Rows of conifers in fog."""
    canvas = Canvas(800, 1200, 47)
    rng = canvas.random
    canvas.sky("#f3f5df", "#d5e6cf", "#a9d0bb", bottom=900)
    canvas.glow(560, 250, 620, "#fffadb", 0.9)
    sun(canvas, 560, 250, 58, "#fffef0")
    rows = (
        (600, 170, 24, "#b3d3bf"),
        (720, 230, 40, "#86b7a0"),
        (860, 310, 62, "#4f8d79"),
        (1080, 470, 96, "#265f52"),
    )
    for foot, tall, gap, color in rows:
        ground = hills(rng, foot, 30, 300)
        places = [x + rng.uniform(-0.4, 0.4) * gap for x in range(-20, 840, gap)]
        canvas.shapes([pine(rng, x, ground(x), tall * rng.uniform(0.55, 1.15)) for x in places], color)
        canvas.mist(foot - 10, 85, "#eef5e4", 0.8)
    canvas.land(lambda x: 1090 + 40 * math.sin(x / 250 + 2), "#1a4a42", "#0c2c2b")
    near = ((-10, 960), (95, 760), (200, 480), (640, 440), (720, 840), (815, 680))
    canvas.shapes([pine(rng, x, 1260, height) for x, height in near], "#123f3a", "#0a2726")
    return canvas


def desert_dunes() -> Canvas:
    """Four chains of dunes with the sun on their left."""
    canvas = Canvas(1200, 800, 3)
    canvas.sky("#3b7f9f", "#94c3c6", "#f8e3b8", bottom=400)
    canvas.glow(250, 190, 460, "#fff0c0", 0.85)
    sun(canvas, 250, 190, 42, "#fffcee")
    far = [(-50, 392), (220, 352), (430, 392), (800, 330), (1060, 388), (1260, 360)]
    dune(canvas, far, ("#e8b27a", "#f2cd98", "#c48a58"))
    middle = [(-50, 400), (120, 388), (360, 470), (640, 392), (930, 492), (1260, 420)]
    dune(canvas, middle, ("#e39d58", "#f3bf7e", "#b06b37"))
    dune(canvas, [(-50, 470), (330, 640), (420, 640), (900, 480), (1260, 600)], ("#d98342", "#f0ab66", "#96522a"))
    dune(canvas, [(-50, 640), (330, 585), (760, 770), (1260, 700)], ("#c56c30", "#e5955a", "#733818"))
    return canvas


def sea_at_sunset() -> Canvas:
    """A boat, an island and the glitter of the sun."""
    canvas = Canvas(1200, 800, 8)
    rng = canvas.random
    canvas.sky("#243b73", "#6a5d9c", "#d6748a", "#ffa66e", "#ffe0a0", bottom=470)
    canvas.glow(780, 450, 560, "#ffcf78", 0.8)
    sun(canvas, 780, 428, 68, "#fffdf0", "#ffe5a3")
    clouds = (
        (260, 120, 330, "#8a6ba5"),
        (900, 175, 380, "#c77c98"),
        (420, 235, 260, "#ef9a8c"),
        (1010, 300, 240, "#ffb98a"),
        (560, 345, 200, "#ffc991"),
    )
    for x, y, wide, color in clouds:
        canvas.shapes(streak(rng, x, y, wide), color, alpha=0.7, blur=1.5)
    isle = noise(rng, 130, sharp=True)
    island = [(x, 478 - (1 - abs(x - 210) / 260) * 62 * (1 + 0.35 * isle(x))) for x in range(-50, 471)]
    canvas.shapes([island], "#7c5a86", "#b87f8c")
    canvas.shapes([box(-2, 470, 1202, 802)], "#f2a877", "#c76a80", "#5f4a86", "#27336a", "#162150")
    near = [rng.random() ** 1.4 for _ in range(460)]
    glitter = [
        disc(780 + rng.gauss(0, 1) * (22 + 150 * t), 473 + 327 * t, rng.uniform(5, 34) * (0.25 + t), 0.7 + 1.9 * t)
        for t in near
    ]
    canvas.shapes(glitter, "#fff3cf", "#ffcf8f", "#ff9d80", alpha=0.85)
    ripples = [
        disc(rng.uniform(-50, 1250), 476 + 324 * t, rng.uniform(20, 90) * (0.3 + t), 0.6 + 1.6 * t) for t in near[:120]
    ]
    canvas.shapes(ripples, "#8a5a8c", "#1b2a5e", "#0e1840", alpha=0.4)
    hull, jib, sail = [(432, 556), (420, 540), (520, 540), (504, 556)], [(468, 420), (468, 534), (424, 532)], (474, 406)
    canvas.shapes([hull, jib, [sail, (474, 534), (522, 532)]], "#1c2047", "#11142f")
    canvas.shapes([disc(468, 566, 52, 3), disc(462, 576, 40, 2.5), disc(472, 590, 26, 2)], "#141a44", alpha=0.7)
    return canvas


def night_sky() -> Canvas:
    """The Milky Way over a tent with a light in it."""
    canvas = Canvas(1200, 800, 77)
    rng = canvas.random
    canvas.sky("#060922", "#0e1747", "#283a7d", "#6d5f9f", "#e0958a", bottom=690)
    for step in range(90):
        x, y = 180 + 10 * step + rng.gauss(0, 22), 600 - 7.1 * step + rng.gauss(0, 22)
        canvas.glow(x, y, rng.uniform(40, 150), rng.choice(("#4456a8", "#5552a4", "#6a58a6", "#3d6aa6")), 0.17)
    canvas.stars(1000, 620)
    for _ in range(3):
        places = [rng.uniform(240, 1080) for _ in range(120)]
        dust = [disc(x, 728 - 0.711 * x + rng.gauss(0, 34), rng.uniform(0.4, 1.1)) for x in places]
        canvas.shapes(dust, "#eef0ff", alpha=0.7)
    canvas.shapes([[(262, 118), (430, 176), (431, 178.5)]], "#cfd8ff", alpha=0.8)
    canvas.land(ridge(rng, 590, 70, 330), "#4a4684", "#9a708f", span=(520, 650))
    canvas.land(ridge(rng, 650, 60, 330), "#2b2c62", "#5a4a78", span=(590, 710))
    ground = through([(-10, 690), (300, 722), (640, 708), (900, 730), (1210, 676)])
    heights = [(x, (40 + 110 * (abs(x - 560) / 640) ** 1.5) * rng.uniform(0.5, 1)) for x in range(-10, 1220, 17)]
    canvas.shapes([pine(rng, x, ground(x) + 8, height) for x, height in heights], "#141a40")
    canvas.land(ground, "#10143a", "#070918")
    canvas.glow(560, 690, 240, "#ff9d4d", 0.55)
    canvas.shapes([[(470, 726), (552, 634), (650, 728)]], "#ffd58a", "#f08a3c")
    canvas.shapes([[(470, 726), (552, 634), (528, 727)]], "#f4a458", "#c8612c")
    canvas.shapes([[(552, 634), (572, 727), (606, 727.5)]], "#fff3c4", "#ffc46b")
    near = ((40, 520), (128, 380), (-30, 330), (1100, 330), (1165, 470))
    canvas.shapes([pine(rng, x, 812, height) for x, height in near], "#080b24", "#05060f")
    return canvas


def city_skyline() -> Canvas:
    """Three rows of towers before a low sun, over a river."""
    canvas = Canvas(1200, 800, 19)
    rng = canvas.random
    canvas.sky("#241a52", "#57327f", "#b84d87", "#f5837a", "#ffc98f", bottom=600)
    canvas.glow(760, 420, 560, "#ffb27a", 0.7)
    sun(canvas, 760, 330, 150, "#fff3d6", "#ffb08a", "#f5837a")
    rows = (
        (110, 390, "#9c4a8b", "#ec8580", 0),
        (80, 470, "#532b74", "#8d447f", 0.12),
        (60, 330, "#1d1540", "#2f1d4e", 0.36),
    )
    for low, high, top, bottom, lit in rows:
        x, towers, windows = -20.0, [], []
        while x < 1220:
            wide, central = rng.uniform(38, 76), 0.25 + 0.75 * math.exp(-(((x - 430) / 300) ** 2))
            tall = low + (high - low) * rng.random() ** 1.3 * central
            towers += tower(x, 612 - tall, wide, 614, rng.random())
            columns, floors = int((wide - 10) / 13), int((tall - 14) / 17)
            for place in range(columns * floors):
                if rng.random() < lit:
                    left, up = x + 8 + place % columns * (wide - 9) / columns, 623 - tall + place // columns * 17
                    windows.append(box(left, up, left + 6, up + 9))
            x += wide + rng.choice((0, 0, 4, 12))
        canvas.shapes(towers, top, bottom, span=(612 - high, 612))
        if windows:
            canvas.shapes(windows, "#ffe0a0", "#ffb874")
    canvas.mirror(612, "#34204f", 0.3, 2.2)
    canvas.shapes([box(-2, 608, 1202, 614)], "#120d2b")
    return canvas


def fox_in_snow() -> Canvas:
    """A fox sitting, as if folded from paper."""
    canvas = Canvas(1000, 1000, 64)
    rng = canvas.random
    canvas.sky("#b9cfe8", "#d8e2f1", "#f6ece9", bottom=620)
    canvas.glow(740, 240, 360, "#fff6e6", 0.8)
    sun(canvas, 740, 240, 60, "#fffdf6")
    for foot, tall, gap, color in ((600, 150, 34, "#c3d3e8"), (650, 230, 58, "#a3bbd8")):
        places = [x + rng.uniform(-14, 14) for x in range(-10, 1020, gap)]
        canvas.shapes([pine(rng, x, foot, tall * rng.uniform(0.5, 1.1)) for x in places], color, "#d6e1ef")
        canvas.land(hills(rng, foot - 20, 14, 300), "#d6e1ef", "#eaf0f7")
    near = ((70, 420), (190, 300), (900, 460), (985, 330))
    canvas.shapes([pine(rng, x, 745, height) for x, height in near], "#6d8db3", "#9ab3d0")
    canvas.land(lambda x: 700 - 26 * math.sin(x / 210 + 0.6), "#f7fafd", "#cfdcec")
    canvas.shapes([disc(540, 862, 290, 26)], "#a9bfdb", alpha=0.75, blur=6)
    _fox(canvas)
    flakes = [disc(rng.uniform(0, 1000), rng.uniform(0, 1000), 1.2 + 3.4 * rng.random() ** 2) for _ in range(130)]
    canvas.shapes(flakes, "#ffffff", alpha=0.85)
    return canvas


def _fox(canvas: Canvas) -> None:
    tail = ((560, 850), (700, 868), (830, 840), (868, 720), (800, 600), (742, 640), (752, 730), (690, 770), (600, 770))
    canvas.shapes([soft(*tail)], "#e0702c", "#c4541c")
    tip = ((868, 700), (862, 640), (800, 585), (728, 625), (760, 680), (790, 690), (820, 720))
    canvas.shapes([soft(*tip)], "#fdf6ef", "#efdfd3")
    back = ((500, 430), (590, 520), (650, 680), (668, 820), (640, 872), (500, 872))
    canvas.shapes([soft(*back, (360, 872), (332, 820), (350, 680), (410, 520))], "#ee7f33", "#d7621f")
    canvas.shapes([soft(*back, (530, 700))], "#dd6a26", "#c4541c")
    chest = [(500, 545), (596, 545), (572, 640), (530, 690), (500, 760)]
    canvas.shapes([[*chest, *reversed(mirrored(chest, 500))]], "#fffaf4", "#f0e2d8")
    leg = soft((424, 690), (492, 690), (494, 800), (496, 868), (458, 874), (420, 868), (422, 800))
    canvas.shapes([leg, mirrored(leg, 500)], "#e57530", "#3b2430", span=(700, 850))
    face = [(500, 330), (448, 330), (366, 196), (338, 400), (316, 470), (408, 548), (500, 600)]
    ear = [(430, 336), (376, 232), (358, 388)]
    cheek = [(316, 470), (408, 548), (500, 600), (478, 520), (440, 470), (380, 452)]
    canvas.shapes([face], "#f68c3f", "#ee7f33")
    canvas.shapes([mirrored(face, 500)], "#e5742c", "#d9661f")
    canvas.shapes([ear, mirrored(ear, 500)], "#352029")
    canvas.shapes([cheek], "#fffaf4")
    canvas.shapes([mirrored(cheek, 500)], "#efe0d6")
    canvas.shapes([disc(424, 436, 13, 16), disc(576, 436, 13, 16)], "#2a1a22")
    canvas.shapes([disc(428, 430, 4, 5), disc(580, 430, 4, 5)], "#ffffff")
    canvas.shapes([soft((474, 570), (500, 562), (526, 570), (514, 598), (500, 606), (486, 598))], "#2a1a22")


def abstract_waves() -> Canvas:
    """Bands of flat colour."""
    canvas = Canvas(1200, 800, 90)
    canvas.sky("#ffe8c2", bottom=800)
    warm = ("#ffc98b", "#ff9f6e", "#f4736b", "#d94f76", "#a83f83")
    for index, color in enumerate((*warm, "#6f3a8c", "#41388a", "#234a8f", "#136a94", "#128f94")):
        canvas.land(_wave(90 + index * 68, canvas.random.uniform(0, 6)), color)
    return canvas


def _wave(height: float, phase: float) -> Callable[[float], float]:
    return lambda x: height + 58 * math.sin(x / 210 + phase) + 26 * math.sin(x / 97 + phase * 2.3) - (x - 600) * 0.06


def hot_air_balloons() -> Canvas:
    """Three balloons over green hills."""
    canvas = Canvas(800, 1200, 58)
    rng = canvas.random
    canvas.sky("#5fb0d3", "#a8d8e0", "#fdebc8", bottom=820)
    canvas.glow(180, 760, 520, "#fff1c0", 0.8)
    for x, y, wide in ((620, 180, 75), (130, 420, 65), (690, 600, 55)):
        puffs = [(rng.uniform(-wide, wide), rng.uniform(0, 16), rng.uniform(0.4, 0.8) * wide) for _ in range(10)]
        cloud = [disc(x + aside, y - up, across, rng.uniform(10, 24)) for aside, up, across in puffs]
        canvas.shapes(cloud, "#ffffff", alpha=0.8, blur=3)
    layers = (
        (830, 45, 260, "#a9cfc4", "#cfe3cf"),
        (890, 40, 300, "#7fb795", "#b5d6a4"),
        (970, 45, 360, "#559b6c", "#93c27b"),
        (1070, 40, 420, "#2f7a55", "#62a563"),
        (1150, 22, 300, "#1d5a47", "#2f7a55"),
    )
    for height, size, wave, top, bottom in layers:
        hill, bush = hills(rng, height, size, wave), (height - 800) / 22
        canvas.land(hill, top, bottom, span=(height - size, height + 110))
        if height > 900:
            places = [rng.uniform(0, 800) for _ in range(22)]
            canvas.shapes([disc(x, hill(x) + 2, bush * 0.9, bush * 1.3) for x in places], top)
    balloon(canvas, 300, 330, 150, ("#e4574c", "#f7c65b", "#e4574c", "#fff2d8"))
    balloon(canvas, 600, 560, 84, ("#2f6f9f", "#f6efe0", "#2f6f9f", "#f4a259"))
    balloon(canvas, 150, 660, 52, ("#7d4f8f", "#f2b5a0", "#7d4f8f", "#f6e3c5"))
    return canvas


class Sample(NamedTuple):
    """A picture to be drawn, and what is embedded in it. Keywords are parted by commas."""

    file: str
    draw: Callable[[], Canvas]
    title: str
    keywords: str
    alt: str

    @property
    def xmp(self) -> bytes:
        """Title, keywords, creator and licence. https://developer.adobe.com/xmp/docs/xmp-specifications/"""
        keywords = "".join(f"<rdf:li>{escape(keyword)}</rdf:li>" for keyword in self.keywords.split(", "))
        return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:iptc="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
 xmpRights:Marked="False" xmpRights:WebStatement="{LICENSE}">
<dc:title>{_text(self.title)}</dc:title>
<iptc:AltTextAccessibility>{_text(self.alt)}</iptc:AltTextAccessibility>
<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>
<dc:creator><rdf:Seq><rdf:li>ImageVault</rdf:li></rdf:Seq></dc:creator>
<dc:rights>{_text("CC0 1.0")}</dc:rights>
<cc:license rdf:resource="{LICENSE}"/>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def _text(text: str) -> str:
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>'


SAMPLES = (
    Sample(
        "misty-mountains.jpg",
        misty_mountains,
        "Misty mountains at dawn",
        "mountain, mist, dawn, layers, haze, blue",
        "Layers of blue mountain ridges fade into pink morning haze below a pale sun.",
    ),
    Sample(
        "mountain-lake.jpg",
        mountain_lake,
        "Mountain lake",
        "mountain, lake, reflection, snow, summer, water",
        "Three snow-capped peaks and a line of firs are mirrored in a still lake.",
    ),
    Sample(
        "mountain-sunrise.jpg",
        mountain_sunrise,
        "Sunrise in the mountains",
        "mountain, sunrise, morning, orange, purple, clouds",
        "The sun rises behind purple and orange mountain ridges.",
    ),
    Sample(
        "aurora.jpg",
        aurora,
        "Aurora over a mountain",
        "aurora, northern lights, mountain, night, green, lake",
        "Green northern lights hang like curtains over a snowy peak and a dark lake.",
    ),
    Sample(
        "pine-forest.jpg",
        pine_forest,
        "Pine forest in fog",
        "forest, pine, tree, fog, green, morning",
        "Rows of conifers stand one behind the other in pale green fog.",
    ),
    Sample(
        "desert-dunes.jpg",
        desert_dunes,
        "Desert dunes",
        "desert, dune, sand, sun, heat, orange",
        "Sand dunes with soft shadows lie under a pale sun.",
    ),
    Sample(
        "sea-at-sunset.jpg",
        sea_at_sunset,
        "Sailing boat at sunset",
        "sea, sunset, boat, sail, ocean, water, island",
        "A small sailing boat on a calm sea, beside the glittering path of the setting sun.",
    ),
    Sample(
        "night-sky.webp",
        night_sky,
        "Night sky over a tent",
        "night, sky, stars, milky way, tent, camping, mountain",
        "A tent glows under the Milky Way, between dark firs and far mountains.",
    ),
    Sample(
        "city-skyline.jpg",
        city_skyline,
        "City skyline at dusk",
        "city, skyline, dusk, architecture, building, reflection",
        "Towers with lit windows before a huge setting sun, mirrored in a river.",
    ),
    Sample(
        "fox-in-snow.jpg",
        fox_in_snow,
        "Red fox in snow",
        "fox, snow, winter, animal, wildlife, orange",
        "A red fox sits in falling snow before blue fir trees.",
    ),
    Sample(
        "abstract-waves.png",
        abstract_waves,
        "Abstract waves",
        "abstract, wave, pattern, colour, background, gradient",
        "Curved bands of colour from cream over coral and purple to teal.",
    ),
    Sample(
        "hot-air-balloons.jpg",
        hot_air_balloons,
        "Hot-air balloons over green hills",
        "balloon, hill, meadow, sky, travel, green",
        "Three striped balloons float over rolling green hills on a clear morning.",
    ),
)


def save(sample: Sample, folder: Path) -> Path:
    """Draw one sample into this folder; JPEG and WebP in the best quality that fits `MAX_BYTES`."""
    image = sample.draw().finish()
    path = folder / sample.file
    if path.suffix == ".png":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", sample.xmp.decode())
        image.quantize(96, dither=Image.Dither.NONE).save(path, optimize=True, pnginfo=text)
        return path
    for quality in range(90, 40, -3):
        image.save(path, quality=quality, optimize=True, progressive=True, method=4, xmp=sample.xmp)
        if path.stat().st_size <= MAX_BYTES:
            break
    return path


def main() -> None:
    """Draw all samples into the folder named on the command line, or into the package."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    folder.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        save(sample, folder)


if __name__ == "__main__":
    main()
