"""The photos of the simulated Pexels: invented, the same in every process, with the gaps of the real ones."""

import functools
import hashlib
import math
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from imagevault.testing.pictures import Picture, fitted, side_of
from imagevault.testing.upstreams.subjects import slug

COLORS = {
    "red": (200, 40, 40), "orange": (230, 130, 40), "yellow": (230, 210, 60), "green": (60, 140, 70),
    "turquoise": (60, 190, 180), "blue": (50, 90, 190), "violet": (120, 70, 170), "pink": (230, 150, 180),
    "brown": (110, 75, 50), "black": (25, 25, 25), "gray": (130, 130, 130), "white": (235, 235, 235),
}  # fmt: skip
LIBRARY = 9_000  # photos
FOUND = {"nothing": 0, "few": 7, "nature": LIBRARY}
FIRST_ID = 900_000_000  # far above any real id, so that no link here leads to a real photo

_LIGHT = ("misty", "bright", "golden", "quiet", "stormy", "silver", "frozen", "sunlit")
_SUBJECT = ("harbour", "forest", "bicycle", "lighthouse", "market", "orchard", "staircase", "fox", "teapot", "glacier")
_PLACE = ("at dawn", "in the rain", "by the river", "under clouds", "in winter", "from above", "behind glass")
_NAMES = ("Ada Lind", "Bo Marsh", "Cleo Ferro", "Dov Amsel", "Eva Quint", "Filo Brandt", "Gus Okoro", "Hana Vey")
_RATIOS = ((3, 2), (2, 3), (4, 3), (3, 4), (1, 1), (16, 9))
_MEGAPIXELS = (2, 6, 10, 16, 26, 45)
_FILE = re.compile(r"/photos/([0-9]{9})/pexels-photo-\1\.jpeg")


class Photo(msgspec.Struct, frozen=True):
    """One invented photo. `color` is the value of the colour filter, near the average colour."""

    id: int
    width: int
    height: int
    color: str
    words: str
    photographer: str

    @property
    def orientation(self) -> str:
        """The value of the filter that the sides match."""
        if self.width == self.height:
            return "square"
        return "landscape" if self.width > self.height else "portrait"

    @property
    def average(self) -> tuple[int, int, int]:
        """The average colour."""
        red, green, blue = (part + self.id % 20 for part in COLORS[self.color])
        return red, green, blue

    def as_json(self, subject: str = "") -> dict[str, Any]:
        """Return the photo as the API tells it, about a subject. The last digit of the id decides what it lacks."""
        words = f"{subject} {self.words}".strip()
        handle = self.photographer.lower().replace(" ", "-")
        photo: dict[str, Any] = {
            "id": self.id,
            "width": self.width,
            "height": self.height,
            "url": f"https://www.pexels.com/photo/{quote(slug(words))}-{self.id}/",
            "photographer": self.photographer,
            "photographer_url": f"https://www.pexels.com/@{handle}",
            "photographer_id": _NAMES.index(self.photographer) + 1,
            "avg_color": "#{:02X}{:02X}{:02X}".format(*self.average),
            "src": self._files(),
            "liked": False,
            "alt": f"Photo of a {words}",
        }
        digit = self.id % 10
        if digit in {3, 5}:
            photo["alt"] = None if digit == 3 else ""
        if digit == 4:
            photo["avg_color"] = None
        if digit == 6:
            del photo["avg_color"]
            del photo["liked"]
        if digit == 7:
            del photo["alt"]
        return photo

    def _files(self) -> dict[str, str]:
        original = f"https://images.pexels.com/photos/{self.id}/pexels-photo-{self.id}.jpeg"
        variants = {
            "large2x": "dpr=2&h=650&w=940",
            "large": "h=650&w=940",
            "medium": "h=350",
            "small": "h=130",
            "portrait": "fit=crop&h=1200&w=800",
            "landscape": "fit=crop&h=627&w=1200",
            "tiny": "dpr=1&fit=crop&h=200&w=280",
        }
        sized = {name: f"{original}?auto=compress&cs=tinysrgb&{size}" for name, size in variants.items()}
        return {"original": original, **sized}


def picture(address: httpx.URL) -> Picture | None:
    """Return the file of a photo, None if there is none at this address.

    `h` and `w` are a box, `dpr` multiplies it, and `fit=crop` fills it.
    """
    found = _FILE.fullmatch(address.path)
    number = int(found[1]) - FIRST_ID if found else -1
    if address.host != "images.pexels.com" or not 0 <= number < LIBRARY:
        return None
    photo = library()[number]
    asked = address.params
    density = 2 if asked.get("dpr") == "2" else 1
    box = (side_of(asked.get("w")) * density, side_of(asked.get("h")) * density)
    width, height = fitted((photo.width, photo.height), box)
    if asked.get("fit") == "crop":
        width, height = int(min(box[0], photo.width)), int(min(box[1], photo.height))
    return Picture(width=width, height=height, scene=f"pexels {number}", color=photo.average)


@functools.cache
def library() -> Sequence[Photo]:
    """All photos, the same in every process."""
    return [_invent(number) for number in range(LIBRARY)]


def find(query: str) -> Sequence[Photo]:
    """Return the photos that a query finds; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(_digest(words))
    count = FOUND.get(words, 100 + digest % 400)
    start = digest // 400 % LIBRARY
    return [library()[number % LIBRARY] for number in range(start, start + count)]


def _invent(number: int) -> Photo:
    light, subject, place, name, ratio, megapixels, color, *_ = _digest(str(number))
    across, down = _RATIOS[ratio % len(_RATIOS)]
    unit = math.ceil(math.sqrt(_MEGAPIXELS[megapixels % len(_MEGAPIXELS)] * 1e6 / (across * down)))
    words = (_LIGHT[light % len(_LIGHT)], _SUBJECT[subject % len(_SUBJECT)], _PLACE[place % len(_PLACE)])
    return Photo(
        id=FIRST_ID + number,
        width=across * unit,
        height=down * unit,
        color=list(COLORS)[color % len(COLORS)],
        words=" ".join(words),
        photographer=_NAMES[name % len(_NAMES)],
    )


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
