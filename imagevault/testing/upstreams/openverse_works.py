"""The works of the simulated Openverse: invented, the same in every process, with the gaps of the real ones."""

import functools
import hashlib
import html
import math
import re
import uuid
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec

from imagevault.testing.pictures import fitted
from imagevault.testing.upstreams.subjects import capitalized

LIBRARY = 2_000  # works
FIRST_NUMBER = 9_000_000_000  # at the sources, far above any real number
FOUND = {"nothing": 0, "few": 7, "nature": LIBRARY}
LICENSES = {  # code -> (version, address); versions as Openverse's providers give them
    "by": ("2.0", "licenses/by/2.0"),
    "by-sa": ("4.0", "licenses/by-sa/4.0"),
    "by-nc": ("2.0", "licenses/by-nc/2.0"),
    "by-nd": ("2.0", "licenses/by-nd/2.0"),
    "by-nc-sa": ("2.0", "licenses/by-nc-sa/2.0"),
    "by-nc-nd": ("2.0", "licenses/by-nd-nc/2.0/jp"),  # as the real one has it
    "cc0": ("1.0", "publicdomain/zero/1.0"),
    "pdm": ("1.0", "publicdomain/mark/1.0"),
    "sampling+": ("1.0", "licenses/sampling+/1.0"),
    "nc-sampling+": ("1.0", "licenses/nc-sampling+/1.0"),
}

_LIGHT = ("misty", "bright", "golden", "quiet", "stormy", "silver", "frozen", "sunlit")
_SUBJECT = ("harbour", "forest", "bicycle", "lighthouse", "market", "orchard", "staircase", "fox", "teapot", "glacier")
_NAMES = ("Ada Lind", "Bo Marsh", "Cleo Ferro", "Dov Amsel", "Eva Quint", "Filo Brandt", "Gus Okoro", "Hana Vey")
_RATIOS = ((3, 2), (2, 3), (4, 3), (3, 4), (1, 1), (16, 9))
_MEGAPIXELS = (1, 6, 16, 26)
_FLICKR = 1024  # pixels, the longer side of the file that Openverse knows
_SOURCES = {  # name -> (file, page)
    "flickr": ("https://live.staticflickr.com/65535/{n}_0123456789_b.jpg", "https://www.flickr.com/photos/{who}/{n}"),
    "wikimedia": (
        "https://upload.wikimedia.org/wikipedia/commons/0/0f/Invented_{n}.jpg",
        "https://commons.wikimedia.org/w/index.php?curid={n}",
    ),
    "stocksnap": (
        "https://cdn.stocksnap.io/img-thumbs/960w/INVENTED{n}.jpg",
        "https://stocksnap.io/photo/invented-{n}",
    ),
    "rawpixel": ("https://images.rawpixel.com/editor_1024/invented-{n}.jpg", "https://www.rawpixel.com/image/{n}"),
}
# The hosts of files, the number in their addresses, and the box in pixels that the files are scaled down to.
_FILES: dict[str, tuple[re.Pattern[str], tuple[float, float]]] = {
    "live.staticflickr.com": (re.compile(r"/65535/([0-9]{10})_0123456789_b\.jpg"), (_FLICKR, _FLICKR)),
    "upload.wikimedia.org": (
        re.compile(r"/wikipedia/commons/0/0f/Invented_([0-9]{10})\.jpg"),
        (math.inf, math.inf),
    ),
    "cdn.stocksnap.io": (re.compile(r"/img-thumbs/960w/INVENTED([0-9]{10})\.jpg"), (960, math.inf)),
    "images.rawpixel.com": (re.compile(r"/editor_1024/invented-([0-9]{10})\.jpg"), (1024, 1024)),
}


class Work(msgspec.Struct, frozen=True):
    """One invented work. The last digit of its number decides what it lacks; every 25th is sensitive.

    Attributes:
        width: of the original, in pixels; None if the API does not know it.
        height: the same.
        size: width and height of the original, whether the API knows them or not.

    """

    number: int
    id: str
    words: tuple[str, str]
    name: str
    source: str
    license: str
    width: int | None
    height: int | None
    size: tuple[int, int]

    @property
    def aspect_ratio(self) -> str | None:
        """The value of the filter that the sides match; None if they are unknown."""
        if self.width is None or self.height is None:
            return None
        if self.width == self.height:
            return "square"
        return "wide" if self.width > self.height else "tall"

    @property
    def sensitive(self) -> bool:
        """Whether a search leaves it out by default."""
        return self.number % 25 == 9

    @property
    def source_page(self) -> str:
        """The page of the work at its source."""
        _, page = _SOURCES[self.source]
        return page.format(n=FIRST_NUMBER + self.number, who=self.name.replace(" ", "").lower())

    def _title(self, subject: str) -> str | None:
        """What it is called: words, the name of a file, or HTML on Wikimedia Commons; None for one in ten."""
        title = capitalized(f"{subject} {' '.join(self.words)}".strip())
        is_on_commons = self.source == "wikimedia"
        match self.number % 10:
            case 2 if is_on_commons:
                return f"<div class='fn'> {html.escape(title)} &amp; more</div>"
            case 3:
                return None
            case 8:
                return f"File:{title.replace(' ', '_')}.jpg" if is_on_commons else f"DSC_{self.number:04}.JPG"
        return title

    def as_json(self, api: str, source_page: str | None = None, subject: str = "") -> dict[str, Any]:
        """Return the work as the API at this address answers it, about a subject.

        `source_page` replaces its own, if it is given.
        """
        digit = self.number % 10
        file, _ = _SOURCES[self.source]
        title = self._title(subject)
        creator = None if digit == 4 else self.name
        version, path = LICENSES[self.license]
        url = f"https://creativecommons.org/{path}/"
        tags: list[dict[str, Any]] = [
            {"name": word, "accuracy": None, "unstable__provider": self.source}
            for word in (*subject.split(), *self.words)
        ]
        if digit == 2:  # a machine found the same tag
            tags.append({"name": self.words[1], "accuracy": 0.97, "unstable__provider": "rekognition"})
        work = {
            "id": self.id,
            "title": title,
            "indexed_on": "2024-05-06T07:08:09.101112Z",
            "foreign_landing_url": source_page or self.source_page,
            "url": file.format(n=FIRST_NUMBER + self.number),
            "creator": creator,
            "creator_url": creator and f"https://people.example/{creator.replace(' ', '').lower()}",
            "license": self.license,
            "license_version": None if self.license == "pdm" else version,
            "license_url": None if digit == 1 else url,
            "provider": self.source,
            "source": self.source,
            "category": "photograph" if self.source == "stocksnap" else None,
            "filesize": None,
            "filetype": "jpg" if self.source in {"stocksnap", "rawpixel"} else None,
            "tags": None if digit == 7 else tags,
            "attribution": _attribution(title, creator, self.license, version, url),
            "fields_matched": [],
            "mature": self.sensitive,
            "height": self.height,
            "width": self.width,
            "thumbnail": f"{api}images/{self.id}/thumb/",
            "detail_url": f"{api}images/{self.id}/",
            "related_url": f"{api}images/{self.id}/related/",
            "unstable__sensitivity": ["user_reported_sensitivity"] if self.sensitive else [],
        }
        if digit == 6:  # an answer of 2022
            del work["attribution"]
            del work["height"]
            del work["width"]
        return work


@functools.cache
def library() -> Sequence[Work]:
    """All works, the same in every process."""
    return [_invent(number) for number in range(LIBRARY)]


def find(query: str, *, sensitive: bool = False) -> Sequence[Work]:
    """Return the works that a query finds; case and spaces make no difference."""
    words = " ".join(query.casefold().split())
    digest = int.from_bytes(_digest(words))
    count = FOUND.get(words, 40 + digest % 300)
    start = digest // 300 % LIBRARY
    run = (library()[number % LIBRARY] for number in range(start, start + LIBRARY))
    return [work for work in run if sensitive or not work.sensitive][:count]


def find_file(address: httpx.URL) -> tuple[Work, tuple[int, int]] | None:
    """Return the work whose file is at this address, with the size of the file; None if there is none."""
    if address.host not in _FILES:
        return None
    path, box = _FILES[address.host]
    found = path.fullmatch(address.path)
    number = int(found[1]) - FIRST_NUMBER if found else -1
    if not 0 <= number < LIBRARY:
        return None
    work = library()[number]
    return work, fitted(work.size, box)


def _invent(number: int) -> Work:
    light, subject, name, origin, license, ratio, megapixels, *_ = _digest(str(number))
    source = list(_SOURCES)[origin % len(_SOURCES)]
    across, down = _RATIOS[ratio % len(_RATIOS)]
    part = math.sqrt(_MEGAPIXELS[megapixels % len(_MEGAPIXELS)] * 1e6 / (across * down))
    if source == "flickr":
        part = _FLICKR / max(across, down)
    unknown = number % 10 in {5, 6}
    size = (math.ceil(across * part), math.ceil(down * part))
    return Work(
        number=number,
        id=str(uuid.UUID(bytes=_digest(f"work {number}", 16), version=4)),
        words=(_LIGHT[light % len(_LIGHT)], _SUBJECT[subject % len(_SUBJECT)]),
        name=_NAMES[name % len(_NAMES)],
        source=source,
        license=list(LICENSES)[license % 8 if license < 240 else 8 + license % 2],  # the last two are rare
        width=None if unknown else size[0],
        height=None if unknown else size[1],
        size=size,
    )


def _attribution(title: str | None, creator: str | None, license: str, version: str, url: str) -> str:
    """Return the sentence that the API makes for a work."""
    name = "Public Domain Mark" if license == "pdm" else license.upper().replace("SAMPLING", "Sampling")
    work = f'"{title}"' if title else "This work"
    by = f" by {creator}" if creator else ""
    if license in {"cc0", "pdm"}:
        return f"{work}{by} is marked with {name} {version}. To view the terms, visit {url}."
    return f"{work}{by} is licensed under CC {name} {version}. To view a copy of this license, visit {url}."


def _digest(text: str, size: int = 8) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size).digest()
